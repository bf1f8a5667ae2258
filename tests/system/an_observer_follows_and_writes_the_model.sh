#!/bin/bash
# Three daemons train, and an observer without data follows them: it writes each reference for other
# programs and runs a hook. Killed, stopped and started again, it is never waited for, and catches up.
source "${BASH_SOURCE[0]%/*}/lib.sh"

# about FILE FIELD: a field of a model's file.
about() {
    python3 -c 'import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
name = next(name for name in archive.namelist() if name.endswith("dynavg.json"))
print(json.loads(archive.read(name))[sys.argv[2]])' "$1" "$2"
}

# keyed NAME NUMBER [PART=TEXT...]: as configure; with a key, which all others will trust.
addresses=()
keyed() {
    configure "$1" bind="tcp://$loopback.$2:7400" start_peers=3 security='' "${@:3}"
    addresses+=("\"$("$DYNAVG" keygen --config "$work/$1.toml")\"")
}
files_written() { events o output_written .digest | wc --lines; }
has_written() { (($(files_written) >= $1)); }
# Of the reference "EPOCH DIGEST".
is_in_file() { [[ "$(about "$work/model.pt" epoch) $(about "$work/model.pt" digest)" == "$1" ]]; }
is_of_a_member() {
    for name in a b c; do references_of "$name"; done | grep --line-regexp --fixed-strings "$1" >/dev/null
}
is_told() { [[ $(tail --lines=1 "$work/told") == "$1" ]]; }

cat >"$work/hook" <<'END'
#!/bin/sh
echo "$DYNAVG_EPOCH $DYNAVG_DIGEST" >>"$1"
cp "$DYNAVG_PATH" "$1.copy"
END
chmod +x "$work/hook"
keyed a 1
keyed b 2
keyed c 3
keyed o 4 data='' training='' averaging='' node="role = \"observer\"
[output]
path = \"$work/model.pt\"
hook = [\"$work/hook\", \"$work/told\"]"
peers=$(printf '%s, ' "${addresses[@]}")
for name in a b c o; do sed --in-place "s|^peers .*|peers = [${peers%, }]|" "$work/$name.toml"; done

# Before three peers are there nothing begins: an observer is none.
start o
start a
start b
for name in a b; do await "$name" peer_joined '.message | endswith("as an observer.")'; done
await_status a '.peers_live == 1 and .observers == 1 and .training == "waiting-for-peers" and .steps == 0'
start c
for name in a b c; do await "$name" round_committed '.participants | length == 3'; done

# The observer has each member's references, writes them, and its hook knows which.
until_true "three files" has_written 3
until_true "the hook's word" test -s "$work/told"
while read -r reference; do
    until_true "reference $reference, which the hook was told of, at a member" is_of_a_member "$reference"
done <"$work/told"
peers_of a | jq --exit-status '[.peers[] | select(.role == "observer")] | length == 1 and
    (.[0].name == "o" and .[0].live and .[0].steps == 0)' >/dev/null || fail "a does not show the observer"
await_status o '.role == "observer" and .training == "following" and .peers_live == 3 and .steps == 0'
if "$DYNAVG" pause --control "$work/o.sock" >"$work/refused" 2>&1; then fail "an observer pauses"; fi

# Killed, it is not missed; back again, it has what it missed.
kill -KILL "${pids[o]}"
expect_exit o 137
mv "$work/o.log" "$work/o-first.log"
mark a b c
for name in a b c; do await_new "$name" round_committed '.level == "info" and .expected == 3'; done
missed=$(status_of a | jq .epoch)
start o
await o checkpoint_loaded
await o output_written
until_true "the missed epochs" has_status o ".epoch >= $missed"

# A member that is killed is missed by the others, and by nobody else.
kill -KILL "${pids[c]}"
expect_exit c 137
mv "$work/c.log" "$work/c-first.log"
mark a b
for name in a b; do await_new "$name" round_committed '.participants | length == 2'; done
start c
await c round_committed '.participants | length == 3'

# Two hand over and go; the third holds the last reference, and so does the file.
for name in a b; do
    kill -TERM "${pids[$name]}"
    expect_exit "$name" 0
done
last=$(references_of c | tail --lines=1)
until_true "file of the last reference, $last" is_in_file "$last"
until_true "the hook's last word" is_told "$last"
kill -TERM "${pids[c]}"
expect_exit c 0
[[ $(references_of c | tail --lines=1) == "$last" ]] || fail "c went on alone"
"$DYNAVG" export --config "$work/o.toml" --out "$work/exported.pt" >"$work/exported"
cmp "$work/exported.pt" "$work/model.pt" || fail "dynavg export writes another file than the daemon"
"$DYNAVG" export --config "$work/o.toml" --out "$work/exported.npz" --json |
    jq --exit-status ".digest == \"${last#* }\"" >/dev/null || fail "dynavg export tells another digest"
kill -TERM "${pids[o]}"
expect_exit o 0
expect_none o round_committed
expect_none o hook_failed
expect_agreement a b c o o-first c-first
expect_verified "$work"/[abco].log "$work"/[oc]-first.log
