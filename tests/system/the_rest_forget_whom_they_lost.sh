#!/bin/bash
# Two of three voters are gone for good, and a newcomer alone makes no quorum. The one that is left
# forgets them, by name and by fingerprint: rounds go on with the newcomer. A peer that is alive
# can't be forgotten, nor one that has no vote.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a
start a
seed="\"$(address_of a)\""
for name in b c; do
    configure "$name" peers="$seed"
    start "$name"
done
for name in a b c; do await "$name" round_committed '.participants | length == 3'; done

# forget PEER: the tool's standard error is kept.
forget() { "$DYNAVG" forget "$1" --control "$work/a.sock" 2>"$work/forget.err"; }

expect_refusal() {
    ! forget "$1" || fail "$1 was forgotten"
    grep --quiet --fixed-strings -- "$2" "$work/forget.err" ||
        fail "forget $1 does not say '$2' but: $(cat "$work/forget.err")"
}
expect_refusal b 'is alive'
expect_refusal nobody 'has no vote here'

# By then a has told of b by name and fingerprint, as "b (0123abcd)".
fingerprint_of_b=$(events a peer_joined .peer | sed --quiet 's/^b (\(.*\))$/\1/p' | sed --quiet 1p)
for name in b c; do kill -KILL "${pids[$name]}"; done
for name in b c; do expect_exit "$name" 137; done
for name in b c; do await a peer_suspected ".peer | startswith(\"$name \")"; done
await a round_impossible

configure d peers="$seed"
start d
await d adopted
epoch=$(status_of a | jq .epoch)
forget "$fingerprint_of_b" || fail "b can't be forgotten: $(cat "$work/forget.err")"
forget c || fail "c can't be forgotten: $(cat "$work/forget.err")"
await a peer_forgotten
for name in a d; do
    await "$name" round_committed "(.participants | length == 2) and .epoch > $epoch"
done
expect_agreement a d b c
