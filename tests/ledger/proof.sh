#!/bin/sh
# proof.sh SECONDS BUILD_DIR - moves between ledgers, with seeds that nobody
# tried, for so long; see ../proof.
set -u

status=0
log=$(mktemp)
"$2/tests/ledger/ledger_moves" --seconds "$1" >"$log" 2>&1 || status=1
[ $status -eq 0 ] || cat "$log"
printf 'RESULT\tledger, moves\t%s\t%s\t%s\n' \
    "$(sed -n 's/^\([0-9]*\) seeds,.*/\1/p' "$log")" "$status" \
    "$(sed -n 's/^[0-9]* seeds, //p' "$log")"
rm -f "$log"
exit $status
