#!/usr/bin/env bash
# coverage.sh - which branches of runtime/ and storage/ the tests take.
#
#   tests/coverage/coverage.sh [SECONDS]   build, run the quick tests for at
#                                          most so long, and print a table
#
# Leaves in build/coverage: table.txt, untaken.txt (each branch that was never
# taken), errors.txt (each error that never happened), total.txt, tests.log. A
# process that is killed reports nothing, so what only the victims of tests/crash
# have done is not counted; children of tests that end by _exit or abort report
# (tests/support/coverage.c).
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$PWD/build/coverage
folders="runtime storage"

mkdir -p "$build"
rm -f "$build/total.txt"
cmake --preset coverage >"$build/build.log" 2>&1 &&
    cmake --build --preset coverage >>"$build/build.log" 2>&1 ||
    { tail -n 30 "$build/build.log" && exit 1; }
find "$build" -name '*.gcda' -delete

CRASH_SECONDS=5 timeout "${1:-86400}" \
    ctest --preset coverage -j "$(nproc)" >"$build/tests.log" 2>&1
status=$?
grep -E 'tests? failed out of|\*\*\*' "$build/tests.log"

report() { tests/coverage/report.py "$@" "$PWD" "$build" $folders; }
report --untaken >"$build/untaken.txt"
report --errors >"$build/errors.txt"
report --total >"$build/total.txt"
report | tee "$build/table.txt"
exit $status
