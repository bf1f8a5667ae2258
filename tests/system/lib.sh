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

skip() {
    echo "skipped: $*"
    exit 77
}

# clean_up [STATUS]: of whoever has done its own part of it before.
clean_up() {
    local status=${1:-$?} name
    for name in "${!pids[@]}"; do kill -KILL "${pids[$name]}" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if ((status != 0 && status != 77)); then
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
# model, data, training, averaging, security, or what is in [node] besides.
configure() {
    local name=$1 network=test bind=tcp://127.0.0.1:0 order=0 peers='' start_peers=1
    local model='builtin = "mlp"
hidden = [8]'
    local data='source = "synthetic-digits"
samples = 20000'
    # Slow steps, and a model too narrow to ever be done with learning: crossings keep coming, some 25
    # in 1,000 steps.
    local training='batch_size = 512
learning_rate = 0.002'
    local averaging='[averaging]
threshold = 1'
    local security='insecure = true'
    local node=''
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
$node
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

# set_up NAME HOST:PORT COMMAND...: a node by `dynavg init` or `join`, with keys, for a small model
# with slow steps.
set_up() {
    local name=$1 address=$2
    "$DYNAVG" "${@:3}" --config "$work/$name.toml" --name "$name" --advertise "$address" \
        --state-dir "$work/$name" --control "$work/$name.sock" --no-start >"$work/$name.told"
    sed --in-place "s|^bind *=.*|bind = \"tcp://$address\"|; s/^# batch_size = .*/batch_size = 512/
        s/^# hidden = .*/hidden = [8]/; s/^# builtin = .*/builtin = \"mlp\"/" "$work/$name.toml"
}
token_of() { "$DYNAVG" token --config "$work/$1.toml"; }
key_of() { "$DYNAVG" id --json --config "$work/$1.toml" | jq --raw-output .key; }

# Addresses of this test alone: any of 127.0.0.0/8 is this machine.
readonly loopback=127.$((RANDOM % 250 + 2)).$((RANDOM % 250 + 2))

# Words that a daemon's command line begins with; networks.sh puts it into a network namespace.
declare -A within=()

# start NAME [LOG]: the log of a later life may go to a file of its own, LOG.log. An empty log_format
# leaves the format to the daemon.
start() {
    local format=("--log-format=${log_format-json}")
    [[ -n ${log_format-json} ]] || format=()
    # The kernel ends the daemon if this script is killed in a way that no trap sees.
    # shellcheck disable=SC2086 # Several words.
    ${within[$1]:-} setpriv --pdeathsig TERM "$DYNAVGD" --config "$work/$1.toml" \
        "${format[@]}" >"$work/$1.out" 2>"$work/${2:-$1}.log" </dev/null &
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

# expect_none NAME EVENT [CONDITION]
expect_none() {
    ! has_event "$@" || fail "$1 tells of: $(events "$1" "$2" .message | sed --quiet 1,3p)"
}

# The address that others dial, once the daemon is up. One that has learned its settings starts twice.
address_of() {
    await "$1" started
    events "$1" started .bind | tail --lines=1
}

status_of() { "$DYNAVG" status --json --control "$work/$1.sock"; }

has_status() { status_of "$1" 2>/dev/null | jq --exit-status "$2" >/dev/null 2>&1; }

await_status() { until_true "status of $1 with $2" has_status "$@"; }

has_ended() { ! kill -0 "${pids[$1]}" 2>/dev/null; }

# Four daemons a to d that start together, each with the data of its number: the caller has the
# function `data`, and `training` and `averaging`.
start_four() {
    local name number=0 seed=
    for name in a b c d; do
        configure "$name" order="$number" start_peers=4 data="$(data "$number")" \
            training="$training" averaging="$averaging" peers="$seed"
        start "$name"
        [[ -n $seed ]] || seed="\"$(address_of a)\""
        number=$((number + 1))
    done
}

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

# --- what came after a mark -------------------------------------------------------------------

declare -A marks=()

# mark NAME...: *_new look at later lines only.
mark() {
    local name
    for name in "$@"; do marks[$name]=$(wc -l <"$work/$name.log"); done
}

# A reader of them may stop early: give them as a file, not in a pipe, whose end would then fail.
new_lines() { tail --lines=+$((${marks[$1]:-0} + 1)) "$work/$1.log"; }

# events_new NAME EVENT [FILTER], await_new NAME EVENT [CONDITION] as events and await.
events_new() {
    new_lines "$1" | jq --raw-output --arg event "$2" "select(.event == \$event) | ${3:-.}"
}
has_new() {
    jq --exit-status --null-input --arg event "$2" \
        "any(inputs; .event == \$event and (${3:-true}))" < <(new_lines "$1") >/dev/null 2>&1
}
await_new() { until_true "new event $2 of $1 with ${3:-anything}" has_new "$@"; }

# --- figures ----------------------------------------------------------------------------------

# Milliseconds since 1970, as in the logs' times.
now_ms() { date +%s%3N; }

# time_of NAME EVENT [CONDITION]: of the first such line after the mark, in milliseconds.
time_of() {
    jq --null-input --arg event "$2" "
        first(inputs | select(.event == \$event and (${3:-true}))) |
        (.time[0:19] + \"Z\" | fromdateiso8601) * 1000 + (.time[20:23] | tonumber)" \
        < <(new_lines "$1")
}

# latest NUMBER...
latest() { printf '%s\n' "$@" | sort --numeric-sort | tail --lines=1; }

# Whether the long form of the test is asked for: more trials, and bars as they are. The short form,
# which shares its machine with others and may be built with sanitizers, fails only where a bar is
# missed by far.
long_form() { [[ ${DYNAVG_TEST_LONG:-no} == yes ]]; }

# figure NAME VALUE BAR UNIT: prints a measured whole number, which must not be above the bar.
figure() {
    local allowed=$3
    long_form || allowed=$(($3 * ${DYNAVG_TEST_PATIENCE:-5}))
    echo "figure: $1: $2 $4 (bar $3 $4)"
    (($2 <= allowed)) || fail "$1: $2 $4 is above $allowed $4"
}

# The machine's other load, beside the figures.
echo "load: $(cut --delimiter=' ' --fields=1-3 /proc/loadavg) on $(nproc) processors"

peers_of() { "$DYNAVG" peers --json --control "$work/$1.sock"; }

# await_calm NAME...: these know by now how regularly the others are heard; a bar on detection holds
# only then.
is_calm() {
    peers_of "$1" | jq --exit-status '.peers | all(.live and .suspicion_timeout_ms < 3400)' \
        >/dev/null 2>&1
}
await_calm() {
    local name
    for name in "$@"; do until_true "calm of $name" is_calm "$name"; done
}

# --- faults -----------------------------------------------------------------------------------

# strike NAME SIGNAL: in the midst of NAME's next exchange; a link's rate makes that long enough.
strike() {
    timeout "$deadline_s" grep --quiet --max-count=1 '"event":"round_started"' \
        < <(exec tail --follow --lines=0 --pid=$$ "$work/$1.log") ||
        fail "$1 starts no round within $deadline_s s"
    kill -"$2" "${pids[$1]}"
}

# Where two of these daemons installed a reference of one epoch, it is the same.
expect_agreement() {
    local name forks
    forks=$(for name in "$@"; do references_of "$name"; done | sort --unique |
        awk '{ print $1 }' | uniq --repeated)
    [[ -z $forks ]] || fail "different references of epoch $forks"
}

# expect_verified LOG...: `dynavg verify` says that these agree; its verdict is in verdict.json.
expect_verified() {
    "$DYNAVG" verify --json "$@" >"$work/verdict.json" ||
        fail "not verified: $("$DYNAVG" verify "$@" 2>&1)"
}

# --- steps ------------------------------------------------------------------------------------

# A reference that these daemons have in common, with no round open: the steps of each, and how many
# of them are not in a reference yet. Needs the output of status_of at one moment.
common_status() {
    local name
    for name in "$@"; do status_of "$name" || return 1; done 2>/dev/null | jq --compact-output \
        --slurp 'if (map([.epoch, .digest]) | unique | length == 1) and all(.[]; .round == null)
            then {epoch: .[0].epoch, digest: .[0].digest, steps: (map(.steps) | add),
                  kept: (map(.steps_since_reference) | add)}
            else error("not yet") end' 2>/dev/null
}

have_one_reference() { common_status "$@" >/dev/null; }

# await_one_reference NAME...
await_one_reference() { until_true "reference that $* have in common" have_one_reference "$@"; }

# The steps in the references up to an epoch: each told by a peer that it held.
steps_in_references() {
    local epoch=$1 name
    shift
    for name in "$@"; do events "$name" round_committed '[.epoch, .steps] | @tsv'; done |
        awk -v last="$epoch" '$1 <= last && $2 > steps[$1] { steps[$1] = $2 }
            END { for (epoch in steps) sum += steps[epoch]; print sum + 0 }'
}

every_step_counts_once() {
    local now
    now=$(common_status "$@") || return 1
    accounts=$(jq --raw-output '"\(.steps - .kept) in references by the peers, "' <<<"$now")
    accounts+="$(steps_in_references "$(jq .epoch <<<"$now")" "$@") by the rounds"
    (($(jq '.steps - .kept' <<<"$now") == $(steps_in_references "$(jq .epoch <<<"$now")" "$@")))
}

# For daemons none of which was killed: each step is in one reference or still kept, never in two.
# A commit is in the log a moment after it is in force, so a look may come too early; steps that are
# lost or counted twice stay so.
expect_every_step_once() {
    accounts='no common reference'
    local end=$((SECONDS + deadline_s))
    until every_step_counts_once "$@"; do
        ((SECONDS < end)) || fail "steps are lost or count twice: $accounts"
        sleep 0.05
    done
    echo "steps: $accounts"
}
