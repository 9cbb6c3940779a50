#!/bin/sh
# each.sh PROGRAM - run every test of the program in a process of its own.
#
# For programs whose tests fork children that start threads: the thread
# sanitizer allows that only in a process that never had threads itself.
set -u
failed=0
for name in $("$1" --list); do
    "$1" "$name" || failed=$((failed + 1))
done
echo "$failed failed"
[ "$failed" -eq 0 ]
