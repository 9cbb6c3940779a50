#!/usr/bin/env bash
# proof.sh SECONDS BUILD - how much of runtime/ and storage/ the tests take.
#
# A fault is a test that fails, or a share of branches below what it was.
# BUILD is not used: counting wants a build of its own.
set -u
cd "$(dirname "$0")/../.." || exit 2
least=95

tests/coverage/coverage.sh "${1:?seconds}"
status=$?
total=build/coverage/total.txt
if [ ! -s "$total" ]; then
    printf 'RESULT\tbranches\t0\t1\tnot built, see build/coverage/build.log\n'
    exit 1
fi
tests=$(grep -cE '^ *[0-9]+/[0-9]+ Test' build/coverage/tests.log)
if [ "$status" -eq 124 ]; then # out of time: the number says nothing
    printf 'RESULT\tbranches\t%s\t0\tout of time\n' "$tests"
    exit 0
fi
faults=$(awk -v least="$least" -v status="$status" \
    '{ print ($1 < least) + (status != 0) }' "$total")
printf 'RESULT\tbranches\t%s\t%s\t%s %%: %s\n' "$tests" "$faults" \
    "$(cut -f 1 "$total")" "$(cut -f 2 "$total")"
[ "$faults" -eq 0 ]
