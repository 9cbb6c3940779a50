#!/bin/sh
# verify.sh WEFT MAKE_STORE - a node's directory is clean, and what is broken in
# it is found and named.
set -u
. "$(dirname "$0")/common.sh"

# broken NAME - a copy of the clean directory, to be broken.
broken() {
    rm -rf "$dir/bad"
    cp -r "$dir/$1" "$dir/bad"
}

for options in '' '--crash' '--crash --window 300000' '--crash --window -1' \
    '--stores 3' '--crash --stores 3'; do
    rm -rf "$dir/clean"
    # shellcheck disable=SC2086
    store clean $options
    run 0 verify "$dir/clean"
    says '^partitions +8$'
    says '^problems +0$'
done
run 0 verify --quiet "$dir/clean"
[ ! -s "$dir/out" ] || { echo "not quiet" && failed=1; }
run 0 verify --json "$dir/clean"
says '^\{"dir":".*","problems":\[\],"problems_count":0,"stores":3,"partitions":8'

# A table file. Opened twice, so that there is one: closing leaves all in the
# write-ahead log.
store tables
echo | "$make_store" "$dir/tables" --hold >/dev/null
# The largest, in its middle.
table=$(cd "$dir/tables/store-0" && ls -S ./*.sst | head -n 1 | cut -c 3-)
broken tables
size=$(wc -c <"$dir/bad/store-0/$table")
flip "$dir/bad/store-0/$table" $((size / 2))
run 1 verify "$dir/bad"
says "^store-0: blocks: .*$table"
broken tables
rm "$dir/bad/store-0/$table"
run 1 verify "$dir/bad"
says "$table"

# The write-ahead log: a byte in its middle, its end cut off, all of it gone.
# The beacon is at most 100 ms behind, and that may be most of this log.
store log --strict --crash
wal=$(newest "$dir/log/store-0" '\.log$')
size=$(wc -c <"$dir/log/store-0/$wal")
broken log
flip "$dir/bad/store-0/$wal" $((size / 2))
run 1 verify "$dir/bad"
says 'store-0'
broken log
truncate -s $((size / 2)) "$dir/bad/store-0/$wal"
run 1 verify "$dir/bad"
says "$wal has [0-9]+ bytes and once had [0-9]+"
run 2 inspect "$dir/bad"
complains 'once had'
run 0 inspect --accept-loss "$dir/bad"
says '^default +order +done'
broken log
rm "$dir/bad/store-0/$wal"
run 1 verify "$dir/bad"
says "$wal is missing"

# The beacon: a byte in each slot, and none at all.
broken log
flip "$dir/bad/store-0.beacon" 30
flip "$dir/bad/store-0.beacon" 4126
run 1 verify "$dir/bad"
says 'store-0.beacon: neither slot is whole'
broken log
rm "$dir/bad/store-0.beacon"
run 1 verify "$dir/bad"
says 'store-0.beacon: the beacon is missing'

# One of several stores, or what leads to its files.
broken clean
rm -r "$dir/bad/store-1"
run 1 verify "$dir/bad"
says 'store-1.*missing'
rm "$dir/bad/store-1.beacon"
run 1 verify "$dir/bad"
says 'store-1: the store is missing'
run 2 inspect "$dir/bad" --accept-loss
complains 'store-1: the store is missing'
broken clean
rm "$dir/bad/store-0/CURRENT"
run 1 verify "$dir/bad"
says 'store-0: there is no CURRENT'
finish
