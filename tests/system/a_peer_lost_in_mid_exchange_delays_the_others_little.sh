#!/bin/bash
# One of four daemons is frozen, then killed, in the midst of the exchange of a 10 MB model:
# the others commit the same target epoch soon after they have noticed, with equal digests. A peer
# that wakes up is in a round again at once, with its drift.
source "${BASH_SOURCE[0]%/*}/networks.sh"

names=(a b c d)
survivors=(a b c)
join_network "${names[@]}"
# A crossing every few seconds in the first minutes; an exchange takes half a second.
configure_all "${names[@]}" -- model='builtin = "mlp"
hidden = [3145]' data='source = "synthetic-digits"
samples = 4000' training='learning_rate = 0.0002' averaging='[averaging]
threshold = 4'
for name in "${names[@]}"; do limit_rate "$name" 1gbit; done

# lose SIGNAL: the victim, in an exchange that the others then finish without it. Sets struck,
# noticed and committed (the latest survivor's times) and target.
lose() {
    local name
    long_form && await_calm "${survivors[@]}"
    while true; do
        mark "${names[@]}"
        strike d "$1"
        struck=$(now_ms)
        target=$(events_new d round_started '.round | split("-")[0]' | tail --lines=1)
        for name in "${survivors[@]}"; do await_new "$name" round_committed ".epoch == $target"; done
        has_new a round_committed ".epoch == $target and (.participants | length == 3)" && break
        # It had sent its last chunk just before.
        echo "the strike came after the exchange of epoch $target"
        recover "$1"
    done
    noticed=0 committed=0
    for name in "${survivors[@]}"; do
        await_new "$name" peer_suspected '.peer | startswith("d ")'
        noticed=$(latest "$noticed" "$(time_of "$name" peer_suspected '.peer | startswith("d ")')")
        committed=$(latest "$committed" "$(time_of "$name" round_committed ".epoch == $target")")
    done
}

# recover SIGNAL: the victim takes part again.
recover() {
    mark "${names[@]}"
    if [[ $1 == STOP ]]; then
        kill -CONT "${pids[d]}"
    else
        expect_exit d 137
        cat "$work/d.log" >>"$work/d-before.log"
        start d
        marks[d]=0
    fi
    back=$(now_ms)
    for name in "${names[@]}"; do
        await_new "$name" round_committed '.participants | length == 4'
    done
}

# A network of its own for each trial: in an older one crossings get rare.
trial() {
    local name
    rm -rf "$work"/[abcd] "$work"/*.log
    marks=()
    for name in "${names[@]}"; do start "$name"; done
    for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 4'; done

    lose STOP
    figure "frozen in mid-exchange: commit after the freeze" $((committed - struck)) 4000 ms
    before=$(jq --slurp 'map(select(.event == "round_committed")) | last | .step' "$work/d.log")
    awake=$(events a round_committed .epoch | tail --lines=1)
    recover STOP
    again=$(events_new a round_committed 'select(.participants | length == 4) | .epoch' |
        sed --quiet 1p)
    returned=$(time_of a round_committed '.participants | length == 4')
    figure "woken: rounds without it" $((again - awake - 1)) 1 rounds
    echo "figure: woken: in a round again after $((returned - back)) ms"
    adopted=$(events_new d adopted .step | sed --quiet 1p)
    ((adopted >= before)) || fail "the woken peer has lost steps: $before, then $adopted"
    # Its steps before the freeze are in its drift still, or in the rounds of its return.
    expect_every_step_once "${names[@]}"

    lose KILL
    figure "killed in mid-exchange: detection" $((noticed - struck)) 3500 ms
    figure "killed in mid-exchange: commit after detection" $((committed - noticed)) 1000 ms
    recover KILL
    expect_agreement a b c d d-before
    expect_none a peer_suspected '.peer | startswith("d ") | not'
    for name in "${names[@]}"; do
        kill -KILL "${pids[$name]}"
        expect_exit "$name" 137
    done
}

trials=1
long_form && trials=5
for ((i = 0; i < trials; ++i)); do trial; done
