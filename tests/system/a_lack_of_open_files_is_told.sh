#!/bin/bash
# The limit of open files is lowered under a daemon that runs, to what it has open. It says so, does not
# end, and does what it could not once there are more.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a node='[metrics]
bind = "tcp://127.0.0.1:0"'
start a
await a started
await_status a '.steps > 0'
limit_of_a() { prlimit --pid "${pids[a]}" "--nofile=$1:"; }

limit_of_a "$(ls "/proc/${pids[a]}/fd" | wc --lines)"
await a open_files_low '.level == "warning" and .open <= .limit and (.message | contains("LimitNOFILE"))'
# All of these need one more: an answer, a page, a dial, a file.
! has_status a '.pid > 0' || fail "a answers without a connection"
metrics=$(events a metrics_offered .address)
(exec 3<>"/dev/tcp/${metrics%:*}/${metrics##*:}") || true
kill -HUP "${pids[a]}"
configure b peers="\"$(address_of a)\""
start b
await b started

limit_of_a 1024
await_status a '.health | all(.name != "open-files")'
await a round_committed '.participants | length == 2'
kill -TERM "${pids[a]}"
expect_exit a 0
