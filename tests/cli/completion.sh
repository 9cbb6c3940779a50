#!/bin/sh
# completion.sh WEFT none - the completions and the manual have every command, and
# are what their readers can read.
set -u
. "$(dirname "$0")/common.sh"

commands=$("$weft" help | sed -n 's/^  \([a-z-]*\) .*/\1/p')
[ "$(echo "$commands" | wc -l)" -gt 25 ] || { echo "few commands" && failed=1; }

run 0 help --bash
cp "$dir/out" "$dir/weft.bash"
bash -n "$dir/weft.bash" || failed=1
# completes WORD... - the last word is to be completed.
completes() {
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weft
        printf "%s\n" "${COMPREPLY[@]}"' - "$dir/weft.bash" "$@" >"$dir/out"
}
completes weft re
for command in reset restore result resume retry-failed; do
    says "^$command\$"
done
says_not '^park$'
completes weft batch --dr
says '^--dry-run$'
says_not 'filter'
completes weft inspect --acc
says '^--accept-loss$'

run 0 help --zsh
cp "$dir/out" "$dir/_weft"
head -n 1 "$dir/_weft" | grep -q '^#compdef weft$' || failed=1
for command in $commands; do
    says "^$command\\) _arguments "
done
# What is quoted there is quoted in sh too.
sed -n 's/^[a-z-]*) _arguments \(.*\) ;;$/set -- \1/p' "$dir/_weft" | sh ||
    failed=1

run 0 help --man
cp "$dir/out" "$dir/weft.1"
for command in $commands; do
    grep -q "^.SS \"weft $(echo "$command" | sed 's/-/\\\\-/g')" "$dir/weft.1" ||
        { echo "weft.1 lacks $command" && failed=1; }
done
if command -v groff >"$dir/messages"; then
    groff -man -Tutf8 -ww "$dir/weft.1" >"$dir/out" 2>"$dir/err"
    [ ! -s "$dir/err" ] || { cat "$dir/err" && failed=1; }
fi

# Every option that help names is taken: what follows is another complaint.
for command in $commands; do
    "$weft" help "$command" >"$dir/page"
    sed -n 's/^  .*--\([a-z-]*\)\( [A-Z][^ ]*\)\{0,1\}   *[^ ].*/\1 \2/p' \
        "$dir/page" | while read -r option argument; do
        "$weft" "$command" "--$option" ${argument:+1} --help >"$dir/out" 2>&1
        grep -q 'unrecognized\|no such option' "$dir/out" &&
            echo "$command does not know --$option"
    done >"$dir/unknown"
    [ ! -s "$dir/unknown" ] || { cat "$dir/unknown" && failed=1; }
done
finish
