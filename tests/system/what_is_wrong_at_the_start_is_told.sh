#!/bin/bash
# A port in use, a bad configuration and a damaged data file end the daemon with a message that says
# what and where, and with the exit code of its kind.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a
start a
address=$(address_of a)

configure same-port bind="tcp://$address"
start same-port
expect_exit same-port 1
expect_log same-port "$address"

configure same-socket
sed --in-place "s|^control .*|control = \"$work/a.sock\"|" "$work/same-socket.toml"
start same-socket
expect_exit same-socket 1
expect_log same-socket "$work/a.sock"

configure bad-key training='learnig_rate = 0.1'
start bad-key
expect_exit bad-key 6
expect_log bad-key "$work/bad-key.toml:"
expect_log bad-key training.learnig_rate
expect_log bad-key training.learning_rate

configure not-loopback bind=tcp://0.0.0.0:0
start not-loopback
expect_exit not-loopback 6
expect_log not-loopback node.bind

configure no-file
rm "$work/no-file.toml"
start no-file
expect_exit no-file 6
expect_log no-file no-file.toml

# An idx file whose header promises more than there is: 60000 images of 28 x 28.
mkdir "$work/mnist"
for file in train-images-idx3-ubyte t10k-images-idx3-ubyte; do
    printf '\0\0\x08\x03\0\0\xea\x60\0\0\0\x1c\0\0\0\x1cfew bytes' >"$work/mnist/$file"
done
for file in train-labels-idx1-ubyte t10k-labels-idx1-ubyte; do
    printf '\0\0\x08\x01\0\0\xea\x60few bytes' >"$work/mnist/$file"
done
configure truncated data="source = \"idx\"
path = \"$work/mnist\""
start truncated
expect_exit truncated 6
expect_log truncated "$work/mnist/train-"

# Refused before anything needs them, so by this line alone.
configure few-files
within[few-files]='prlimit --nofile=24:24'
start few-files
expect_exit few-files 1
expect_log few-files LimitNOFILE=
expect_log few-files 'may have 24 files'
[[ $(wc --lines <"$work/few-files.log") == 1 ]] || fail "more than one line: $(<"$work/few-files.log")"

# A warning: it trains all the same.
configure few-samples training='batch_size = 200' data='source = "synthetic-digits"
samples = 300
shard = { count = 3, index = 0, split = "unequal:4" }'
start few-samples
await few-samples few_samples '.level == "warning" and .batch_size == 200 and .samples < 200'
await_status few-samples '.steps > 0'
# A node that no peer has joined yet misses nobody.
await few-samples training_alone
expect_none few-samples round_impossible

# None of them disturbed the daemon that was there first.
has_status a '.pid > 0' || fail "a does not answer"
kill -TERM "${pids[a]}"
expect_exit a 0
