#!/bin/sh
# weftd.sh WEFTD OBJECT - the daemon as people run it: settings and their
# mistakes, an object loaded, ready, reloaded, ended by a signal.
. "$(dirname "$0")/../cli/common.sh"
weftd=$1
object=$2
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
unset NOTIFY_SOCKET JOURNAL_STREAM

# What run runs: one that should have ended does not hang.
weft=bounded
bounded() {
    timeout 120 "$weftd" "$@"
}

# begin ARGUMENTS... - in the background, its log in $dir/log.
begin() {
    : >"$dir/log"
    "$weftd" "$@" 2>"$dir/log" &
    pid=$!
}

# logged PATTERN - a line comes that matches, within a minute.
logged() {
    tries=0
    until grep -Eq -- "$1" "$dir/log"; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ] || ! kill -0 "$pid" 2>/dev/null; then
            echo "no line like \"$1\" in the log:"
            cat "$dir/log"
            failed=1
            return
        fi
        sleep 0.1
    done
}

# ends STATUS - the one that was begun.
ends() {
    wait "$pid"
    status=$?
    pid=
    [ "$status" -eq "$1" ] && return
    echo "it ended with status $status, not $1:"
    cat "$dir/log"
    failed=1
}

# Settings and their mistakes.
run 0 --help
says '--listen ENDPOINT'
run 0 --version
run 2
complains '\-\-data is missing'
run 2 --data "$dir/n" --workers many
complains '\-\-workers many is no number'
run 2 --data "$dir/n" --window 64MB
complains 'window 64MB has a unit that is none'
run 2 --data "$dir/n" --partitions 2000
complains 'partitions 2000 is too large'
run 2 --data "$dir/n" --nonsense
run 2 --data "$dir/n" spare
complains '"spare" is no option'
run 2 --data "$dir/n" --config "$dir/none.conf"
complains 'none.conf cannot be read'
printf '[node]\ndata = %s\nworker = 3\n' "$dir/n" >"$dir/bad.conf"
run 2 --config "$dir/bad.conf"
complains 'there is no setting \[node\] worker'
complains 'bad.conf:3: here'
run 2 --data "$dir/n" --load "$dir/none.so"
complains 'there is no object'
run 2 --data "$dir/n" --load "$0"
complains 'invalid ELF|file too short'
run 2 --data "$dir/n" --listen tcp://0.0.0.0:0
complains 'listening: '
run 0 --data "$dir/other" --load "$object" --check
[ ! -e "$dir/other" ] || { echo "--check made a directory" && failed=1; }

# Loaded, ready, reloaded, ended.
cat >"$dir/weftd.conf" <<X
[node]
data = $dir/node
partitions = 4
[server]
listen = ipc://$dir/weft.sock
credit = 60
[load]
load = $object=Moin
X
begin --config "$dir/weftd.conf"
logged 'loaded .*greet'
logged "listening on ipc://$dir/weft.sock"
logged 'ready: '
run 2 --config "$dir/weftd.conf" # the directory is held
complains 'node'
sed -i 's/^credit = .*/credit = 50/' "$dir/weftd.conf"
kill -HUP "$pid"
logged 'info reloaded'
sed -i 's/^credit = .*/credit = lots/' "$dir/weftd.conf"
kill -HUP "$pid"
logged 'credit = lots is no number'
logged 'not reloaded: it goes on'
kill -TERM "$pid"
logged 'draining'
ends 0

# Keys: the list is read again, and the old one holds if it is wrong.
echo 'secret = JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6' >"$dir/key"
: >"$dir/list"
chmod 600 "$dir/key"
run 2 --data "$dir/node" --partitions 4 --server-key "$dir/key"
complains 'server_key_file and principals_file go together'
run 2 --data "$dir/node" --audit "$dir/none/audit"
complains 'audit: .*none/audit: No such file'
begin --data "$dir/node" --partitions 4 --listen "ipc://$dir/weft.sock" \
    --server-key "$dir/key" --principals "$dir/list" --audit "$dir/audit"
logged 'ready: '
echo nonsense >"$dir/list"
kill -HUP "$pid"
logged 'list:1: the line is neither'
logged 'not reloaded'
mv "$dir/audit" "$dir/audit.1" # as log rotation does
: >"$dir/list"
kill -HUP "$pid"
logged 'info reloaded'
kill -TERM "$pid"
ends 0
logged() { grep -Eq -- "$1" "$dir/log" || { echo "no $1" && failed=1; }; }
logged 'info ended'
grep -q '"event":"reload","result":"WEFT_EINVAL"' "$dir/audit.1" &&
    grep -q '"event":"reload","result":"WEFT_OK"' "$dir"/audit* &&
    [ -e "$dir/audit" ] || { echo "not in the audit" && failed=1; }

[ $failed -eq 0 ] && echo "weftd does as it is told"
exit $failed
