#!/bin/bash
# One of three daemons is dead for good. Of the two that go on, each is killed and started again in
# turn, on the disk that it had: rounds go on, and no reference is made twice.
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
for name in a b; do await "$name" round_committed '.participants | length == 2'; done

# restart NAME OTHER: it has another port then, so it asks the one that lives.
restart() {
    local epoch
    kill -KILL "${pids[$1]}"
    expect_exit "$1" 137
    mark "$2"
    await_new "$2" peer_suspected ".peer | startswith(\"$1 \")"
    cat "$work/$1.log" >>"$work/$1-before.log"
    epoch=$(status_of "$2" | jq .epoch)
    configure "$1" peers="\"$(events "$2" started .bind)\""
    mark "$2"
    local begun
    begun=$(now_ms)
    start "$1"
    for name in "$1" "$2"; do
        marks[$1]=0
        await_new "$name" round_committed "(.participants | length == 2) and .epoch > $epoch"
    done
    echo "figure: $1 killed and started again: the next round after" \
        "$(($(time_of "$2" round_committed '.participants | length == 2') - begun)) ms"
}
restart b a
restart a b
expect_agreement a b c a-before b-before
