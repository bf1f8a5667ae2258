#!/bin/bash
# Daemons of Debian 12 and of Debian 13, each with the LibTorch of its release, form one network: the
# handshake lets them in, all install the same bits after every round, and `dynavg verify` says so.
# Two daemons run on this machine, two in the chroot of the other release; needs root and what
# `scripts/test --in RELEASE` has built there, else the test is skipped.
source "${BASH_SOURCE[0]%/*}/lib.sh"
readonly steps=200
readonly repository=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)

case $(sed --quiet 's/^VERSION_CODENAME=//p' /etc/os-release) in
    bookworm) other=trixie ;;
    trixie) other=bookworm ;;
    *) skip "this is neither Debian 12 nor Debian 13" ;;
esac
((EUID == 0)) || skip "needs root for a chroot"
[[ -x $repository/build/$other${DYNAVGD#"$repository/build"} ]] ||
    skip "there are no programs of $other: scripts/test --in $other"
[[ -d ${DYNAVG_CHROOTS:-/var/cache/dynavg/chroots}/$other-build ]] || skip "no chroot of $other"

# In there, the same path is the other release's program.
over_there="$repository/scripts/on --with $work $other"
library_of() { "$@" ldd "$DYNAVGD" | grep --only-matching --max-count=1 'libtorch_cpu[^ ]*'; }
here=$(library_of env)
# shellcheck disable=SC2086 # Several words.
there=$(library_of $over_there)
echo "figure: a and b have $here, c and d have $there"
[[ $here != "$there" ]] || fail "both have the same LibTorch: this network is not mixed"

data() {
    printf 'source = "synthetic-digits"\nsamples = 2000\ntest = { samples = 200 }\n%s' \
        "shard = { index = $1, count = 4, split = \"iid\" }"
}
training="max_steps = $steps
exit_when_done = true"
averaging='[averaging]
threshold = 0.5
pace = "lockstep"'
within[c]=$over_there
within[d]=$over_there
start_four

for name in a b c d; do expect_exit "$name" 0; done
for name in a b c d; do
    [[ $(references_of "$name") == "$(references_of a)" ]] || fail "$name has other references"
    [[ $(events "$name" training_complete .digest) == "$(events a training_complete .digest)" ]] ||
        fail "$name ended with another model"
    expect_none "$name" peer_refused
done
rounds=$(references_of a | wc -l)
((rounds >= 3)) || fail "only $rounds rounds: the threshold tests nothing"
expect_verified "$work"/?.log
"$DYNAVG" verify "$work"/?.log | grep AGREED
