#!/bin/bash
# Four daemons in lockstep install the same bits after every round, exit with 0, and end where the
# simulation of the same configuration ends.
source "${BASH_SOURCE[0]%/*}/lib.sh"
readonly steps=200

data() {
    printf 'source = "synthetic-digits"\nsamples = 2000\ntest = { samples = 200 }\n%s' \
        "shard = { index = $1, count = 4, split = \"iid\" }"
}
training="max_steps = $steps
exit_when_done = true"
averaging='[averaging]
threshold = 0.5
pace = "lockstep"'
start_four

for name in a b c d; do expect_exit "$name" 0; done
for name in a b c d; do
    [[ $(references_of "$name") == "$(references_of a)" ]] || fail "$name has other references"
    [[ $(events "$name" training_complete .steps) == "$steps" ]] || fail "$name: wrong steps"
    has_event "$name" stopped || fail "$name did not say that it stopped"
    has_event "$name" evaluated || fail "$name evaluated nothing"
done
expect_verified "$work"/?.log
rounds=$(references_of a | wc -l)
((rounds >= 3)) || fail "only $rounds rounds: the threshold tests nothing"
# At the default level, a healthy run has no warning but the one about plain sockets.
warnings=$(jq --raw-output 'select(.level == "warning" or .level == "error") | .event' \
    "$work"/?.log | grep --invert-match --line-regexp insecure || true)
[[ -z $warnings ]] || fail "warnings: $warnings"

"$DYNAVG_SIMULATE" --config "$work/a.toml" --peers 4 --steps "$steps" --out "$work/simulated"
simulated=$(jq --raw-output .digest "$work/simulated/summary.json")
digest=$(events a training_complete .digest)
[[ $digest == "$simulated" ]] || fail "daemons: $digest, simulation: $simulated"
[[ $(jq .rounds "$work/simulated/summary.json") == "$rounds" ]] || fail "other rounds simulated"

# One digit of one digest of one log, and the verdict is another, which names that node.
jq --compact-output 'if .event == "round_committed" and .epoch == 3
    then .digest |= (if startswith("0") then "1" else "0" end) + .[1:] else . end' \
    "$work/c.log" >"$work/c.doctored"
code=0
"$DYNAVG" verify --json "$work"/[abd].log "$work/c.doctored" >"$work/verdict.json" || code=$?
[[ $code == 1 ]] || fail "dynavg verify ends with $code where a digest differs"
jq --exit-status '.networks[0].disagreements | length == 1 and .[0].epoch == 3 and
    any(.[0].sides[]; .nodes == ["c"])' "$work/verdict.json" >/dev/null ||
    fail "dynavg verify does not name what differs: $(cat "$work/verdict.json")"
