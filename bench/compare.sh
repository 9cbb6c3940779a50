#!/usr/bin/env bash
# compare.sh - a workload beside this machine's limits, or two builds of weft.
#
#   bench/compare.sh [-n ROUNDS] [-r SECONDS] [-d DIR] A [B] -- WORKLOAD ARGUMENT...
#
# A and B are programs weft-bench, of two builds. Each round runs `raw` for
# SECONDS (4), A and B, one after another, the order of A and B turned each time, each on a new
# directory in DIR (/var/tmp); medians of ROUNDS (5) are told, as shares of what
# raw found in the same round, and B as a share of A, round by round. What the
# programs said is kept, and named in the last line.
set -eu
rounds=5
raw_seconds=4
dir=/var/tmp
while getopts n:r:d: option; do
    case $option in
    n) rounds=$OPTARG ;;
    r) raw_seconds=$OPTARG ;;
    d) dir=$OPTARG ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
programs=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    programs+=("$1")
    shift
done
if [ ${#programs[@]} -lt 1 ] || [ ${#programs[@]} -gt 2 ] || [ $# -lt 2 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 2
fi
shift
dir=$(mktemp -d "$dir/weft-compare.XXXXXX")
trap 'rm -rf "$dir"' EXIT
said=$(mktemp "${TMPDIR:-/tmp}/weft-compare-XXXXXX.tsv")

# run ROUND LABEL PROGRAM ARGUMENT... - one line: round, label, what it said.
run() {
    local round=$1 label=$2 program=$3
    shift 3
    rm -rf "$dir/data"
    printf '%s\t%s\t%s\n' "$round" "$label" \
        "$("$program" "$@" --data "$dir/data" --json)" >>"$said"
}

for ((round = 0; round < rounds; round++)); do
    run "$round" raw "${programs[0]}" raw --seconds "$raw_seconds"
    if [ ${#programs[@]} -eq 1 ]; then
        run "$round" A "${programs[0]}" "$@"
    elif ((round % 2 == 0)); then
        run "$round" A "${programs[0]}" "$@"
        run "$round" B "${programs[1]}" "$@"
    else
        run "$round" B "${programs[1]}" "$@"
        run "$round" A "${programs[0]}" "$@"
    fi
    [ ! -t 2 ] || echo "round $((round + 1)) of $rounds" >&2
done
echo "$*, medians of $rounds"
python3 "$(dirname "$0")/compare.py" "$said"
echo "$said"
