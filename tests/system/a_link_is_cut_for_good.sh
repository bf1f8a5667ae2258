#!/bin/bash
# One link of five daemons' is cut for good, first in one direction, then in both: rounds go on
# within seconds, nobody is lost, and no step is.
source "${BASH_SOURCE[0]%/*}/networks.sh"

names=(a b c d e)
join_network "${names[@]}"
configure_all "${names[@]}" --
for name in "${names[@]}"; do start "$name"; done
for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 5'; done
long_form && await_calm "${names[@]}"

# The longest time without a commit of one daemon since the mark, begun at a time.
longest_pause() {
    { echo "$2" && new_lines "$1" | jq 'select(.event == "round_committed" or .event == "adopted") |
        (.time[0:19] + "Z" | fromdateiso8601) * 1000 + (.time[20:23] | tonumber)'; } |
        awk 'NR > 1 && $1 - before > most { most = $1 - before } { before = $1 } END { print most + 0 }'
}

# go_on WHAT SINCE: ten more references at everybody, with none of them far between.
go_on() {
    local name epoch
    epoch=$(status_of c | jq .epoch)
    for name in "${names[@]}"; do
        await_status "$name" ".epoch >= $((epoch + 10))"
        figure "$1: longest pause of $name" "$(longest_pause "$name" "$2")" 5000 ms
    done
    await_one_reference "${names[@]}"
}

mark "${names[@]}"
begun=$(now_ms)
cut b d
await_new d peer_suspected '.peer | startswith("b ")'
go_on "one direction" "$begun"

mark "${names[@]}"
begun=$(now_ms)
cut d b
await_status b '.peers_live == 3'
go_on "both directions" "$begun"
echo "rounds since then, by size: $(new_lines c | jq --raw-output \
    'select(.event == "round_committed") | .participants | length' | sort | uniq --count | tr '\n' ';')"

heal "${names[@]}"
mark "${names[@]}"
for name in "${names[@]}"; do await_new "$name" round_committed '.participants | length == 5'; done
expect_every_step_once "${names[@]}"
expect_agreement "${names[@]}"
for name in a c e; do expect_none "$name" peer_suspected; done
