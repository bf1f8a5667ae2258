#!/bin/bash
# Twenty peers in a row join a network of three and leave it again, by `dynavg leave` or by a
# signal: the drift of each is handed over, rounds go on, and all references are equal.
source "${BASH_SOURCE[0]%/*}/lib.sh"

guests=6
long_form && guests=20
names=(a b c)
configure a
start a
seed="\"$(address_of a)\""
for name in b c; do
    configure "$name" peers="$seed"
    start "$name"
done
for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 3'; done
alone=$(events a round_impossible .message | wc --lines)

logs=(a b c)
for ((guest = 1; guest <= guests; ++guest)); do
    # Every other one has been there before: its folder and its vote are its own.
    name=guest-$((guest % 4 == 3 ? guest - 2 : guest))
    configure "$name" peers="$seed"
    start "$name" "visit-$guest"
    logs+=("visit-$guest")
    await "visit-$guest" round_committed '.participants | length == 4'
    mark a
    if ((guest % 2)); then
        "$DYNAVG" leave --control "$work/$name.sock" >/dev/null
    else
        kill -TERM "${pids[$name]}"
    fi
    expect_exit "$name" 0
    await_new a peer_left ".peer | startswith(\"$name \")"
    mark "${names[@]}"
    for peer in "${names[@]}"; do await_new "$peer" round_committed '.participants | length == 3'; done
done
for name in "${names[@]}"; do
    expect_none "$name" peer_suspected
done
# As long as it was alone it could hold none.
(($(events a round_impossible .message | wc --lines) == alone)) || fail "a could hold no round"
expect_agreement "${logs[@]}"
echo "figure: $guests joins and leaves in $SECONDS s; epoch $(status_of a | jq .epoch)"
