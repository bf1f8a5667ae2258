#!/bin/bash
# One of three daemons is killed: the others finish the round that is due and go on. Started again,
# it takes over the network's reference and is in the rounds again.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a
start a
seed="\"$(address_of a)\""
for name in b c; do
    configure "$name" peers="$seed"
    start "$name"
done
for name in a b c; do await "$name" round_committed '.participants | length == 3'; done

kill -KILL "${pids[c]}"
expect_exit c 137
for name in a b; do
    await "$name" peer_suspected '(.peer | startswith("c "))'
    await "$name" round_committed '.participants | length == 2'
    # The round is a warning that names who is missing.
    await "$name" round_committed \
        '.level == "warning" and .expected == 3 and (.missing | length == 1 and (.[0] | startswith("c (")))'
done
missed=$(status_of a | jq .epoch)

mv "$work/c.log" "$work/c-first.log"
start c
await c adopted ".epoch >= $missed"
await c round_committed '.participants | length == 3'
await_status c '.peers_live == 2'
expect_agreement a b c c-first
expect_verified "$work"/?.log "$work/c-first.log"
# The one of b and c that joins last may miss a round as well, while it adopts.
jq --exit-status '.networks[0] | (.missing | any(.peer | startswith("c ("))) and
    .nodes[2].starts == 2' "$work/verdict.json" >/dev/null ||
    fail "dynavg verify does not say that c was missing: $(cat "$work/verdict.json")"
