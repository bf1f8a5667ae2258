#!/bin/bash
# completion.sh PROGRAM: the shell's offers for the beginning of a command line.
set -euo pipefail
folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
ln -s "$1" "$folder/dynavg"
PATH=$folder:$PATH
source "${BASH_SOURCE[0]%/*}/../../../tools/cli/completion/dynavg"

# offers "WORD..." WORDS: for a line of these words, the last of which is to be completed.
offers() {
    read -ra COMP_WORDS <<<"$1"
    [[ $1 != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _dynavg
    if [[ "${COMPREPLY[*]-}" != "$2" ]]; then
        echo "FAILED: '$1' offers '${COMPREPLY[*]-}', not '$2'" >&2
        exit 1
    fi
}

offers 'dynavg sta' status
offers 'dynavg re' 'revoke resume reload report'
offers 'dynavg --ver' --version
offers 'dynavg status --' '--control --help --json --watch'
offers 'dynavg check-config --sim' --simulation
offers 'dynavg doc' doctor
# Files are the shell's own business.
offers 'dynavg check-config a' ''
# No daemon answers: nothing is offered, and nothing is said.
offers 'dynavg forget ' ''
# Every verb of the help can be completed.
offers 'dynavg ' "$(dynavg --help | awk '/^Subcommands:/ { on = 1; next } on && NF == 0 { exit }
    on { printf "%s%s", space, $1; space = " " }')"
