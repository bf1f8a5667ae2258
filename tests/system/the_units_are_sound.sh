#!/bin/bash
# The two units differ in file and folders only, systemd finds nothing to complain of, and their
# hardening is what docs/operations.md says. In the source tree; a_service_is_kept_alive.sh runs them.
source "${BASH_SOURCE[0]%/*}/lib.sh"
command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"

units=${BASH_SOURCE[0]%/*}/../../systemd

# The directives of the template as those of the single unit would be.
directives() { grep --invert-match --regexp='^#' --regexp='^$' "$1"; }
as_single() {
    sed --expression='s| (%i)$||' --expression='s|/etc/dynavg/%i.toml|/etc/dynavg/dynavg.toml|' \
        --expression='s|dynavg/%i|dynavg|'
}
directives "$units/dynavgd@.service" | as_single >"$work/template"
directives "$units/dynavgd.service" | grep --invert-match '^RuntimeDirectoryPreserve=' >"$work/single"
diff "$work/single" "$work/template" || fail "the units differ in more than their folders"

# The programs under test stand for the installed ones.
for unit in dynavgd dynavgd@; do
    sed --expression="s|/usr/bin/dynavgd |$DYNAVGD |" --expression="s|/usr/bin/dynavg |$DYNAVG |" \
        "$units/$unit.service" >"$work/$unit.service"
done
complaints=$(systemd-analyze --man=no verify "$work/dynavgd.service" "$work/dynavgd@.service" 2>&1) ||
    true
[[ -z $complaints ]] || fail "systemd-analyze verify: $complaints"

for unit in dynavgd dynavgd@; do
    score=$(systemd-analyze security --offline=yes --no-pager "$work/$unit.service" |
        awk '/Overall/ { print $(NF - 2) }')
    echo "figure: systemd-analyze security of $unit.service: $score"
    awk -v score="$score" 'BEGIN { exit !(score <= 2.0) }' || fail "$unit is too open: $score"
    grep --quiet "^gives $score " "$units/../docs/operations.md" ||
        fail "docs/operations.md does not say that the units' exposure is $score"
done
