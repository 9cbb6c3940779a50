#!/bin/sh
# proof.sh SECONDS BUILD_DIR - a cluster of processes on PostgreSQL under all
# faults, for so long; see ../proof.
#
# Three storms: two with all faults that are short, without and with warm
# copies, and, if there is time, one with those that take a minute each. Before
# them, if there is time, 10,000 workflows while a node comes and goes, and
# while one is killed: two minutes each.
set -u

build=$2
storm=$build/tests/nodes/nodes_storm
status=0

if [ ! -x "$storm" ]; then
    printf 'RESULT\tnodes\t0\t0\tno PostgreSQL server is installed\n'
    exit 0
fi

# rage NAME SECONDS FAULT...
rage() {
    name=$1
    seconds=$2
    shift 2
    log=$(mktemp)
    fault=0
    "$storm" --node "$build/tests/nodes/nodes_node" --seconds "$seconds" "$@" \
        >"$log" 2>&1 || fault=1
    if grep -q '^left out: ' "$log"; then
        name="$name; no network namespaces here"
    fi
    if [ $fault -eq 0 ]; then tail -n 1 "$log"; else cat "$log"; fi
    printf 'RESULT\tnodes, %s\t%s\t%s\t%s\n' "$name" \
        "$(sed -n 's/^\([0-9]*\) faults.*/\1/p' "$log")" "$fault" \
        "$(sed -n 's/^.* faults, \(.*\); .*/\1/p' "$log")"
    rm -f "$log"
    [ $fault -eq 0 ] || status=1
}

# crowd NAME join|kill
crowd() {
    log=$(mktemp)
    fault=0
    "$build/tests/nodes/nodes_crowd" "$build/tests/nodes/nodes_node" "$2" \
        >"$log" 2>&1 || fault=1
    [ $fault -eq 0 ] || cat "$log"
    printf 'RESULT\tnodes, 10,000 workflows, %s\t1\t%s\t%s\n' "$1" "$fault" \
        "$(grep 'longest call' "$log" | tr '\t\n' ' ;')"
    rm -f "$log"
    [ $fault -eq 0 ] || status=1
}

if [ "$1" -lt 600 ]; then
    rage "faults of a cluster" $(($1 / 2))
    export NODES_STANDBY=67108864
    rage "faults of a cluster with warm copies" $(($1 / 2))
else
    left=$(($1 - 240))
    crowd "a fourth node comes and goes" join
    crowd "one node of three is killed" kill
    rage "faults of a cluster" $((left * 3 / 8))
    export NODES_STANDBY=67108864
    rage "faults of a cluster with warm copies" $((left * 3 / 8))
    rage "long faults of a cluster" $((left / 4)) alone dark
fi
exit $status
