#!/bin/bash
# Helpers of the tests beside it, which run real daemons over loopback sockets. Sourced, with
# DYNAVGD, DYNAVG and DYNAVG_SIMULATE set to the programs.
#
# Nothing here sleeps in place of knowing: a test waits for a line in a log, an answer or an exit,
# and fails at a deadline that is far beyond what a loaded machine needs, sanitizers included.
set -euo pipefail
: "${DYNAVGD:?}" "${DYNAVG:?}" "${DYNAVG_SIMULATE:?}"

readonly deadline_s=120
work=$(mktemp --directory)
declare -A pids=()

clean_up() {
    local status=$? name
    for name in "${!pids[@]}"; do kill -KILL "${pids[$name]}" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if ((status != 0)); then
        for name in "$work"/*.log; do
            [[ ! -e $name ]] || { echo "--- $name" && tail -n 40 "$name"; }
        done
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 143' TERM INT HUP

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# configure NAME [PART=TEXT...] writes NAME.toml. A network of small models that is quick to train,
# unless a part says otherwise: network, bind, order, peers, start_peers, or what is in a table:
# model, data, training, averaging, security.
configure() {
    local name=$1 network=test bind=tcp://127.0.0.1:0 order=0 peers='' start_peers=1
    local model='builtin = "mlp"
hidden = [16]'
    local data='source = "synthetic-digits"
samples = 20000'
    # Slow steps, and no end to what can be learned while a test runs: crossings keep coming.
    local training='batch_size = 512
learning_rate = 0.002'
    local averaging='[averaging]
threshold = 0.2'
    local security='insecure = true'
    local part
    for part in "${@:2}"; do local "$part"; done
    cat >"$work/$name.toml" <<END
[node]
network     = "$network"
name        = "$name"
order       = $order
bind        = "$bind"
peers       = [$peers]
start_peers = $start_peers
state_dir   = "$work/$name"
control     = "$work/$name.sock"
[model]
$model
[data]
$data
[training]
$training
$averaging
[security]
$security
END
}

start() {
    # The kernel ends the daemon if this script is killed in a way that no trap sees.
    setpriv --pdeathsig TERM "$DYNAVGD" --config "$work/$1.toml" --log-format json \
        >"$work/$1.out" 2>"$work/$1.log" </dev/null &
    pids[$1]=$!
}

# until_true WHAT COMMAND... repeats the command until it succeeds.
until_true() {
    local what=$1 end=$((SECONDS + deadline_s))
    while ! "${@:2}"; do
        ((SECONDS < end)) || fail "no $what within $deadline_s s"
        sleep 0.05
    done
}

# events NAME EVENT [FILTER] prints what a jq filter makes of the lines of one event.
events() {
    jq --raw-output --arg event "$2" "select(.event == \$event) | ${3:-.}" "$work/$1.log"
}

has_event() {
    jq --exit-status --slurp --arg event "$2" \
        "any(.[]; .event == \$event and (${3:-true}))" "$work/$1.log" >/dev/null 2>&1
}

# await NAME EVENT [CONDITION] waits for a line that meets a jq condition.
await() { until_true "event $2 of $1 with ${3:-anything}" has_event "$@"; }

# What others dial, once the daemon is up.
address_of() {
    await "$1" started
    events "$1" started .bind
}

status_of() { "$DYNAVG" status --json --control "$work/$1.sock"; }

has_status() { status_of "$1" 2>/dev/null | jq --exit-status "$2" >/dev/null 2>&1; }

await_status() { until_true "status of $1 with $2" has_status "$@"; }

has_ended() { ! kill -0 "${pids[$1]}" 2>/dev/null; }

# expect_exit NAME CODE waits for the end of a daemon.
expect_exit() {
    until_true "end of $1" has_ended "$1"
    local code=0
    wait "${pids[$1]}" || code=$?
    unset "pids[$1]"
    [[ $code == "$2" ]] || fail "$1 ended with exit code $code, not $2"
}

# expect_log NAME TEXT: somewhere in what the daemon wrote to standard error.
expect_log() {
    grep --quiet --fixed-strings -- "$2" "$work/$1.log" || fail "$1 does not say: $2"
}

# The references that a daemon installed, as "EPOCH DIGEST" lines.
references_of() {
    jq --raw-output '
        if .event == "round_committed" then "\(.epoch) \(.digest)"
        elif .event == "adopted" then "\(.epoch) \(.to_reference)"
        else empty end' "$work/$1.log"
}

# Where two of these daemons installed a reference of one epoch, it is the same.
expect_agreement() {
    local name forks
    forks=$(for name in "$@"; do references_of "$name"; done | sort --unique |
        awk '{ print $1 }' | uniq --repeated)
    [[ -z $forks ]] || fail "different references of epoch $forks"
}
