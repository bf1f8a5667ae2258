#!/bin/bash
# A peer with another model, other averaging settings, another network's name or a name that is taken is
# refused, and both sides say which fields differ and what helps.
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

configure twin peers="$seed"
sed --in-place 's/^name .*/name = "a"/' "$work/twin.toml"
start twin
for name in a twin; do
    await "$name" peer_refused '(.reason | any(contains("node.name"))) and
        (.message | contains("another [node] name") and (contains("same settings") | not))'
    await_status "$name" '.health | any(.name == "peer-refused")'
done

has_status a '.peers_live == 0' || fail "a refused peer counts as live"
