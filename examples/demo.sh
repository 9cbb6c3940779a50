#!/bin/sh
# demo.sh PROGRAM PATTERN - a demo runs in a new directory, ends well and prints
# a line that matches the pattern.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" "$dir/node" >"$dir/out" 2>&1
status=$?
cat "$dir/out"
[ $status -eq 0 ] && grep -q "$2" "$dir/out"
