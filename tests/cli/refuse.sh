#!/bin/sh
# refuse.sh WEFT MAKE_STORE - what cannot be done is refused, says why, and
# leaves nothing behind.
set -u
. "$(dirname "$0")/common.sh"

# Command lines.
run 2
complains '^usage: weft COMMAND'
run 2 frobnicate
complains 'there is no command "frobnicate"'
run 2 inspect
complains 'DIR is missing'
run 2 inspect a b c
complains '"c" is one too many'
run 2 inspect "$dir" --status asleep
complains '"asleep" is no status'
run 2 inspect "$dir" --limit many
complains '"many" is no number'
run 2 inspect "$dir" order
complains 'not KIND/ID'
run 2 verify
run 2 backup a
run 2 restore a b c
run 0 version
says '^weft [0-9]+\.[0-9]+'
run 0 --version
says '^weft [0-9]+\.[0-9]+'
run 0 --help
says '^  inspect +DIR'
run 0 help
for command in inspect verify backup restore keygen version help; do
    run 0 help $command
    says "^usage: weft $command"
    run 0 $command --help
    says "^usage: weft $command"
done
run 2 help frobnicate

# Directories that are no node's.
mkdir "$dir/empty" "$dir/foreign"
echo hello >"$dir/foreign/file"
echo hello >"$dir/plain"
for name in empty foreign plain missing; do
    run 2 inspect "$dir/$name"
    complains "$dir/$name"
    run 2 verify "$dir/$name"
    complains "$dir/$name"
    run 2 backup "$dir/$name" "$dir/to"
    complains "$dir/$name"
    run 2 restore "$dir/$name" "$dir/to"
    complains "$dir/$name"
    [ ! -e "$dir/to" ] || { echo "$name was copied" && failed=1; }
done
run 2 inspect "$dir/empty"
complains 'no node ever used it'
[ -z "$(ls "$dir/empty")" ] || { echo "it is not empty now" && failed=1; }

# A running node.
mkfifo "$dir/hold"
"$make_store" "$dir/node" --hold <"$dir/hold" >"$dir/state" &
holder=$!
exec 9>"$dir/hold"
tries=0
until grep -q open "$dir/state" || [ $tries -eq 600 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
run 2 inspect "$dir/node"
complains 'held by a running node'
run 2 verify "$dir/node"
complains 'held by a running node'
run 2 backup "$dir/node" "$dir/node/inside"
complains 'is inside of'
run 2 backup "$dir/node" "$dir/no/where"
complains "$dir/no"
run 2 backup --timeout never "$dir/node" "$dir/to"
complains '"never" is no number of seconds'
[ ! -e "$dir/to" ] || { echo "a running node was copied" && failed=1; }
exec 9>&-
wait $holder
run 0 inspect "$dir/node"
says '^no actors$'
finish
