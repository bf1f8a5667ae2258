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
done
missed=$(status_of a | jq .epoch)

mv "$work/c.log" "$work/c-first.log"
start c
await c adopted ".epoch >= $missed"
await c round_committed '.participants | length == 3'
await_status c '.peers_live == 2'
expect_agreement a b c c-first
