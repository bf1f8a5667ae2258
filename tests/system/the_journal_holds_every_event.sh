#!/bin/bash
# With a journald of the test's own: a daemon whose standard error is the journal's writes entries
# with fields there, and trains on while journald hangs and while it is gone. The entries that
# `dynavg verify` reads from the journal agree with the lines of JSON that another daemon wrote.
#
# Needs systemd-journald, and root or unprivileged user namespaces; else the test is skipped.
journald=/lib/systemd/systemd-journald
if [[ -z ${DYNAVG_TEST_NAMESPACES:-} ]]; then
    skip() {
        echo "skipped: $*"
        exit 77
    }
    [[ -x $journald ]] || skip "there is no $journald"
    command -v journalctl >/dev/null || skip "there is no journalctl"
    spaces=(--mount --pid --fork --kill-child=KILL --mount-proc)
    ((EUID == 0)) || spaces+=(--user --map-root-user)
    unshare "${spaces[@]}" true 2>/dev/null || skip "no right to make namespaces"
    export DYNAVG_TEST_NAMESPACES=yes
    exec unshare "${spaces[@]}" bash "$0" "$@"
fi
source "${BASH_SOURCE[0]%/*}/lib.sh"

mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
[[ -s /etc/machine-id ]] || skip "this machine has no /etc/machine-id"

has_socket() { [[ -S /run/systemd/journal/socket ]]; }
start_journald() {
    "$journald" 2>"$work/journald.log" &
    pids[journald]=$!
    # An old socket is no sign.
    until_true "journald" has_socket
}

journal() { journalctl --quiet --directory=/run/log/journal --output=json --all "$@"; }
has_entry() { [[ -n $(journal --lines=1 "$@") ]]; }
await_entry() { until_true "entry with $*" has_entry "$@"; }
epoch_of() { status_of "$1" | jq .epoch; }
is_beyond() { (($(epoch_of "$1") > $2)); }

# Rounds that come often, whatever was learned.
averaging='[averaging]
monitor = "interval:50"'
start_journald
configure b averaging="$averaging"
start b
configure a averaging="$averaging" peers="\"$(address_of b)\""
# The variable that systemd sets for a service whose standard error it has connected.
touch "$work/a.log"
within[a]="env JOURNAL_STREAM=$(stat --format=%d:%i "$work/a.log")"
log_format='' start a
await b round_committed '.participants | length == 2'
await_entry DYNAVG_EVENT=round_committed
await_entry DYNAVG_NODE=a DYNAVG_EVENT=peer_joined
[[ ! -s $work/a.log ]] || fail "a wrote to standard error, too: $(head -n 3 "$work/a.log")"

entry=$(journal DYNAVG_EVENT=round_committed --lines=1)
for field in MESSAGE PRIORITY MESSAGE_ID SYSLOG_IDENTIFIER DYNAVG_NODE DYNAVG_NETWORK DYNAVG_EPOCH \
    DYNAVG_STEP DYNAVG_ROUND DYNAVG_PARTICIPANTS DYNAVG_EXPECTED DYNAVG_DIGEST DYNAVG_ESTIMATE \
    DYNAVG_THRESHOLD DYNAVG_STEPS DYNAVG_DURATION_MS DYNAVG_BYTES_SENT DYNAVG_BYTES_RECEIVED \
    DYNAVG_BYTES_MONITORING; do
    jq --exit-status --arg field "$field" 'has($field)' <<<"$entry" >/dev/null ||
        fail "an entry of round_committed has no $field: $entry"
done
jq --exit-status --arg program "${DYNAVGD##*/}" '(.DYNAVG_PARTICIPANTS | length == 2) and
    .SYSLOG_IDENTIFIER == $program and .PRIORITY == "6"' <<<"$entry" >/dev/null ||
    fail "wrong values: $entry"
# Each kind of event can be selected by its id.
for event in started insecure round_committed; do
    id=$(journal DYNAVG_EVENT="$event" --lines=1 | jq --raw-output .MESSAGE_ID)
    others=$(journal MESSAGE_ID="$id" | jq --raw-output .DYNAVG_EVENT | sort --unique)
    [[ $others == "$event" ]] || fail "MESSAGE_ID $id is of $others, not of $event alone"
done

# A journald that hangs: more than its socket's queue holds, and the daemon goes on.
kill -STOP "${pids[journald]}"
before=$(epoch_of a)
mark b
until_true "rounds of a while journald hangs" is_beyond a $((before + 20))
kill -CONT "${pids[journald]}"
await_entry DYNAVG_EVENT=round_committed DYNAVG_EPOCH=$((before + 20))

# A journald that is gone, and comes back.
kill -KILL "${pids[journald]}"
expect_exit journald 137
rm /run/systemd/journal/socket
before=$(epoch_of a)
until_true "rounds of a without a journald" is_beyond a $((before + 3))
start_journald
await_entry DYNAVG_EVENT=log_lines_lost
lost=$(journal DYNAVG_EVENT=log_lines_lost --lines=1 | jq --raw-output .DYNAVG_LINES)
((lost > 0)) || fail "$lost lines were lost"

"$DYNAVG" leave --control "$work/a.sock" >/dev/null
expect_exit a 0
await_entry DYNAVG_EVENT=stopped
kill -TERM "${pids[b]}"
expect_exit b 0
journal >"$work/a.journal"
expect_verified "$work/a.journal" "$work/b.log"
jq --exit-status '.networks[0].nodes | map(.node) == ["a", "b"]' "$work/verdict.json" >/dev/null ||
    fail "not both nodes are in the verdict"
jq --exit-status '.networks[0].nodes[0] | .gaps != [] and .lines_lost > 0' "$work/verdict.json" \
    >/dev/null || fail "the verdict does not tell of the lines that were lost"
