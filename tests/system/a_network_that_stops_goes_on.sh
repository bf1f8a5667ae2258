#!/bin/bash
# All daemons of a network end, by a signal or by a crash, and are started again: training goes on
# from what they had kept on disk, and the references after it.
source "${BASH_SOURCE[0]%/*}/lib.sh"

names=(a b c)
# start_all [LOG_SUFFIX]: a daemon that is started again has a new port, and knows the first one's.
start_all() {
    local name
    configure a node='checkpoint_interval_s = 1'
    start a "a$1"
    until_true "start of a" has_event "a$1" started
    for name in b c; do
        configure "$name" node='checkpoint_interval_s = 1' peers="\"$(events "a$1" started .bind)\""
        start "$name" "$name$1"
    done
}
last_epoch() { references_of "$1" | tail --lines=1 | cut --delimiter=' ' --fields=1; }

start_all ''
for name in "${names[@]}"; do await "$name" round_committed '.participants | length == 3'; done
for name in "${names[@]}"; do kill -TERM "${pids[$name]}"; done
for name in "${names[@]}"; do expect_exit "$name" 0; done

start_all -again
for name in "${names[@]}"; do
    await "$name-again" round_committed '.participants | length == 3'
    stopped=$(events "$name" checkpoint_written '.steps | values' | tail --lines=1)
    went_on=$(events "$name-again" checkpoint_loaded '.steps | values' | sed --quiet 1p)
    ((stopped > 0 && went_on == stopped)) ||
        fail "$name stopped at step $stopped and went on at $went_on"
    first=$(references_of "$name-again" | sed --quiet 1p | cut --delimiter=' ' --fields=1)
    ((first > 1)) || fail "$name began anew at epoch $first"
done

for name in "${names[@]}"; do kill -KILL "${pids[$name]}"; done
for name in "${names[@]}"; do expect_exit "$name" 137; done
start_all -third
for name in "${names[@]}"; do
    await "$name-third" round_committed '.participants | length == 3'
    has_event "$name-third" checkpoint_loaded '.steps > 0' || fail "$name forgot its steps"
    # It had told nothing of a reference that it did not keep; one that was still open may end now.
    (($(last_epoch "$name-third") >= $(last_epoch "$name-again"))) ||
        fail "$name is behind what it had installed"
done
expect_agreement {a,b,c}{,-again,-third}
