#!/bin/bash
# Strangers send random bytes to every port of a daemon; training and rounds go on as before.
source "${BASH_SOURCE[0]%/*}/lib.sh"

# The ports at which a process listens: the sockets among its open files, as the kernel lists them.
ports_of() {
    local inodes
    inodes=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n')
    awk -v inodes="$inodes" '
        BEGIN { split(inodes, list, "\n"); for (i in list) wanted[list[i]] = 1 }
        $4 == "0A" && ($10 in wanted) { split($2, address, ":"); print address[2] }' \
        /proc/net/tcp | while read -r port; do echo $((16#$port)); done
}

# Some bytes as they are, and some after the greeting of ZeroMQ's protocol, 3.0 without security.
disturb() {
    local port=$1 size=$2
    (head --bytes="$size" /dev/urandom >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || true
    ({
        printf '\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL'
        head --bytes=48 /dev/zero
        head --bytes="$size" /dev/urandom
    } >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || true
}

configure a
start a
seed="\"$(address_of a)\""
configure b peers="$seed"
start b
await a round_committed '.participants | length == 2'

ports=$(ports_of "${pids[a]}")
[[ $(wc -l <<<"$ports") == 3 ]] || fail "not three ports: $ports"
for size in 1 12 64 300 5000 100000 12 64 300 5000; do
    for port in $ports; do disturb "$port" "$size"; done
done

epoch=$(status_of a | jq .epoch)
for name in a b; do await "$name" round_committed ".epoch > $epoch + 1 and .expected == 2"; done
[[ -z $(events a peer_suspected) ]] || fail "a peer was suspected"
for name in a b; do
    kill -TERM "${pids[$name]}"
    expect_exit "$name" 0
done
expect_agreement a b
