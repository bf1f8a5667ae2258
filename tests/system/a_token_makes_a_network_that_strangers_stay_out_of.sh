#!/bin/bash
# One command makes a network with keys, and one command with its token makes another machine a peer
# of it. Who has neither token nor trust stays out, and who is revoked goes at once.
source "${BASH_SOURCE[0]%/*}/lib.sh"

# Addresses of this test alone: any of 127.0.0.0/8 is this machine.
readonly subnet=127.$((RANDOM % 250 + 2)).$((RANDOM % 250 + 2))

# set_up NAME NUMBER COMMAND...: `dynavg init` or `join`, and small models with slow steps.
set_up() {
    local name=$1 address=$subnet.$2
    "$DYNAVG" "${@:3}" --config "$work/$name.toml" --name "$name" --advertise "$address" \
        --state-dir "$work/$name" --control "$work/$name.sock" --no-start >"$work/$name.told"
    sed --in-place "s/0\.0\.0\.0/$address/; s/^# batch_size = .*/batch_size = 512/" "$work/$name.toml"
}
token_of() { grep --only-matching 'dynavg1-[A-Za-z0-9_-]*' "$work/$1.told"; }
key_of() { "$DYNAVG" id --json --config "$work/$1.toml" | jq --raw-output .key; }

set_up a 1 init field-robots
grep --quiet '^network = "field-robots"' "$work/a.toml" || fail "init wrote another network"
[[ $(stat --format=%a "$work/a/identity.key") == 600 ]] || fail "others can read the key"
token=$(token_of a)
sed --in-place 's/^# hidden = .*/hidden = [8]/; s/^# builtin = .*/builtin = "mlp"/' "$work/a.toml"
token=$("$DYNAVG" token --config "$work/a.toml")
set_up b 2 join "$token"
set_up c 3 join "$token"
grep --quiet '^builtin = "mlp"' "$work/b.toml" || fail "the token does not carry the model"
for name in a b c; do start "$name"; done
for name in a b c; do await "$name" round_committed '.participants | length == 3'; done
# Nobody knows a peer by the token alone.
for name in b c; do
    await a peer_joined ".peer | startswith(\"$name \")"
    expect_none "$name" insecure
done

# A stranger that knows the address, the network's name and the public keys.
set_up d 4 join "$token"
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
