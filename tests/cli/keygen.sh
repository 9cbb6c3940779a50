#!/bin/sh
# keygen.sh WEFT MAKE_STORE - keys are made once, for their owner, and nothing
# is overwritten.
set -u
. "$(dirname "$0")/common.sh"

run 0 keygen "$dir/alice"
says '^[^ ]{40}$'
grep -Fq "public = $(cat "$dir/out")" "$dir/alice.pub" ||
    { echo "alice.pub has another key" && failed=1; }
[ "$(stat -c %a "$dir/alice")" = 600 ] ||
    { echo "everybody may read alice" && failed=1; }
[ "$(stat -c %a "$dir/alice.pub")" = 644 ] ||
    { echo "nobody may read alice.pub" && failed=1; }

cp "$dir/alice" "$dir/before"
run 2 keygen "$dir/alice"
complains 'File exists'
cmp -s "$dir/alice" "$dir/before" || { echo "overwritten" && failed=1; }

echo >"$dir/bob.pub"
run 2 keygen "$dir/bob"
complains 'bob.pub: File exists'
[ ! -e "$dir/bob" ] || { echo "half a pair was left" && failed=1; }

run 0 keygen --cipher "$dir/ring"
grep -Eq '^[0-9]+ = [A-Za-z0-9_-]{43}$' "$dir/ring" ||
    { echo "the ring has no key" && failed=1; }
[ "$(stat -c %a "$dir/ring")" = 600 ] ||
    { echo "everybody may read the ring" && failed=1; }
[ ! -e "$dir/ring.pub" ] || { echo "a ring has no public part" && failed=1; }
run 2 keygen -c "$dir/ring"
complains 'File exists'

run 2 keygen
complains 'FILE is missing'
run 2 keygen a b
complains '"b" is one too many'
run 2 keygen --wild "$dir/x"
finish
