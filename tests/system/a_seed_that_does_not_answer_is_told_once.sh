#!/bin/bash
# A daemon whose only seed does not answer says so once, goes on training alone, and joins as soon
# as the seed is there.
source "${BASH_SOURCE[0]%/*}/lib.sh"

# Nobody else binds a port of this loopback address.
address=127.$((RANDOM % 250 + 1)).$((RANDOM % 250)).$((RANDOM % 250 + 1)):7400
configure a peers="\"$address\""
start a
await a seed_unreachable ".address == \"$address\""
expect_log a "no answer to Hello"
# Ten more seconds of its life, as it counts them.
uptime=$(status_of a | jq .uptime_s)
await_status a ".uptime_s > $uptime + 10"
[[ $(events a seed_unreachable .event | wc -l) == 1 ]] || fail "told more than once"
has_status a '.steps > 0' || fail "a does not train alone"

configure late bind="tcp://$address"
start late
await a peer_joined '(.peer | startswith("late "))'
await late peer_joined '(.peer | startswith("a "))'
