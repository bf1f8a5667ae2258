#!/bin/bash
# SIGTERM and SIGINT end a daemon with 0 in the midst of training; the others see it leave and go on.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a order=0
start a
seed="\"$(address_of a)\""
for name in b c d; do
    configure "$name" peers="$seed"
    start "$name"
done
for name in a b c d; do await "$name" round_committed '.participants | length == 4'; done

kill -TERM "${pids[c]}"
expect_exit c 0
has_event c stopped '.reason == "SIGTERM"' || fail "c does not say why it stopped"
for name in a b d; do
    await "$name" peer_left '(.peer | startswith("c "))'
    await "$name" round_committed '.participants | length == 3'
done

kill -INT "${pids[d]}"
expect_exit d 0
has_event d stopped '.reason == "SIGINT"' || fail "d does not say why it stopped"
[[ ! -e $work/d.sock ]] || fail "d left its control socket behind"
for name in a b; do await "$name" round_committed '.participants | length == 2'; done
expect_agreement a b c d
