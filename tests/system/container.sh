#!/bin/bash
# A Debian of its own, of this machine's release, booted with systemd in a container, for tests of
# the package. Sourced in place of lib.sh. Needs root, systemd-nspawn and what scripts/package and
# scripts/base-system need; else the test is skipped.
#
# scripts/base-system keeps the system. Changes of a test to it live in memory.
source "${BASH_SOURCE[0]%/*}/lib.sh"

((EUID == 0)) || skip "needs root for a container"
for tool in debootstrap systemd-nspawn dpkg-buildpackage dh pandoc nsenter python3; do
    command -v "$tool" >/dev/null || skip "there is no $tool: scripts/dependencies package system"
done

readonly repository=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
readonly release=$(sed --quiet 's/^VERSION_CODENAME=//p' /etc/os-release)
root=$("$repository/scripts/base-system" "$release" service 2>&1) || skip "no base system: $root"
readonly root
# The first process of each machine that runs, and of the one that is meant.
declare -A inits=()
init=

# packages_of FOLDER [OPTION...] packs the programs under test.
packages_of() {
    "$repository/scripts/package" --built "$(dirname "$(dirname "$DYNAVGD")")" --out "$@" \
        >"$work/package.log" 2>&1 || fail "scripts/package: $(tail --lines=20 "$work/package.log")"
    rm -rf "$1/source" "$1"/*-dbgsym*
}

# make_root PACKAGE...: with everything that these packages need, but not themselves.
make_root() {
    local needs package
    needs=$(for package in "$@"; do dpkg-deb --field "$package" Depends; done |
        tr ',' '\n' | grep --invert-match dynavg- | sort --unique | paste --serial --delimiters=,)
    [[ $(cat "$root.made" 2>/dev/null) != "$needs" ]] || return 0
    {
        chroot "$root" apt-get --quiet update
        DEBIAN_FRONTEND=noninteractive chroot "$root" \
            apt-get --quiet --yes --no-install-recommends satisfy "$needs, libopenblas0-pthread"
    } >"$work/apt.log" 2>&1 || skip "no dependencies: $(tail --lines=1 "$work/apt.log")"
    chroot "$root" apt-get clean
    echo "$needs" >"$root.made"
}

# boot MACHINE FOLDER [OPTION...]: the folder is /packages inside. `inside` means this machine then.
boot() {
    local machine=$1
    systemd-nspawn --quiet --boot --register=no --keep-unit --volatile=overlay \
        --directory="$root" --machine="$machine" --bind-ro="$2:/packages" --console=pipe \
        "${@:3}" >"$work/console.log" 2>&1 </dev/null &
    pids[nspawn-$machine]=$!
    until_true "container" find_init "$machine"
    until_true "end of its boot" is_booted
}

find_init() {
    has_ended "nspawn-$1" && skip "no container runs: $(tail --lines=3 "$work/console.log")"
    # systemd-nspawn has another child for a moment, which is not the first process inside.
    for init in $(pgrep --parent "${pids[nspawn-$1]}"); do
        if [[ $(awk '/^NSpid:/ { print $NF }' "/proc/$init/status" 2>/dev/null) == 1 ]]; then
            inits[$1]=$init
            return 0
        fi
    done
    return 1
}

# on MACHINE COMMAND...
on() {
    init=${inits[$1]}
    inside "${@:2}"
}

is_booted() {
    [[ $(inside systemctl is-system-running 2>/dev/null) == @(running|degraded) ]]
}

# The container's processes end with its first.
end_container() {
    local status=${1:-$?}
    if ((status != 0 && status != 77)) && [[ -n $init ]]; then
        inside journalctl --no-pager --lines=60 || true
    fi
    kill -KILL "${inits[@]}" 2>/dev/null || true
    clean_up "$status"
}
trap end_container EXIT

# inside COMMAND...
inside() {
    nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup -- \
        env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# write_inside FILE: from standard input.
write_inside() { inside sh -c "mkdir -p \"\$(dirname '$1')\" && cat >'$1'"; }
