#!/bin/bash
# Strangers hold 400 idle connections to each port of a daemon with keys, send it random bytes, and
# replay what a peer has sent. Training and rounds go on, memory stays where it was, and the log
# names them without being flooded.
source "${BASH_SOURCE[0]%/*}/lib.sh"
strangers=${BASH_SOURCE[0]%/*}/strangers

megabytes=50
! long_form || megabytes=1000
readonly host=$loopback.1

set_up a "$host:7400" init field-robots
set_up b "$host:7410" join "$(token_of a)"
start a
await a started

# b reaches a's first port by way of somebody who listens in.
mkdir "$work/recorded"
"$strangers" relay --host "$host" --folder "$work/recorded" 7400 >"$work/relay" &
pids[relay]=$!
until_true "port of the relay" test -s "$work/relay"
sed --in-place "s/@$host:7400/@$host:$(<"$work/relay")/" "$work/b.toml"
start b
await a round_committed '.participants | length == 2'
is_recorded() { [[ -n $(find "$work/recorded" -size +2) ]]; }
until_true "a recording" is_recorded
ports=(7400 7401 7402)

resident_kb() { awk '$1 == "VmHWM:" { print $2 }' "/proc/${pids[a]}/status"; }
grows_no_more() {
    local before
    before=$(resident_kb)
    "$strangers" "$@" --host "$host" "${ports[@]}"
    local grown=$((($(resident_kb) - before) / 1024))
    echo "figure: $1: memory grew by $grown MB at most (bar 50)"
    # A sanitizer keeps what is freed.
    [[ -n ${DYNAVG_TEST_SANITIZED:-} ]] || ((grown < 50)) || fail "memory grew by $grown MB"
}

epoch=$(status_of a | jq .epoch)
grows_no_more idle --count 400
grows_no_more noise --megabytes "$megabytes"
grows_no_more replay --folder "$work/recorded"

for name in a b; do await "$name" round_committed ".epoch > $epoch + 1 and .expected == 2"; done
for name in a b; do expect_none "$name" peer_suspected; done
for port in direct gossip bulk; do
    await a connection_refused ".port == \"$port\" and .address == \"127.0.0.1\""
done
told=$(events a connection_refused .address | wc --lines)
((told <= 60)) || fail "$told lines about strangers"
echo "figure: $told lines about strangers (at most 60)"
status_of a | jq --exit-status '.peers_known == 1' >/dev/null || fail "a stranger is a peer"
for name in a b; do
    kill -TERM "${pids[$name]}"
    expect_exit "$name" 0
done
expect_agreement a b
