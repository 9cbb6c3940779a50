#!/usr/bin/env bash
# proof.sh SECONDS BUILD_DIR - histories of the simulator and of a node that is
# killed, half of the time each; see tests/proof.
set -u
status=0
nice -n 10 "$2/tests/history/history_sim" --seconds $(($1 / 2)) || status=1
nice -n 10 "$2/tests/history/history_node" --seconds $(($1 / 2)) || status=1
exit $status
