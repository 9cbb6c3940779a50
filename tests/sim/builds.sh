#!/bin/sh
# builds.sh ONE OTHER [COUNT] - do two builds of sim_hash print the same, and a
# different hash for each seed? Status 77: OTHER is not built.
set -eu
[ -x "$2" ] || { echo "$2 is not built" && exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" 1 "${3:-8}" >"$dir/one"
"$2" 1 "${3:-8}" >"$dir/other"
diff "$dir/one" "$dir/other"
[ "$(cut -d ' ' -f 2 "$dir/one" | sort -u | wc -l)" -eq "${3:-8}" ]
