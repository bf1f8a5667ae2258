#!/bin/bash
# A person steers three running daemons: waits for them, sets the threshold at one and all have it,
# also one that joins later and one that is started again; pauses one, which gives each round its
# drift; caps the rate of one, and nobody takes that one for broken. In lockstep a pause that would
# stop all is refused.
source "${BASH_SOURCE[0]%/*}/lib.sh"

tool() { "$DYNAVG" "$1" "${@:3}" --control "$work/$2.sock"; }

names=(a b c)
configure a
start a
seed="\"$(address_of a)\""
for name in b c; do
    configure "$name" peers="$seed"
    start "$name"
done
tool wait a --peers 2 --epoch 2 --timeout 100
code=0
tool wait a --peers 9 --timeout 0.2 2>/dev/null || code=$?
((code == 1)) || fail "waiting for what does not come ends with $code"

# One threshold, one reference from which on it holds.
tool set b threshold 1.5 >/dev/null
for name in "${names[@]}"; do await "$name" threshold_set '.threshold == 1.5 and .before == 1'; done
epochs=$(for name in "${names[@]}"; do events "$name" threshold_set .epoch; done | sort --unique | wc --lines)
((epochs == 1)) || fail "the threshold changed at $epochs different references"
configure d peers="$seed"
start d
await_status d '.epoch > 0 and .threshold == 1.5'
kill -KILL "${pids[c]}"
expect_exit c 137
start c c2
await_status c '.epoch > 0 and .threshold == 1.5'
code=0
tool set a threshold 0 >/dev/null 2>&1 || code=$?
((code == 1)) || fail "a threshold of 0 was taken with $code"

# The evidence of the last rounds is what the log has.
tool rounds a --json >"$work/rounds"
references_of a >"$work/references"
while read -r reference; do
    grep --quiet --line-regexp -- "$reference" "$work/references" ||
        fail "dynavg rounds tells of $reference, the log does not"
done < <(jq --raw-output '.rounds[] | "\(.epoch) \(.digest)"' "$work/rounds")
jq --exit-status '.rounds | length > 1 and all(.estimate > .threshold or .reason != "crossing")' \
    "$work/rounds" >/dev/null || fail "a round without evidence: $(cat "$work/rounds")"

# A peer that is paused makes no step, and rounds go on with it.
tool pause b >/dev/null
await b paused
await_status b '.training == "paused"'
await_status b '.steps_since_reference == 0'
steps=$(status_of b | jq .steps)
mark a
for _ in 1 2; do await_new a round_committed '.participants | length == 4' && mark a; done
[[ $(status_of b | jq .steps) == "$steps" ]] || fail "a paused peer went on training"
tool resume b >/dev/null
await_status b ".steps > $steps"

# 10 kB/s for a model of 25 kB that goes to three others: slow, but not broken.
tool set b exchange-rate 10k >/dev/null
has_status b '.exchange_bytes_per_second == 10000' || fail "the rate is not told"
mark a
await_new a round_committed '.duration_ms > 1000 and (.participants | length == 4)'
tool set b exchange-rate none >/dev/null
for name in a d; do expect_none "$name" peer_suspected ".peer | startswith(\"b \")"; done

# In lockstep.
for name in e f; do
    configure "$name" network=lockstep start_peers=2 averaging='[averaging]
threshold = 1
pace = "lockstep"' peers="${second:-}"
    start "$name"
    second="\"$(address_of e)\""
done
tool wait e --peers 1 --epoch 1 --timeout 100
code=0
tool pause e >/dev/null 2>"$work/refused" || code=$?
((code == 1)) || fail "a pause in lockstep ends with $code"
grep --quiet 'all-wait' "$work/refused" || fail "a refused pause does not say what to do"
tool pause e --all-wait >/dev/null
await_status f '.peers_live == 1'
tool resume e >/dev/null
steps=$(status_of f | jq .steps)
await_status f ".steps > $steps"
