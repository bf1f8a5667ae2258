#!/bin/bash
# A daemon without [averaging] takes the settings of the network that it joins, and averages with it.
source "${BASH_SOURCE[0]%/*}/lib.sh"

configure a averaging='[averaging]
monitor = "norm"
threshold = 0.25
check_every = 2'
start a
seed="\"$(address_of a)\""
configure b averaging='' peers="$seed"
start b
await_status b '.monitor == "norm" and .threshold == 0.25'
for name in a b; do await "$name" round_committed '.participants | length == 2'; done
expect_agreement a b
