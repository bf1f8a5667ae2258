#!/bin/bash
# `dynavg doctor` finds nothing wrong with a node that works, running or stopped, in both
# directions; where one thing is broken it names that one, with what to type. A stopped node that
# looks at its network never counts as a member of it.
source "${BASH_SOURCE[0]%/*}/lib.sh"

# examine NAME CODE: doctor's findings of a node go to found.json; a slow BLAS is no node's fault. A
# peer dials back at most once a second.
examine() {
    until_true "look at $1 that its peers had time for" has_examined "$1"
    ((code == $2)) ||
        fail "doctor ends with $code, not $2: $(cat "$work/found.json" "$work/complaint")"
}
has_examined() {
    code=0
    "$DYNAVG" doctor --json --config "$work/$1.toml" >"$work/found.json" 2>"$work/complaint" ||
        code=$?
    ! grep --quiet 'was asked for it a moment ago' "$work/found.json"
}
# expect_found CHECK CONDITION: each fault, apart from the daemon that is stopped, is one of
# this check, and one of them meets a jq condition.
expect_found() {
    jq --exit-status --arg check "$1" "
        [.findings[] | select(.level != \"ok\" and .check != \"blas\" and .check != \"daemon\")]
        | length > 0 and all(.[]; .check == \$check and (.fix | length > 0)) and any(.[]; $2)" \
        "$work/found.json" >/dev/null || fail "$1 with $2 is not what was found: $(found)"
}
expect_nothing_found() {
    jq --exit-status '.ok and all(.findings[];
        .level == "ok" or .check == "blas" or .check == "daemon")' "$work/found.json" >/dev/null ||
        fail "doctor finds: $(found)"
    jq --exit-status '[.findings[].check] | unique | contains(["blas", "clock", "config", "daemon",
        "data", "disk", "keys", "model", "peer", "ports"])' \
        "$work/found.json" >/dev/null || fail "not all was looked at: $(cat "$work/found.json")"
}
found() { jq --compact-output '.findings[] | select(.level != "ok")' "$work/found.json"; }
# broken EXPRESSION: b's configuration with one thing changed.
broken() {
    cp "$work/b.toml" "$work/sound.toml"
    sed --in-place "$1" "$work/b.toml"
    ! cmp --silent "$work/b.toml" "$work/sound.toml" || fail "'$1' changes nothing"
}
mended() { mv "$work/sound.toml" "$work/b.toml"; }

set_up a "$loopback.1:7400" init field-robots
set_up b "$loopback.2:7400" join "$(token_of a)"
sed --in-place 's/^# samples .*/samples = 2000/' "$work"/[ab].toml
start a
start b
for name in a b; do await "$name" round_committed '.participants | length == 2'; done

# Healthy: with the daemon, from both ends, and without it.
examine b 0
expect_nothing_found
jq --exit-status 'all(.findings[]; .level == "ok" or .check == "blas")' \
    "$work/found.json" >/dev/null ||
    fail "a warning about a daemon that runs: $(found)"
jq --exit-status '[.findings[]
    | select(.check == "ports" and (.what | startswith("held by dynavgd")))] | length == 3' \
    "$work/found.json" >/dev/null || fail "its ports are not the daemon's"
examine a 0
"$DYNAVG" doctor --config "$work/b.toml" >"$work/text" || fail "no text: $(cat "$work/text")"
grep --quiet "^ok       peer      $loopback.1:7400: a .*in both directions" "$work/text" ||
    fail "the text lacks the peer: $(cat "$work/text")"

# Revoked here: the running daemon tells.
"$DYNAVG" revoke "$(key_of a)" --control "$work/b.sock" >"$work/done"
examine b 1
jq --exit-status --arg fix "dynavg trust $(key_of a)" 'any(.findings[]; .fix == $fix)' \
    "$work/found.json" >/dev/null || fail "a key revoked here is not found: $(found)"
"$DYNAVG" trust "$(key_of a)" --control "$work/b.sock" >"$work/done"
for name in a b; do await_status "$name" '.peers_live == 1'; done

kill -TERM "${pids[b]}"
expect_exit b 0
await_status a '.peers_live == 0'
mark a
examine b 0
expect_nothing_found

# Its key.
chmod 640 "$work/b/identity.key"
examine b 1
jq --exit-status --arg fix "chmod 600 $work/b/identity.key" \
    'any(.findings[]; .check == "keys" and (.fix | startswith($fix)))' \
    "$work/found.json" >/dev/null || fail "a key that others can read is not found: $(found)"
chmod 600 "$work/b/identity.key"

# Its port.
configure c network=other bind="tcp://$loopback.2:7400"
start c
await c started
examine b 1
jq --exit-status --arg holder "held by dynavgd (pid ${pids[c]})" \
    '[.findings[] | select(.check == "ports" and .what == $holder)] | length == 3' \
    "$work/found.json" >/dev/null || fail "the holder of the ports is not found: $(found)"
kill -TERM "${pids[c]}"
expect_exit c 0

# Trust over there.
"$DYNAVG" revoke "$(key_of b)" --control "$work/a.sock" >"$work/done"
examine b 1
expect_found peer ".fix == \"run there: dynavg trust $(key_of b)\""
"$DYNAVG" trust "$(key_of b)" --control "$work/a.sock" >"$work/done"

# Addresses: nobody's, another node's, and of a peer with another key.
broken "s/^advertise .*/advertise = \"$loopback.9:7400\"/"
examine b 1
expect_found peer \
    "(.where | contains(\"to $loopback.9:7400\")) and (.fix | contains(\"[node] advertise\"))"
mended
broken "s/^advertise .*/advertise = \"$loopback.1:7400\"/"
examine b 1
expect_found peer '.fix | contains("leads to another node")'
mended
broken "s/$(key_of a)/$(key_of b | tr 0-9 1-90)/"
examine b 1
expect_found peer '.fix | startswith("run `dynavg id` there")'
mended

# The settings that the network has in common.
broken 's/^hidden = .*/hidden = [9]/'
examine b 1
expect_found settings '.where == "model.parameters"'
mended

# Data.
no_data='s/^source .*/source = "idx"/; s/^samples .*//'
no_data+="; /^\\[data\\]/,/^\\[training\\]/s|^# *path .*|path = \"$work/nothing\"|"
broken "$no_data"
examine b 1
expect_found data ".where == \"$work/nothing\""
mended

# Run by root, it sees what the daemon's user sees, and leaves that user's files alone.
if ((EUID == 0)); then
    mkdir --mode=700 "$work/nothing"
    chmod 711 "$work"
    chown --recursive nobody "$work/b"
    broken "$no_data"
    examine b 1
    expect_found data '.what | contains("(read as nobody)")'
    mended
    examine b 0
    expect_nothing_found
    [[ -z $(find "$work/b" ! -user nobody) ]] || fail "root has left files for nobody to read"
    chown --recursive root "$work/b"
fi

# A configuration that is not valid ends with a code of its own.
broken 's/^batch_size .*/batch_sise = 1/'
examine b 6
expect_found config '.what | contains("training.batch_sise")'
mended

# None of all that made b a member again, and it has no fault left.
examine b 0
expect_nothing_found
! has_new a peer_joined || fail "a doctor has joined: $(events_new a peer_joined .message)"
await_status a '.peers_live == 0'

kill -TERM "${pids[a]}"
expect_exit a 0
examine b 1
expect_found peer \
    '(.what | contains("nobody listens")) and (.fix | contains("start dynavgd there"))'
