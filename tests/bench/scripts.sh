#!/bin/sh
# scripts.sh WEFT_BENCH WEFT_GATE - compare.sh, curves.sh and profile.py say what
# they are for, of measurements of a moment.
set -u
bench=${1:?weft-bench}
gate=${2:?weft-gate}
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# says FILE TEXT - or it has failed.
says() {
    grep -qF -e "$2" "$1" || { echo "$1 lacks \"$2\":" && cat "$1" && failed=1; }
}

TMPDIR=$dir "$top/bench/compare.sh" -n 2 -r 0.1 -d "$dir" "$bench" "$bench" -- \
    noop --seconds 0.05 >"$dir/compared" 2>&1 || failed=1
says "$dir/compared" "noop --seconds 0.05, medians of 2"
says "$dir/compared" "A  rate / fdatasync_per_s"
says "$dir/compared" "B  p50 / fdatasync p50"
says "$dir/compared" "B/A cpu_us_per_op"
if "$top/bench/compare.sh" "$bench" >"$dir/usage" 2>&1; then
    failed=1
fi
says "$dir/usage" "bench/compare.sh [-n ROUNDS]"

"$top/bench/curves.sh" -s 0.05 -d "$dir" -o "$dir/results" "$bench" partitions \
    >"$dir/drawn" 2>&1 || failed=1
says "$dir/drawn" "--partitions 1024 --seconds 0.05"
rows=$(wc -l <"$dir/results/partitions.tsv")
[ "$rows" -eq 7 ] || { echo "$rows rows of partitions" && failed=1; }

/usr/bin/python3 "$top/bench/profile.py" "$gate" noop 16 48 wf_turn_run \
    >"$dir/profile" 2>&1 || failed=1
says "$dir/profile" "instructions each"
says "$dir/profile" "wf_shard_step (shard.c)"
says "$dir/profile" "encoding and decoding"
says "$dir/profile" "1.0  wf_partition_run ("
exit $failed
