#!/bin/sh
# running.sh WEFT MAKE_STORE - a node that runs, and works, copies itself when
# it is asked to: all that was acknowledged before is in the copy.
set -u
. "$(dirname "$0")/common.sh"

# begin OPTIONS... - a node on $dir/node, under load, with process $holder.
begin() {
    rm -f "$dir/stop"
    mkfifo "$dir/stop"
    "$make_store" "$dir/node" --load "$@" <"$dir/stop" >"$dir/state" &
    holder=$!
    exec 9>"$dir/stop"
    reaches 10
}

# acknowledged - how many messages were, until now.
acknowledged() {
    grep -c '^[0-9]' "$dir/state"
}

# reaches N - wait until N messages more were acknowledged.
reaches() {
    goal=$(($(acknowledged) + $1))
    until_true has_reached
}

has_reached() {
    [ "$(acknowledged)" -ge "$goal" ]
}

# until_true COMMAND... - wait for that, a minute at most.
until_true() {
    tries=0
    until "$@" || [ $tries -eq 600 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}

# tally DIR - what tally/all has counted there; in $number.
tally() {
    run 0 inspect "$1" tally/all
    number=$(sed -n 's/^  number  *"\([0-9]*\)"$/\1/p' "$dir/out")
}

for options in '' '--stores 3'; do
    rm -rf "$dir"/node "$dir"/backup "$dir"/back
    # shellcheck disable=SC2086
    begin $options
    before=$(acknowledged)
    run 0 backup "$dir/node" "$dir/backup"
    says "$dir/backup is a copy of $dir/node"
    after=$(acknowledged)
    run 2 backup "$dir/node" "$dir/backup"
    complains 'backup exists'
    # It works on.
    reaches 10
    exec 9>&-
    wait $holder

    tally "$dir/backup"
    [ "${number:-0}" -ge "$before" ] && [ "${number:-0}" -le $((after + 1)) ] ||
        { echo "$number, not $before to $after" && failed=1; }
    run 0 restore "$dir/backup" "$dir/back"
    tally "$dir/back"
    [ "${number:-0}" -ge "$before" ] || { echo "$number restored" && failed=1; }
    [ -z "$(ls "$dir/node" "$dir/backup" "$dir/back" | grep '^backup\.')" ] ||
        { echo "requests were left" && failed=1; }
    stores=$(ls -d "$dir"/back/store-*.beacon | wc -l)
    echo | "$make_store" "$dir/back" --hold --stores "$stores" >"$dir/out" ||
        { echo "no node opens what was restored" && failed=1; }
done

# Who asks at once is served in turn, by relative paths too.
rm -rf "$dir"/node "$dir"/backup
begin
(cd "$dir" && "$weft" backup node first >first.out 2>&1) &
one=$!
(cd "$dir" && "$weft" backup node second >second.out 2>&1) &
two=$!
wait $one || { cat "$dir/first.out" && failed=1; }
wait $two || { cat "$dir/second.out" && failed=1; }
run 0 verify "$dir/first"
run 0 verify "$dir/second"

# A node that is killed while it is waited for is copied as a stopped one. It
# is stopped first, so that it cannot answer.
kill -STOP $holder
"$weft" backup "$dir/node" "$dir/third" >"$dir/third.out" 2>&1 &
one=$!
until_true [ -e "$dir/node/backup.request" ]
kill -KILL $holder
wait $holder 2>"$dir/messages"
wait $one || { cat "$dir/third.out" && failed=1; }
before=$(acknowledged)
tally "$dir/third"
[ "${number:-0}" -ge "$before" ] || { echo "$number of $before" && failed=1; }
exec 9>&-

# One that says nothing is not waited for for ever.
begin
kill -STOP $holder
run 2 backup --timeout 1 "$dir/node" "$dir/fourth"
complains 'did not answer'
[ ! -e "$dir/node/backup.request" ] || { echo "a request was left" && failed=1; }
kill -CONT $holder
exec 9>&-
wait $holder

# A request whose asker was killed is removed by the node.
begin
kill -STOP $holder
"$weft" backup "$dir/node" "$dir/fifth" >"$dir/out" 2>&1 &
one=$!
until_true [ -e "$dir/node/backup.request" ]
kill -KILL $one
wait $one 2>"$dir/messages"
kill -CONT $holder
until_true [ ! -e "$dir/node/backup.request" ]
[ ! -e "$dir/node/backup.request" ] || { echo "it was left" && failed=1; }
[ ! -e "$dir/fifth" ] || { echo "a copy for nobody" && failed=1; }
exec 9>&-
wait $holder
finish
