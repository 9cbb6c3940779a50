#!/usr/bin/env bash
# run.sh - make what a guest boots from, and cut its power.
#
#   run.sh BUILD_DIR short|SECONDS [SEED [ROUND]]
set -eu
here=$(dirname "$0")
build=$(cd "$1" && pwd)
shift

"$here/make.sh" "$build/tests/crash/crash_victim" \
    "$build/tests/guest/libguest_unsynced.so" "$build/tests/guest/boot"
exec "$build/tests/guest/guest_loop" "$build/tests/guest/boot" \
    "$build/tests/crash/crash_check" "$@"
