#!/bin/bash
# Three Debian systems, fresh but for the packages' dependencies, on one network: six commands in
# all, as the README has them, and they average their models. Prints how long it took.
source "${BASH_SOURCE[0]%/*}/container.sh"

machines=(node-a node-b node-c)
readonly subnet=10.77.0

end_networks() {
    local status=$? machine
    for machine in "${machines[@]}"; do ip netns delete "dynavg-$machine" 2>/dev/null || true; done
    ip link delete dynavg-switch 2>/dev/null || true
    end_container "$status"
}
trap end_networks EXIT

packages_of "$work/packages"
make_root "$work"/packages/*.deb
ip link add dynavg-switch type bridge || skip "no network can be made"
ip link set dynavg-switch up
number=0
for machine in "${machines[@]}"; do
    number=$((number + 1))
    ip netns add "dynavg-$machine"
    ip link add "dynavg-port$number" type veth peer name eth0 netns "dynavg-$machine"
    ip link set "dynavg-port$number" master dynavg-switch up
    ip -n "dynavg-$machine" address add "$subnet.$number/24" dev eth0
    ip -n "dynavg-$machine" link set eth0 up
    ip -n "dynavg-$machine" link set lo up
    boot "$machine" "$work/packages" --network-namespace-path="/run/netns/dynavg-$machine"
    nsenter --target "$init" --uts hostname "$machine"
done

# --- what a person types ----------------------------------------------------------------------

commands=0
types() {
    commands=$((commands + 1))
    echo "$1# ${*:2}"
    on "$1" sh -c "${*:2}" >"$work/said" 2>&1 || fail "$1: $(cat "$work/said")"
}
begun=$(now_ms)
for machine in "${machines[@]}"; do types "$machine" 'dpkg --install /packages/*.deb'; done
types node-a dynavg init field-robots
token=$(grep --only-matching 'dynavg1-[A-Za-z0-9_-]*' "$work/said")
for machine in node-b node-c; do
    types "$machine" dynavg join "$token"
    grep '^Joined field-robots: ' "$work/said" || fail "join does not say that it is in: $(cat "$work/said")"
done

has_round() {
    on "$1" journalctl --quiet --output=json DYNAVG_EVENT=round_committed 2>/dev/null |
        jq --exit-status --slurp 'any(.[]; .DYNAVG_PARTICIPANTS | length == 3)' >/dev/null 2>&1
}
for machine in "${machines[@]}"; do until_true "round of all at $machine" has_round "$machine"; done
echo "figure: commands: $commands (bar 8); until all three averaged: $((($(now_ms) - begun) / 1000)) s"
((commands <= 8)) || fail "too many commands"
for machine in "${machines[@]}"; do
    on "$machine" systemctl is-enabled --quiet dynavgd || fail "$machine would not start at boot"
    on "$machine" journalctl --no-pager --output=json --unit=dynavgd >"$work/$machine.journal"
done
"$DYNAVG" verify "$work"/*.journal || fail "they do not agree"
