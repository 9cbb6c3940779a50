#!/bin/sh
# proof.sh SECONDS BUILD - overload for half of the time, and then one actor
# that misbehaves, of which others must not notice more than a tenth.
set -u
here=$(dirname "$0")
half=$(($1 / 2))
status=0
# Each kind of work is measured before and after; the rest is the overload.
"$here/here.sh" "$2/tests/load/load_overload" \
    $((half > 20 ? half - 10 : 10)) || status=1
"$here/here.sh" "$2/tests/load/load_blast" \
    $((half > 20 ? half : 20)) 110 || status=1
exit $status
