#!/usr/bin/env bash
# proof.sh SECONDS BUILD_DIR - seeds of the simulator that nobody tried before,
# until the time is up, a fifth of it for ids that live again and again, and the
# same hashes from a build without optimisation.
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=$1
build=$2
plain=build/proof/plain
end=$((SECONDS + seconds))
failed=0

# Without optimisation, once.
cmake -S . -B "$plain" -G Ninja -DCMAKE_C_FLAGS=-O0 -DWEFT_FUZZ=OFF &&
    cmake --build "$plain" --target sim_hash || exit 1
if tests/sim/builds.sh "$build/tests/sim/sim_hash" \
    "$plain/tests/sim/sim_hash" 20; then
    printf 'RESULT\tthe same hashes with -O0 and -O2\t20\t0\t\n'
else
    printf 'RESULT\tthe same hashes with -O0 and -O2\t20\t1\t\n'
    failed=1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# runs WHAT SECONDS PROGRAM TEST
runs() {
    local seeds note repeat

    SIM_SECONDS=$(($2 > 1 ? $2 : 1)) "$build/tests/sim/$3" "$4" 2>&1 |
        tail -n 200 | tee "$log"
    [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
    seeds=$(sed -n 's/^\([0-9]*\) seeds.*/\1/p' "$log")
    note=$(sed -n 's/^[0-9]* seeds, //p' "$log")
    repeat=$(sed -n 's/^repeat: //p' "$log" | head -n 1)
    printf 'RESULT\t%s\t%s\t%s\t%s\n' "$1" "${seeds:-0}" \
        "$([ -z "$repeat" ] && echo 0 || echo 1)" "${note:-$repeat}"
}

left=$((end - SECONDS))
runs "lives of the same ids" $((left / 5)) sim_lives \
    nothing_of_one_is_taken_for_that_of_another
runs "random runs" $((left - left / 5)) sim_random \
    nothing_is_lost_or_doubled_under_faults
exit $failed
