#!/bin/sh
# measure.sh BUILD_DIR - all that is measured of a cluster, in some eight
# minutes, as bench/results/cluster.tsv has it. Nothing else should run on the
# machine. See bench/README.md.
set -eu

build=$1
node=$build/tests/nodes/nodes_node

"$build/bench/cluster/weft-bench-cluster" "$node" 5
"$build/tests/nodes/nodes_crowd" "$node" join
"$build/tests/nodes/nodes_crowd" "$node" kill
"$build/tests/nodes/nodes_crowd" "$node" replay 10000 20 50
"$build/tests/nodes/nodes_crowd" "$node" takeover 10000 20 50
NODES_STANDBY=1000000000 \
    "$build/tests/nodes/nodes_crowd" "$node" takeover 10000 20 50
"$build/bench/cluster/weft-bench-restore"
