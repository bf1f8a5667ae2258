#!/bin/bash
# A peer with another model, other averaging settings or another network's name is refused, and both
# sides say which fields differ.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a
start a
seed="\"$(address_of a)\""

configure other-model peers="$seed" model='builtin = "mlp"
hidden = [9]'
configure other-settings peers="$seed" averaging='[averaging]
monitor = "norm"
threshold = 0.25'
configure other-network peers="$seed" network=elsewhere

# expect_refusal NAME FIELD...
expect_refusal() {
    local field named
    start "$1"
    for field in "${@:2}"; do
        named="any(.reason[]; contains(\"$field\"))"
        await "$1" peer_refused "$named"
        await a peer_refused "(.peer | startswith(\"$1 \")) and $named"
    done
}
expect_refusal other-model model
expect_refusal other-settings averaging.monitor averaging.threshold
expect_refusal other-network network

has_status a '.peers_live == 0' || fail "a refused peer counts as live"
