#!/bin/bash
# One command makes a network with keys, and one command with its token makes another machine a peer
# of it. A node with neither token nor trust stays out, and a revoked one goes at once.
source "${BASH_SOURCE[0]%/*}/lib.sh"

set_up a "$loopback.1:7400" init field-robots
grep --quiet '^network = "field-robots"' "$work/a.toml" || fail "init wrote another network"
[[ $(stat --format=%a "$work/a/identity.key") == 600 ]] || fail "others can read the key"
[[ $(<"$work/a.told") == *"dynavg1-"* ]] || fail "init tells no token"
token=$(token_of a)
set_up b "$loopback.2:7400" join "$token"
set_up c "$loopback.3:7400" join "$token"
grep --quiet '^builtin = "mlp"' "$work/b.toml" || fail "the token does not carry the model"
for name in a b c; do start "$name"; done
for name in a b c; do await "$name" round_committed '.participants | length == 3'; done
# Nobody knows a peer by the token alone.
for name in b c; do
    await a peer_joined ".peer | startswith(\"$name \")"
    expect_none "$name" insecure
done

# A stranger that knows the address, the network's name and the public keys.
set_up d "$loopback.4:7400" join "$token"
rm "$work/d/token"
start d
await a peer_refused ".peer == \"$(key_of d | cut --characters=1-8)\""
[[ $(events a peer_joined .peer) != *"d ("* ]] || fail "a stranger is in"
await_status d '.peers_live == 0'

# Revoked, it is out at once, and its token is of no use.
mark a b
for name in a b; do "$DYNAVG" revoke "$(key_of c)" --control "$work/$name.sock" >"$work/revoked"; done
for name in a b; do
    await_new "$name" peer_revoked
    await_new "$name" round_committed '.participants | length == 2'
done
[[ ! -e $work/a/token ]] || fail "the token outlives who knew it"
if "$DYNAVG" token --config "$work/a.toml" >"$work/told" 2>&1; then fail "a void token is printed"; fi
await_status a '.peers_live == 1'

# A second start finds key and trust.
kill -TERM "${pids[b]}"
expect_exit b 0
start b b2
await b2 peer_joined
until_true "round of b's second life" has_event b2 round_committed

for name in a b c d; do
    kill -TERM "${pids[$name]}"
    expect_exit "$name" 0
done
"$DYNAVG" verify "$work"/{a,b,b2,c}.log >"$work/verdict" || fail "$(cat "$work/verdict")"
