#!/bin/bash
# Daemons in network namespaces, so that links can be cut and slowed down. Sourced in place of
# lib.sh, before anything else; the test runs again in namespaces of its own, with which all that
# it made vanishes, however it ends: links, rules, mounts, processes.
#
# Needs ip, tc and nft, and root or unprivileged user namespaces; else the test is skipped.
if [[ -z ${DYNAVG_TEST_NAMESPACES:-} ]]; then
    skip() {
        echo "skipped: $*"
        exit 77
    }
    for tool in ip tc nft unshare; do
        command -v "$tool" >/dev/null || skip "there is no $tool"
    done
    spaces=(--net --mount --pid --fork --kill-child=KILL --mount-proc)
    ((EUID == 0)) || spaces+=(--user --map-root-user)
    unshare "${spaces[@]}" true 2>/dev/null || skip "no right to make network namespaces"
    export DYNAVG_TEST_NAMESPACES=yes
    exec unshare "${spaces[@]}" bash "$0" "$@"
fi
source "${BASH_SOURCE[0]%/*}/lib.sh"

# Addresses count as loopback, so that daemons without keys accept them; the namespaces' own
# loopback interfaces keep 127.0.0.1 only.
readonly subnet=127.77.0
declare -A host_of=()

mount -t tmpfs none /run
mkdir /run/netns
ip link add switch type bridge
ip link set switch up

# join_network NAME... gives each daemon a namespace with one link to the common switch.
join_network() {
    local name host
    for name in "$@"; do
        host=$((${#host_of[@]} + 1))
        host_of[$name]=$host
        ip netns add "$name"
        ip link add "port-$host" type veth peer name eth0 netns "$name"
        ip link set "port-$host" master switch up
        within[$name]="ip netns exec $name"
        ${within[$name]} bash -c 'for one in all default eth0; do
            echo 1 >/proc/sys/net/ipv4/conf/$one/route_localnet; done'
        ip -n "$name" link set lo up
        ip -n "$name" address del 127.0.0.1/8 dev lo
        ip -n "$name" address add 127.0.0.1/32 dev lo
        ip -n "$name" address add "$subnet.$host/24" dev eth0
        ip -n "$name" link set eth0 up
        ${within[$name]} nft 'add table ip test;
            add set ip test cut { type ipv4_addr; };
            add chain ip test in { type filter hook input priority 0; };
            add rule ip test in ip saddr @cut drop'
    done
}

# The address that a daemon binds, and its name for others.
endpoint_of() { echo "$subnet.${host_of[$1]}:7400"; }

# limit_rate NAME RATE: of its link, in both directions; a full queue holds 50 ms.
limit_rate() {
    tc -n "$1" qdisc replace dev eth0 root tbf rate "$2" burst 32kb latency 50ms
    tc qdisc replace dev "port-${host_of[$1]}" root tbf rate "$2" burst 32kb latency 50ms
}

# cut FROM TO: packets from FROM to TO are lost without a word.
cut() { ${within[$2]} nft add element ip test cut "{ $subnet.${host_of[$1]} }"; }
# part "NAMES" "OTHER NAMES": all links between the two groups, in both directions.
part() {
    local one
    for one in $1; do drop_from "$one" "$2"; done
    for one in $2; do drop_from "$one" "$1"; done
}
# drop_from NAME "SENDERS"
drop_from() {
    local sender list=
    for sender in $2; do list+="${list:+, }$subnet.${host_of[$sender]}"; done
    ${within[$1]} nft add element ip test cut "{ $list }"
}
# heal NAME...: these receive everything again.
heal() {
    local name
    for name in "$@"; do ${within[$name]} nft flush set ip test cut; done
}

# configure_all SEED_NAME NAME... [-- PART...]: daemons that know one of them.
configure_all() {
    local names=() name seed
    while (($# > 0)) && [[ $1 != -- ]]; do
        names+=("$1")
        shift
    done
    shift
    seed=$(endpoint_of "${names[0]}")
    for name in "${names[@]}"; do
        configure "$name" "order=${host_of[$name]}" "bind=tcp://$(endpoint_of "$name")" \
            "peers=\"$seed\"" "start_peers=${#names[@]}" "$@"
    done
}
