#!/bin/bash
# A daemon that is started again while another program has its port says so and fails, and works
# once the port is free. One whose disk is full says so, trains on and follows the others' rounds;
# once there is room it keeps checkpoints again and is in the rounds.
source "${BASH_SOURCE[0]%/*}/networks.sh"

join_network a b c
configure_all a b c -- node='checkpoint_interval_s = 1'
mkdir "$work/c"
mount -t tmpfs -o size=4m none "$work/c"
for name in a b c; do start "$name"; done
for name in a b c; do await "$name" round_committed '.participants | length == 3'; done

# --- the port ---------------------------------------------------------------------------------

kill -KILL "${pids[b]}"
expect_exit b 137
configure squatter network=another bind="tcp://$(endpoint_of b)"
within[squatter]=${within[b]}
start squatter
await squatter started
start b b-refused
expect_exit b 1
expect_log b-refused "$(endpoint_of b)"
expect_log b-refused "another program has that port"
kill -TERM "${pids[squatter]}"
expect_exit squatter 0
start b b-again
for name in a c b-again; do
    mark "$name"
    await_new "$name" round_committed '.participants | length == 3'
done

# --- the disk ---------------------------------------------------------------------------------

# Files that the daemon removes make room again, so the rest is filled until it fails.
has_failed_to_write() {
    head --bytes=4m /dev/zero >>"$work/c/filler" 2>/dev/null || true
    has_event c checkpoint_failed
}
until_true "word of c about its full disk" has_failed_to_write
expect_log c "free some space there, or set node.state_dir to a folder with more"
has_event c checkpoint_failed '.level == "warning" and (.path | startswith("'"$work"'/c"))' ||
    fail "c does not warn of its folder"
steps=$(status_of c | jq .steps)
await_status c ".epoch > $(($(status_of a | jq .epoch) + 3))"
(($(status_of c | jq .steps) > steps)) || fail "c does not train on"
told=$(events c checkpoint_failed .reason | sort | uniq --count | sort --numeric-sort --reverse |
    awk '{ print $1; exit }')
((told <= 3)) || fail "c tells of its disk $told times"

mark c
rm "$work/c/filler"
freed=$(now_ms)
await_new c checkpoint_written
await_new c round_committed '.participants | length == 3'
echo "figure: room again: in a round after $(($(time_of c round_committed \
    '.participants | length == 3') - freed)) ms"
kill -KILL "${pids[c]}"
expect_exit c 137
start c c-again
await c-again checkpoint_loaded '.steps'
await c-again round_committed '.participants | length == 3'
kill -KILL "${pids[c]}"
expect_exit c 137
umount "$work/c"
expect_agreement a b b-again c c-again
