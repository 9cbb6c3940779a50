#!/bin/sh
# copy.sh WEFT MAKE_STORE - a backup is a copy, and what is restored from it is
# a node's directory again.
set -u
. "$(dirname "$0")/common.sh"

for options in '' '--crash' '--crash --stores 3'; do
    rm -rf "$dir"/node "$dir"/backup "$dir"/back
    # shellcheck disable=SC2086
    store node $options
    run 0 inspect "$dir/node" --export
    mv "$dir/out" "$dir/before"

    run 0 backup "$dir/node" "$dir/backup"
    says "$dir/backup is a copy of $dir/node"
    run 0 verify "$dir/backup"
    run 2 backup "$dir/node" "$dir/backup"
    complains "$dir/backup exists"
    run 2 backup "$dir/node" "$dir/node/inside"
    complains 'is inside of'

    run 0 restore "$dir/backup" "$dir/back"
    run 0 verify "$dir/back"
    run 2 restore "$dir/backup" "$dir/back"
    complains "$dir/back exists"
    run 0 inspect "$dir/back"
    says '^restored from a backup '
    run 0 inspect "$dir/back" --export
    cmp "$dir/out" "$dir/before" || failed=1

    # A node goes on from it.
    stores=$(ls -d "$dir"/back/store-*.beacon | wc -l)
    echo | "$make_store" "$dir/back" --hold --stores "$stores" >"$dir/out" ||
        { echo "no node opens what was restored" && failed=1; }
    run 0 verify "$dir/back"
    run 0 inspect "$dir/back" order/done
    says '^  result +\{"outcome":"completed","cents":1250\}$'
done

# A backup that is not whole is not restored.
wal=$(newest "$dir/backup/store-0" '\.log$')
truncate -s 100 "$dir/backup/store-0/$wal"
run 1 restore "$dir/backup" "$dir/again"
says 'store-0'
[ ! -e "$dir/again" ] || { echo "a bad backup was restored" && failed=1; }
rm "$dir/node/store-0.beacon"
run 2 backup "$dir/node" "$dir/copy"
complains 'the beacon is missing'
[ ! -e "$dir/copy" ] || { echo "a bad directory was copied" && failed=1; }
finish
