#!/usr/bin/env bash
# proof.sh SECONDS BUILD - all that the tools of analysis.sh find.
#
# Each tool has its share of the time, and says so if that was not enough: what
# it had not come to is not counted as a fault.
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=${1:?seconds}
build=$PWD/build/dev # with assertions: what they rule out is no finding
found=0

mkdir -p build/analysis
cmake --preset dev >build/analysis/build.log 2>&1 &&
    cmake --build --preset dev >>build/analysis/build.log 2>&1 ||
    { tail -n 30 build/analysis/build.log && exit 1; }

for tool in cppcheck analyzer tidy valgrind; do
    log=build/analysis/$tool.log
    timeout $((seconds / 4)) \
        tests/analysis/analysis.sh "$tool" "$build" all >"$log" 2>&1
    status=$?
    faults=0 note=
    case $status in
    0) ;;
    77) note="not installed" ;;
    124) note="out of time" ;;
    *) faults=$(grep -cE '(warning|error|style|portability|performance): |^==' \
        "$log") note="see $log" found=1 ;;
    esac
    printf 'RESULT\t%s\t1\t%s\t%s\n' "$tool" "$faults" "$note"
done
exit $found
