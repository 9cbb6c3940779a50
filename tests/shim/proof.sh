#!/usr/bin/env bash
# proof.sh - calls that kill or fail, and power cuts, for as long as there is
# time.
#
#   tests/shim/proof.sh SECONDS BUILD_DIR
#
# Each run begins anywhere and goes on through all scenes and all ways, so that
# several of them come to all. Directories are in memory if there is /dev/shm,
# and are kept if they show a fault.
set -u
seconds=$1
shim=$2/tests/shim
status=0

for loop in shim_loop cut_loop; do
    "$shim/$loop" "$shim/scene_victim" "$shim/libweft_shim.so" \
        all $((seconds / 3)) || status=1
done
"$shim/work_loop" "$2/tests/crash/crash_victim" "$2/tests/crash/crash_check" \
    "$shim/libweft_shim.so" $((seconds / 3)) || status=1
exit $status
