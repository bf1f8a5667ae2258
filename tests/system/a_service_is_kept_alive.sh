#!/bin/bash
# The Debian package in a booted Debian: three daemons of its template unit train together. One
# after the other they are stopped, hung, killed, restarted, reloaded and upgraded: systemd brings
# each back, with its steps, and the network goes on. Then the package is removed, and purged.
source "${BASH_SOURCE[0]%/*}/container.sh"

names=(a b c)

# set_up_inside NAME NUMBER COMMAND...: `dynavg init` or `join` for an instance of the template unit,
# and a part of the data and steps of its own.
set_up_inside() {
    local name=$1 number=$2 file=/etc/dynavg/$1.toml
    inside dynavg "${@:3}" --instance "$name" --advertise 127.0.0.1 --port $((7400 + 10 * number)) \
        --no-start
    inside sed --in-place "
        s/^# hidden = .*/hidden = [8]/; s/^# builtin = .*/builtin = \"mlp\"/
        s/^# checkpoint_interval_s = .*/checkpoint_interval_s = 1/
        s/^# samples = .*/samples = 20000/
        s/^# shard = .*/shard = { index = $number, count = 3 }/
        s/^# test = .*/test = { samples = 500 }/
        s/^# batch_size = .*/batch_size = 512/; s/^# learning_rate = .*/learning_rate = 0.002/" "$file"
}

ask() { inside dynavg "$2" --json --control "/run/dynavg/$1/control.sock" 2>/dev/null; }
has() { ask "$1" status | jq --exit-status "$2" >/dev/null 2>&1; }
value() { ask "$1" status | jq "$2"; }
property() { inside systemctl show --property="$2" --value "dynavgd@$1"; }
pid_of() { ask "$1" status | jq .pid; }
# Of a process inside, as the outside knows it.
outer_pid() {
    local pid
    for pid in $(pgrep --exact dynavgd); do
        [[ $(awk '/^NSpid:/ { print $3 }' "/proc/$pid/status") != "$1" ]] || { echo "$pid" && return; }
    done
    fail "process $1 of the container is not to be found"
}
journal() { inside journalctl --no-pager --output=cat --unit="dynavgd@$1"; }
says() { grep --quiet --fixed-strings -- "$2" < <(journal "$1"); }
tells() {
    [[ -n $(inside journalctl --quiet --lines=1 --unit="dynavgd@$1" "DYNAVG_EVENT=$2") ]]
}
# The journal may get it a moment later.
journal_says() { until_true "'$2' in the journal of $1" says "$@"; }
is_another() { [[ $(property "$1" MainPID) != @(0|"$2") ]] && has "$1" '.pid > 0'; }

# goes_on WHAT: all three are in new rounds together.
goes_on() {
    local name epoch
    for name in "${names[@]}"; do
        until_true "status of $name after $1" has "$name" '.pid > 0'
        until_true "peers of $name after $1" has "$name" '.peers_live == 2'
    done
    epoch=$(value a .epoch)
    for name in "${names[@]}"; do
        until_true "new epoch of $name after $1" has "$name" \
            ".epoch > $epoch + 1 and (.roster | length) == 3"
    done
}

# A copy is made each second, and takes a moment: the steps that must be left if it dies now.
steps_on_disk() { value "$1" '.steps - 2 * .steps_per_second - 200 | floor'; }

# comes_back NAME WHAT PID STEPS SINCE: another process, which goes on with that many steps.
comes_back() {
    until_true "another $1 after $2" is_another "$1" "$3"
    echo "figure: $2: answers again after $(($(now_ms) - $5)) ms"
    (($(value "$1" .steps) >= $4)) ||
        fail "$1 has lost steps: $4, then $(value "$1" .steps)"
    goes_on "$2"
}

# breaks NAME WHAT COMMAND...: the command gets the daemon's process id outside as its last word.
breaks() {
    local name=$1 what=$2 pid steps restarts begun
    pid=$(pid_of "$name")
    steps=$(steps_on_disk "$name")
    restarts=$(property "$name" NRestarts)
    begun=$(now_ms)
    "${@:3}" "$(outer_pid "$pid")"
    comes_back "$name" "$what" "$pid" "$steps" "$begun"
    (($(property "$name" NRestarts) == restarts + 1)) || fail "$name: $what: no single restart"
}

# Stops one thread only, as a hang in a driver would: a tracer holds it until its process is gone.
# Where it held a lock for which the loop waits, that would be another test: it tries again.
hold_trainer() {
    python3 - "$1" <<'END' &
import ctypes, os, sys, time

SEIZE, INTERRUPT, DETACH, ANY_THREAD = 0x4206, 0x4207, 17, 0x40000000
process = sys.argv[1]
task = f"/proc/{process}/task"
trainer = next(int(thread) for thread in os.listdir(task)
               if open(f"{task}/{thread}/comm").read().strip() == "trainer")
libc = ctypes.CDLL(None, use_errno=True)


def trace(request):
    if libc.ptrace(request, trainer, None, None) != 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")


def waits_of_the_loop():
    with open(f"{task}/{process}/status") as status:
        return next(line for line in status if line.startswith("voluntary_ctxt_switches"))


while True:
    trace(SEIZE)
    trace(INTERRUPT)
    os.waitpid(trainer, ANY_THREAD)
    time.sleep(2)  # Until the loop has come upon the lock.
    before = waits_of_the_loop()
    time.sleep(1.5)
    if waits_of_the_loop() != before:
        break
    trace(DETACH)
    time.sleep(2)  # The watchdog is to hear of the loop between two tries.
while os.path.exists(f"{task}/{trainer}"):
    os.waitpid(trainer, os.WNOHANG | ANY_THREAD)
    time.sleep(0.1)
END
    pids[tracer]=$!
}

# --- what an installation is ------------------------------------------------------------------

packages_of "$work/old"
packages_of "$work/new" --version "$(dpkg-parsechangelog --file "$repository/debian/changelog" \
    --show-field Version)+test1"
mkdir "$work/packages"
mv "$work/old" "$work/new" "$work/packages"
make_root "$work"/packages/old/*.deb
boot alone "$work/packages" --private-network

inside sh -c 'dpkg --install /packages/old/*.deb' >"$work/install.log" 2>&1 ||
    fail "dpkg --install: $(cat "$work/install.log")"
[[ $(inside systemctl is-enabled dynavgd) == disabled ]] || fail "the unit is enabled by itself"
[[ $(inside systemctl is-active dynavgd) == inactive ]] || fail "the unit is started by itself"
inside getent passwd dynavg >/dev/null || fail "there is no user dynavg"
complaints=$(inside systemd-analyze --man=no verify dynavgd.service dynavgd@a.service 2>&1) || true
[[ -z $complaints ]] || fail "systemd-analyze verify: $complaints"
for page in dynavgd.8 dynavg.1 dynavg.toml.5 dynavg-events.7; do
    inside test -e "/usr/share/man/man${page##*.}/$page.gz" || fail "there is no manual page $page"
done

# --- three that train -------------------------------------------------------------------------

set_up_inside a 0 init test >/dev/null
inside sh -c 'printf "[averaging]\nthreshold = 1.0\n" >>/etc/dynavg/a.toml'
token=$(inside dynavg token --config /etc/dynavg/a.toml)
set_up_inside b 1 join "$token" >/dev/null
set_up_inside c 2 join "$token" >/dev/null
inside sed --in-place '/^\[output\]/a path = "/var/lib/dynavg/c/model.npz"\
hook = ["/bin/sh", "-c", "cp $DYNAVG_PATH /var/lib/dynavg/c/deployed.npz"]' /etc/dynavg/c.toml
# Shorter, so that the test is; the bounds that a trainer gets stay as they are.
write_inside /etc/systemd/system/dynavgd@.service.d/test.conf <<<$'[Service]\nWatchdogSec=6s'
inside systemctl daemon-reload
inside systemctl enable --quiet --now "${names[@]/#/dynavgd@}" || fail "they do not start"
goes_on "the start"
shows_network() {
    grep --extended-regexp 'Status: "[a-z-]+: 2 of 2 peers live, epoch [0-9]+, variance' \
        < <(inside systemctl status --no-pager --lines=0 dynavgd@b)
}
until_true "line of systemctl status" shows_network
score=$(inside systemd-analyze security --no-pager dynavgd@a | awk '/Overall/ { print $(NF - 2) }')
echo "figure: systemd-analyze security: $score"
awk -v score="$score" 'BEGIN { exit !(score <= 2.0) }' || fail "the unit is too open: $score"
inside setpriv --reuid=nobody --regid=dynavg --clear-groups \
    dynavg status --control /run/dynavg/a/control.sock >/dev/null ||
    fail "a member of the group dynavg may not ask"
! inside setpriv --reuid=nobody --regid=nogroup --clear-groups \
    dynavg status --control /run/dynavg/a/control.sock >/dev/null 2>&1 || fail "anybody may ask"

until_true "file that the hook of c has copied" inside test -s /var/lib/dynavg/c/deployed.npz
! tells c hook_failed || fail "the unit does not let a hook run"

tells a started || fail "the journal has no fields of the daemon's events"

# --- reload -----------------------------------------------------------------------------------

pid=$(pid_of c)
line_of() { inside dynavg id --config "/etc/dynavg/$1.toml"; }
inside sed --in-place "s/^peers .*/peers = [\"$(line_of a)\", \"$(line_of b)\"]/" /etc/dynavg/c.toml
inside systemctl reload dynavgd@c || fail "c does not reload a good file"
journal_says c 'taken over: node.peers'
inside sed --in-place 's/^batch_size .*/batch_size = "many"/' /etc/dynavg/c.toml
! inside systemctl reload dynavgd@c 2>/dev/null || fail "c reloads a bad file"
line=$(inside grep --line-number '^batch_size' /etc/dynavg/c.toml | cut --delimiter=: --fields=1)
journal_says c "/etc/dynavg/c.toml:$line:1: training.batch_size"
[[ $(pid_of c) == "$pid" ]] || fail "c did not go on with the configuration that it had"
inside sed --in-place 's/^batch_size .*/batch_size = 512/' /etc/dynavg/c.toml
goes_on "a reload"

# --- what breaks ------------------------------------------------------------------------------

breaks b 'a stopped process' kill -STOP
journal_says b 'Watchdog timeout'
breaks c 'a killed process' kill -KILL
breaks b 'a trainer that hangs' hold_trainer
until_true "training_stuck in the journal of b" tells b training_stuck
journal_says b 'Watchdog request'

# An invalid file is not tried again and again.
write_inside /etc/dynavg/d.toml <<<'[node]'
! inside systemctl start dynavgd@d 2>/dev/null || fail "d starts without a configuration"
(($(property d NRestarts) == 0)) || fail "d is restarted with an invalid configuration"

# --- restart, upgrade -------------------------------------------------------------------------

pid=$(pid_of a) steps=$(value a .steps) begun=$(now_ms)
inside systemctl restart dynavgd@a || fail "a does not restart"
journal_says a 'leaving the network: SIGTERM'
comes_back a 'systemctl restart' "$pid" "$steps" "$begun"

declare -A pid_before=() steps_before=()
for name in "${names[@]}"; do
    pid_before[$name]=$(pid_of "$name")
    steps_before[$name]=$(value "$name" .steps)
done
inside sh -c 'echo "# A line of the operator." >>/etc/dynavg/dynavg.toml'
begun=$(now_ms)
inside sh -c 'dpkg --install /packages/new/*.deb' >"$work/install.log" 2>&1 ||
    fail "upgrade: $(cat "$work/install.log")"
for name in "${names[@]}"; do
    comes_back "$name" "an upgrade" "${pid_before[$name]}" "${steps_before[$name]}" "$begun"
done
inside grep --quiet operator /etc/dynavg/dynavg.toml || fail "the upgrade lost a configuration"
[[ $(inside systemctl is-active dynavgd) == inactive ]] || fail "the upgrade started dynavgd"
for name in "${names[@]}"; do
    ! tells "$name" checkpoint_damaged || fail "$name found a damaged file"
done

# The journals prove that all agreed, through all of this.
for name in "${names[@]}"; do
    inside journalctl --no-pager --output=json --unit="dynavgd@$name" >"$work/$name.journal"
done
[[ $(inside journalctl --quiet --output=json DYNAVG_EVENT=round_committed | wc --lines) -gt 20 ]] ||
    fail "the journal has too few rounds"
"$DYNAVG" verify "$work"/*.journal >"$work/verdict" || fail "$(cat "$work/verdict")"
tail --lines=5 "$work/verdict"

# --- remove, purge ----------------------------------------------------------------------------

inside dpkg --remove dynavg >"$work/install.log" 2>&1 || fail "remove: $(cat "$work/install.log")"
for name in "${names[@]}"; do
    [[ $(property "$name" ActiveState) != active ]] || fail "$name still runs"
    inside test -d "/var/lib/dynavg/$name" || fail "removing the package lost the state of $name"
done
inside test -e /etc/dynavg/dynavg.toml || fail "removing the package lost its configuration"
inside dpkg --purge dynavg >"$work/install.log" 2>&1 || fail "purge: $(cat "$work/install.log")"
! inside test -e /var/lib/dynavg || fail "purging the package left its state"
! inside test -e /etc/dynavg/dynavg.toml || fail "purging the package left its configuration"
inside test -e /etc/dynavg/a.toml || fail "purging the package took the operator's own file"
