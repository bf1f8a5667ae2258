#!/bin/bash
# Three daemons average a 10 MB model over links of 20 Mbit/s: the rounds complete, nobody is
# suspected, and no heartbeat comes late.
source "${BASH_SOURCE[0]%/*}/networks.sh"

names=(a b c)
join_network "${names[@]}"
configure_all "${names[@]}" -- model='builtin = "mlp"
hidden = [3145]' data='source = "synthetic-digits"
samples = 4000' training='optimizer = "sgd"
learning_rate = 0.05' averaging='[averaging]
threshold = 0.4'
for name in "${names[@]}"; do
    limit_rate "$name" 20mbit
    start "$name"
done
rounds=2
long_form && rounds=6
for name in "${names[@]}"; do
    await_status "$name" ".epoch >= $rounds"
    expect_none "$name" peer_suspected
    expect_none "$name" round_restarted '.reason != "a peer came in"'
done
echo "figure: 10 MB over 20 Mbit/s: $(events a round_committed '"\(.duration_ms) ms, \(.bytes_sent) bytes"' |
    paste --serial --delimiters=';')"
for name in "${names[@]}"; do
    gap=$(peers_of "$name" | jq '.peers | map(.heartbeat_gap_max_ms) | max')
    figure "longest time between two heartbeats at $name" "$gap" 700 ms
done
expect_agreement "${names[@]}"
