#!/bin/bash
# With quorum = "none" both sides of a partition go on, and two networks may have started apart.
# When they hear each other they say so and merge: soon all have one reference again.
source "${BASH_SOURCE[0]%/*}/networks.sh"

# await_merge WHAT FROM NAME...: since FROM. A peer that hears of the merge's end first adopts it.
await_merge() {
    local what=$1 from=$2 one
    shift 2
    await_one_reference "$@"
    figure "$what: one reference" $(($(now_ms) - from)) 10000 ms
    for one in fork_detected merged; do
        until_true "word of $one" any_has_new "$one" "$@"
    done
    mark "$@"
    for one in "$@"; do await_new "$one" round_committed ".participants | length == $#"; done
}
any_has_new() {
    local event=$1 name
    for name in "${@:2}"; do ! has_new "$name" "$event" || return 0; done
    return 1
}

# --- parted -----------------------------------------------------------------------------------

three=(a b c)
two=(d e)
names=("${three[@]}" "${two[@]}")
join_network "${names[@]}" f g h i
averaging='[averaging]
threshold = 1
quorum = "none"'
configure_all "${names[@]}" -- averaging="$averaging"
for name in "${names[@]}"; do start "$name"; done
for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 5'; done

mark "${names[@]}"
part "${three[*]}" "${two[*]}"
long_form && sleep 60
for round in 1 2; do
    for name in "${three[@]}"; do await_new "$name" round_committed '.participants | length == 3'; done
    for name in "${two[@]}"; do await_new "$name" round_committed '.participants | length == 2'; done
    for name in "${names[@]}"; do mark "$name"; done
done
mark "${names[@]}"
heal "${names[@]}"
await_merge "a healed partition without quorum" "$(now_ms)" "${names[@]}"
for name in "${names[@]}"; do kill -KILL "${pids[$name]}" && expect_exit "$name" 137; done
# References of one epoch that differ are a fork here, and no disagreement.
expect_verified "$work"/[a-e].log
jq --exit-status '.networks[0] | .forks != [] and .merges > 0' "$work/verdict.json" >/dev/null ||
    fail "dynavg verify tells of no fork: $(cat "$work/verdict.json")"

# --- started apart ----------------------------------------------------------------------------

names=(f g h i)
# On the same data both pairs could come to the same first reference, bit for bit.
part_of_data() {
    printf 'source = "synthetic-digits"\nsamples = 20000\nshard = { index = %d, count = 2 }' "$1"
}
configure_all f g -- network=apart start_peers=2 data="$(part_of_data 0)"
configure_all h i -- network=apart start_peers=2 data="$(part_of_data 1)" peers="\"$(endpoint_of h)\", \"$(endpoint_of f)\""
part 'f g' 'h i'
for name in "${names[@]}"; do start "$name"; done
for name in "${names[@]}"; do
    await "$name" round_committed '.participants | length == 2'
    mark "$name"
done
for name in "${names[@]}"; do await_new "$name" round_committed '.participants | length == 2'; done
mark "${names[@]}"
heal "${names[@]}"
healed=$(now_ms)
await_new h peer_joined '.peer | test("^[fg] ")'
met=$(time_of h peer_joined '.peer | test("^[fg] ")')
echo "figure: two networks: the first contact comes $((met - healed)) ms after the link"
await_merge "two networks since they met" "$met" "${names[@]}"
expect_verified "$work"/[f-i].log
