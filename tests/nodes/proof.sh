#!/bin/sh
# proof.sh SECONDS BUILD_DIR - a cluster of processes on PostgreSQL under all
# faults, for so long; see ../proof.
set -u

seconds=$1
build=$2
storm=$build/tests/nodes/nodes_storm
status=0

if [ ! -x "$storm" ]; then
    printf 'RESULT\tnodes\t0\t0\tno PostgreSQL server is installed\n'
    exit 0
fi
log=$(mktemp)
"$storm" --node "$build/tests/nodes/nodes_node" --seconds "$seconds" \
    >"$log" 2>&1 || status=1
tail -n 1 "$log"
[ $status -eq 0 ] || cat "$log"
printf 'RESULT\tnodes, faults of a cluster\t%s\t%s\t%s\n' \
    "$(sed -n 's/^\([0-9]*\) faults.*/\1/p' "$log")" "$status" \
    "$(sed -n 's/^.* faults, \(.*\); .*/\1/p' "$log")"
rm -f "$log"
exit $status
