#!/bin/sh
# proof.sh SECONDS BUILD_DIR - fleets under faults of seeds that nobody tried,
# for so long; see ../proof.
set -u

status=0
log=$(mktemp)
FLEET_SECONDS=$1 "$2/tests/fleet/fleet_random" >"$log" 2>&1 || status=1
[ $status -eq 0 ] || cat "$log"
printf 'RESULT\tfleet, seeds\t%s\t%s\t%s\n' \
    "$(sed -n 's/^\([0-9]*\) seeds,.*/\1/p' "$log")" "$status" \
    "$(sed -n 's/^[0-9]* seeds, //p' "$log")"
rm -f "$log"
exit $status
