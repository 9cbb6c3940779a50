#!/bin/sh
# workloads.sh WEFT_BENCH - each workload for a moment: its line of JSON has all
# fields, nothing failed, and wrong input is refused with a reason.
set -u
bench=${1:?weft-bench}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# try NAME ARGUMENT... - run it on a new directory, and read its line.
try() {
    rm -rf "$dir/data"
    if ! "$bench" "$@" --data "$dir/data" --json >"$dir/out" 2>"$dir/err" ||
        ! /usr/bin/python3 "$here/fields.py" "$1" "$dir/out" 2>>"$dir/err"; then
        echo "weft-bench $*:"
        cat "$dir/err" "$dir/out"
        failed=1
    fi
}

# refuse TEXT ARGUMENT... - it ends with status 2 and says TEXT.
refuse() {
    text=$1
    shift
    "$bench" "$@" >"$dir/out" 2>&1
    if [ $? -ne 2 ] || ! grep -qF -e "$text" "$dir/out"; then
        echo "weft-bench $*: \"$text\" expected"
        cat "$dir/out"
        failed=1
    fi
}

for name in noop steps10 activity1 activity10 signal-one counter bank; do
    try $name --seconds 0.05 --concurrency 8 --instances 5
done
try signal-many --seconds 0.05 --concurrency 8 --instances 20 --payload 100
try pingpong --seconds 0.05 --concurrency 2 --hops 4
try pingpong --seconds 0.05 --concurrency 2 --hops 4 --partition same
try fanout --seconds 0.05 --concurrency 2 --children 5
try fanout --seconds 0.05 --concurrency 2 --children 5 --partition other
try timer --seconds 0.05 --instances 60 --rate 1000
try sleepers --instances 20
try recovery --seconds 0.05 --instances 20
try journal --instances 5 --journal 50
try raw --seconds 0.1
try noop --seconds 0.05 --rate 500 --window 0 --partitions 2
try noop --seconds 0.05 --sync none
try signal-many --seconds 0.05 --instances 5 --remote "ipc://$dir/socket"

# A node in another process.
"$bench" serve --data "$dir/data" --remote "ipc://$dir/served" >"$dir/serve" &
served=$!
"$bench" noop --seconds 0.05 --json --remote "ipc://$dir/served" \
    >"$dir/out" 2>&1 &&
    /usr/bin/python3 "$here/fields.py" elsewhere "$dir/out" 2>&1 ||
    { cat "$dir/out" && failed=1; }
kill $served
wait $served || { echo "serve ends with $?" && failed=1; }

refuse "a workload is missing" --data "$dir/data"
refuse 'no workload "nop"' nop --data "$dir/data"
refuse "--data is missing" noop
refuse "--seconds is a number above 0" noop --data "$dir/data" --seconds 0
refuse "--concurrency is a number from 1" noop --data x --concurrency 0
refuse "--sync is commit or none" noop --data x --sync yes
refuse "at most 4 connections" noop --remote tcp://127.0.0.1:1 --connections 5
refuse "recovery has no --rate" recovery --data x --rate 5
refuse "timer needs --data" timer --remote tcp://127.0.0.1:1
exit $failed
