#!/bin/bash
# Five daemons are parted into three and two: the three go on, the two train on and say why their
# reference stays. When the links are back there is one reference again, and no step is lost.
source "${BASH_SOURCE[0]%/*}/networks.sh"

three=(a b c)
two=(d e)
names=("${three[@]}" "${two[@]}")
join_network "${names[@]}"
configure_all "${names[@]}" -- data='source = "synthetic-digits"
samples = 20000
[data.test]
samples = 2000
every_rounds = 2'
for name in "${names[@]}"; do start "$name"; done
for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 5'; done
long_form && await_calm "${names[@]}"

# Of the last references that NAME has evaluated since the mark: their mean accuracy, in 1/1000. A
# loaded machine takes ten seconds for one.
enough=4
! long_form || enough=10
accuracy_of() {
    events_new "$1" evaluated '.accuracy * 1000' | tail --lines="$enough" |
        awk '{ sum += $1 } END { printf "%d", sum / NR }'
}
has_evaluated() { (($(events_new "$1" evaluated .epoch | wc --lines) >= enough)); }

if long_form; then sleep 60; fi # It has learned by then what it can.
until_true "$enough evaluated references of a" has_evaluated a
before=$(accuracy_of a)
mark "${names[@]}"
parted=$(now_ms)
part "${three[*]}" "${two[*]}"
for name in "${three[@]}"; do await_new "$name" round_committed '.participants | length == 3'; done
echo "figure: parted: the three commit after $(($(time_of a round_committed \
    '.participants | length == 3') - parted)) ms"
for name in "${two[@]}"; do
    await_new "$name" round_impossible '.expected == 5'
    echo "figure: parted: $name says why it waits after $(($(time_of "$name" round_impossible) -
        parted)) ms"
done
epoch=$(status_of d | jq .epoch)
steps=$(status_of d | jq .steps)
mark "${three[@]}"
# The length of the partition is part of what is tested.
long_form && sleep 60
for round in 1 2 3; do
    for name in "${three[@]}"; do
        await_new "$name" round_committed '.participants | length == 3'
        mark "$name"
    done
done
for name in "${two[@]}"; do
    (($(status_of "$name" | jq .epoch) == epoch)) || fail "$name has moved its reference"
    ! has_new "$name" round_committed ".epoch > $epoch" || fail "$name has committed with a minority"
done
(($(status_of d | jq .steps) > steps)) || fail "d does not train on"
kept=$(status_of d | jq .steps_since_reference)
((kept > 0)) || fail "d has nothing to keep"

mark "${names[@]}"
healed=$(now_ms)
heal "${names[@]}"
for name in "${two[@]}"; do
    until_true "reference of the three at $name" has_new "$name" adopted ".epoch > $epoch"
done
await_one_reference "${names[@]}"
back=$(latest "$(time_of d adopted)" "$(time_of e adopted)")
figure "healed: one reference" $((back - healed)) 5000 ms
for name in "${names[@]}"; do await_new "$name" round_committed '.participants | length == 5'; done
echo "figure: healed: all five in a round after $(($(latest "$(time_of a round_committed \
    '.participants | length == 5')" "$(time_of d round_committed \
    '.participants | length == 5')") - healed)) ms"
mark a
until_true "$enough evaluated references of a" has_evaluated a
figure "healed: loss of accuracy" $((before - $(accuracy_of a))) 10 "per mille"
expect_every_step_once "${names[@]}"
expect_agreement "${names[@]}"
