#!/bin/sh
# here.sh PROGRAM ARGUMENT... - run it on a directory that is removed after it.
set -u
program=$1
shift
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
"$program" "$dir/data" "$@"
