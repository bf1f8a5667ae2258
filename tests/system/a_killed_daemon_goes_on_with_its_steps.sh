#!/bin/bash
# One of three daemons with a 72 MB model is killed and started again: it goes on with the steps
# that it had kept on disk, trains, and is counted in the network again within seconds.
source "${BASH_SOURCE[0]%/*}/lib.sh"

names=(a b c)
big=(model='builtin = "mlp"
hidden = [22700]' data='source = "synthetic-digits"
samples = 2000' training='batch_size = 8
optimizer = "sgd"
learning_rate = 0.01' averaging='[averaging]
threshold = 0.1' node='checkpoint_interval_s = 2')
# The others are other machines: their training leaves this one's processors to the restarted one.
within[a]='nice -n 10'
within[b]='nice -n 10'
configure a "${big[@]}"
start a
seed="\"$(address_of a)\""
for name in b c; do
    configure "$name" peers="$seed" "${big[@]}"
    start "$name"
done
[[ $(events a started .parameters) -gt 18000000 ]] || fail "the model is too small"
for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 3'; done

# The training on disk is not told at level info: its file is.
has_kept_training() { compgen -G "$work/c/local-*" >/dev/null; }
until_true "checkpoint of c" has_kept_training
kept=$(status_of c | jq .steps)

# Others count it: it is live there, at their reference, and steps.
is_counted() {
    local reference
    reference=$(status_of a | jq .digest) || return 1
    peers_of a 2>/dev/null | jq --exit-status --argjson reference "$reference" --argjson loaded "$1" \
        '.peers | any(.name == "c" and .live and .digest == $reference and .steps > $loaded)' \
        >/dev/null
}

trials=1
long_form && trials=5
for ((trial = 0; trial < trials; ++trial)); do
    reached=$(status_of c | jq .steps)
    epoch=$(status_of c | jq .epoch)
    kill -KILL "${pids[c]}"
    expect_exit c 137
    # The others have noticed, or it was back before they could.
    if ((trial % 2 == 0)); then
        mark a
        await_new a peer_suspected '.peer | startswith("c ")'
    fi
    cat "$work/c.log" >>"$work/c-before.log"
    mark "${names[@]}"
    marks[c]=0
    begun=$(now_ms)
    start c
    await c checkpoint_loaded '.steps'
    loaded=$(events c checkpoint_loaded '.steps | values' | sed --quiet 1p)
    ((loaded > 0 && loaded <= reached + 100)) || fail "went on at step $loaded, not up to $reached"
    until_true "c that counts" is_counted "$loaded"
    figure "killed and started again: counted in the network" $(($(now_ms) - begun)) 10000 ms
    await_new c round_committed '.participants | length == 3'
    echo "figure: in a round again: $(($(time_of c round_committed '.participants | length == 3') -
        begun)) ms after the restart, from step $loaded of $reached"
    (($(status_of c | jq .epoch) > epoch)) || fail "the network did not go on"
done
((kept > 0)) || fail "c had made no step"
expect_agreement a b c c-before
for name in a b c c-before; do expect_none "$name" checkpoint_damaged; done
