#!/usr/bin/env bash
# proof.sh - random programs, for so long: on the node in memory, in the
# simulator under its faults, and on real nodes that are killed.
#
#   proof.sh SECONDS BUILD_DIR
#
# What is found is printed with the program, and how to repeat it. A directory
# of a node that came to something else is kept, and named.
set -u
seconds=$1
build=$2
failed=0

# result WHAT TIMES FAULTS NOTE
result() {
    printf 'RESULT\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4"
    [ "$3" -eq 0 ] || failed=1
}

# batches WHAT SECONDS SIZE FROM_NAME COUNT_NAME COMMAND... - as many batches of
# that size as there is time for, of numbers that nobody tried before.
batches() {
    local what=$1 ends=$((SECONDS + $2)) size=$3 from_name=$4 count_name=$5
    local from times=0 faults=0 log
    shift 5
    log=$(mktemp)
    from=$(($(date +%s) % 100000000 * 1000))
    while [ "$SECONDS" -lt "$ends" ]; do
        if ! env "$from_name=$from" "$count_name=$size" "$@" >"$log" 2>&1; then
            faults=$((faults + 1))
            cat "$log"
        fi
        times=$((times + size))
        from=$((from + size))
    done
    rm -f "$log"
    result "$what" "$times" "$faults" "the last was $((from - 1))"
}

kills() {
    local log faults
    log=$(mktemp)
    CRASH_SECONDS=$1 "$build/tests/crash/crash_loop" \
        "$build/tests/crash/crash_victim" "$build/tests/crash/crash_check" \
        kill >"$log" 2>&1
    faults=$?
    cat "$log"
    result "programs on killed nodes" \
        "$(sed -n 's/^in all: \([0-9]*\) kills/\1/p' "$log" | tail -n 1)" \
        "$faults" "$(awk '/checked:/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^jobs/) jobs += $(i - 1)
                if ($i == "calls") calls += $(i - 1)
            }
        } END { print jobs + 0 " programs, " calls + 0 " calls" }' "$log")"
    rm -f "$log"
}

batches "programs in memory" $((seconds / 5)) 2000 \
    PROGRAM_FROM PROGRAM_COUNT "$build/tests/program/program_memory"
batches "runs of programs in the simulator" $((seconds * 2 / 5)) 100 \
    SIM_FROM SIM_SEEDS "$build/tests/sim/sim_random" \
    nothing_is_lost_or_doubled_under_faults
kills $((seconds * 2 / 5))
exit $failed
