#!/bin/bash
# A node with ten live peers, with keys, of which none trains, because all wait for one more: the
# cost of heartbeats alone.
source "${BASH_SOURCE[0]%/*}/lib.sh"

seconds=10
! long_form || seconds=60
readonly host=$loopback.1

names=()
for ((number = 0; number < 11; ++number)); do
    names+=("n$number")
    words=(init field-robots)
    ((number == 0)) || words=(join "$(token_of n0)")
    set_up "n$number" "$host:$((7400 + 10 * number))" "${words[@]}"
    sed --in-place 's/^# start_peers = .*/start_peers = 12/' "$work/n$number.toml"
    start "n$number"
    ((number > 0)) || await n0 started
done
for name in "${names[@]}"; do await_status "$name" '.peers_live == 10'; done

# Of all threads, user and system, in clock ticks.
ticks_of() { awk '{ print $14 + $15 }' "/proc/${pids[$1]}/stat"; }
declare -A before=()
for name in "${names[@]}"; do before[$name]=$(ticks_of "$name"); done
begun=$(now_ms)
# The time is what is measured over, and waits for nothing.
sleep "$seconds"
passed=$(($(now_ms) - begun))
most=0
for name in "${names[@]}"; do
    used=$((($(ticks_of "$name") - before[$name]) * 1000 / $(getconf CLK_TCK) * 10000 / passed))
    ((used <= most)) || most=$used
done
figure "share of a core that the busiest of eleven took, in 1/10000" "$most" 100 ""
for name in "${names[@]}"; do await_status "$name" '.steps == 0 and .peers_live == 10'; done
