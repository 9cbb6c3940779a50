#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# dry_run.sh ORDER_MEAL ORDERS - stop a play in its middle, and look whether the
# program fits the orders that are under way.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if "$1" "$dir/data" --orders "$2" --work "$dir/work" --seconds 2; then
    echo "all orders are finished: nothing is left to look at" >&2
    exit 1
fi
"$1" "$dir/data" --dry-run | tee "$dir/out"
grep -Eq '^order, version 1: [0-9]+ stays$' "$dir/out"
