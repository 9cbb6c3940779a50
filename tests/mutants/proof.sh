#!/usr/bin/env bash
# proof.sh SECONDS BUILD_DIR - break the tree in as many ways as there is time
# for, each time in another order; with enough of it, in all.
#
# The build that is given is not used: what is broken is built beside it, in
# build/mutants. Status 1 if nobody caught one.
set -u
cd "$(dirname "$0")/../.." || exit 2
log=build/proof/mutants.table
mkdir -p build/proof
names=$(cd tests/mutants && ls *.patch | sed 's/\.patch$//' | shuf)
MUTANTS_SECONDS=$1 tests/mutants/run.sh $names | tee "$log"
status=${PIPESTATUS[0]}
awk -v status="$status" '
    /^[0-9]+ of / { ran = $1; of = $3; missed = $5; next }
    $NF > slowest && $NF ~ /^[0-9]+$/ { slowest = $NF; name = $1 }
    END {
        printf "RESULT\tseeded bugs caught\t%d\t%d\t", ran, missed
        printf "of %d; the slowest took %d s, %s\n", of, slowest, name
    }' "$log"
exit "$status"
