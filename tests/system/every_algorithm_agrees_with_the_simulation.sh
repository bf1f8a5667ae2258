#!/bin/bash
# Four daemons with unequal data that change on the way, a cascade of monitors, a threshold that they
# find by themselves and an outer optimizer end with the bits of the simulation. In free pace Kamp's
# local condition averages without a byte of monitoring.
source "${BASH_SOURCE[0]%/*}/lib.sh"
readonly steps=200

data() {
    printf 'source = "synthetic-digits"\nsamples = 2000\n%s\n%s' \
        "drift_at = 100" "shard = { index = $1, count = 4, split = \"unequal:4\" }"
}
training="max_steps = $steps
exit_when_done = true"
averaging='[averaging]
pace = "lockstep"
monitor = "cascade"
threshold = "auto"
initial_threshold = 0.01
target_interval_steps = 20
outer_optimizer = "nesterov"
outer_momentum = 0.5
weights = "samples"'
start_four
for name in a b c d; do expect_exit "$name" 0; done
for name in a b c d; do
    [[ $(references_of "$name") == "$(references_of a)" ]] || fail "$name has other references"
done

"$DYNAVG_SIMULATE" --config "$work/a.toml" --peers 4 --steps "$steps" --out "$work/simulated"
simulated=$(jq --raw-output .digest "$work/simulated/summary.json")
digest=$(events a training_complete .digest)
[[ $digest == "$simulated" ]] || fail "daemons: $digest, simulation: $simulated"

rounds=$(references_of a | wc -l)
((rounds >= 5 && rounds <= 60)) || fail "$rounds rounds in $steps steps, one in 20 is the target"
thresholds=$(events a crossing .threshold | sort --unique | wc -l)
((thresholds >= 3)) || fail "the threshold stays: $(events a crossing .threshold)"

averaging='[averaging]
monitor = "local"
threshold = 0.05'
for name in e f; do
    configure "$name" start_peers=2 data='source = "synthetic-digits"
samples = 2000' training="$training" averaging="$averaging" \
        peers="$([[ $name == e ]] || printf '"%s"' "$(address_of e)")"
    start "$name"
done
for name in e f; do expect_exit "$name" 0; done
[[ $(events e crossing .reason)$(events f crossing .reason) == *violation* ]] ||
    fail "nobody found its own drift above the threshold"
[[ $(events e training_complete .digest) == "$(events f training_complete .digest)" ]] ||
    fail "e and f ended with different models"
bytes=$(events e training_complete .bytes_monitoring)
((bytes == 0)) || fail "$bytes bytes of monitoring, where nothing is to be told"
