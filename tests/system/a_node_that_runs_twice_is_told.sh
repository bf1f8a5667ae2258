#!/bin/bash
# A node's state folder, with its key, is copied while the node runs, and the copy is started at another
# address. The network goes on with the copy. The first one learns it, says so and ends with an exit code
# that systemd does not answer with a restart; the third node names both addresses. With keys, and
# without, where the name is the identity.
source "${BASH_SOURCE[0]%/*}/lib.sh"

# expect_one_of_two FIRST COPY OTHER ADVICE
expect_one_of_two() {
    local first=$1 copy=$2 other=$3 advice=$4 before after
    before=$(address_of "$first")
    start "$copy"
    after=$(address_of "$copy")
    await "$first" replaced ".level == \"error\" and .address == \"$after\""
    expect_exit "$first" 8
    expect_log "$first" "$before"
    expect_log "$first" "$advice"
    expect_none "$first" peer_left
    # The other one has not taken the end of the first for the end of the copy.
    await "$other" peer_joined ".level == \"warning\" and .former_address == \"$before\" and
        .address == \"$after\""
    await_status "$other" '.peers_live == 1 and (.health | any(.name == "peer-refused"))'
    expect_none "$other" peer_left
    mark "$copy"
    await_new "$copy" round_committed '.participants | length == 2'
}

# A file may go while it is copied.
copy_state() {
    until_true "copy of $1" cp --recursive --no-target-directory "$work/$1" "$work/$2" 2>/dev/null
}

configure other
start other
seed="\"$(address_of other)\""
configure first peers="$seed"
start first
await first round_committed '.participants | length == 2'
copy_state first copy
sed "s|/first|/copy|" "$work/first.toml" >"$work/copy.toml"
expect_one_of_two first copy other 'another [node] name'

set_up k-other "$loopback.1:7400" init keyed
start k-other
await k-other started
set_up k-first "$loopback.2:7400" join "$(token_of k-other)"
start k-first
await k-first round_committed '.participants | length == 2'
copy_state k-first k-copy
sed "s|/k-first|/k-copy|; s|$loopback.2:7400|$loopback.3:7400|" "$work/k-first.toml" \
    >"$work/k-copy.toml"
expect_one_of_two k-first k-copy k-other 'remove identity.key'
