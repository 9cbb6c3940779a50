#!/bin/sh
# online.sh WEFT SERVE_NODE - the commands that ask a running node, each of
# them, as people and as programs use them.
set -u
. "$(dirname "$0")/common.sh"
serve_node=$2

unset WEFT_NAMESPACE WEFT_KEY WEFT_SERVER_KEY WEFT_CIPHER WEFT_CIPHER_CONTEXT

# begin NAME ARGUMENTS... - a node in $dir/NAME, which the commands ask from now
# on. What it says is read from 8.
begin() {
    name=$1
    shift
    mkfifo "$dir/$name.in" "$dir/$name.out"
    mkdir "$dir/$name"
    "$serve_node" "$dir/$name" "$@" <"$dir/$name.in" >"$dir/$name.out" \
        2>"$dir/$name.log" &
    server=$!
    exec 9>"$dir/$name.in" 8<"$dir/$name.out"
    read -r line <&8
    [ "$line" = ready ] || { cat "$dir/$name.log" && exit 1; }
    WEFT_ADDRESS=ipc://$dir/$name/socket
    export WEFT_ADDRESS
}

# ends - the node ends, as it should.
ends() {
    exec 9>&- 8<&-
    wait $server || { cat "$dir/$name.log" && failed=1; }
}

begin node

# holds EXPRESSION - of the output: every line is an object, `it` is the last
# one, `all` has them all.
holds() {
    /usr/bin/python3 -c '
import json, sys
all = [json.loads(line) for line in open(sys.argv[1])]
it = all[-1] if all else None
if not eval(sys.argv[2]):
    print(sys.argv[2], "does not hold of", all)
    sys.exit(1)' "$dir/out" "$1" || failed=1
}

# until_says PATTERN ARGUMENTS... - ask until a line matches.
until_says() {
    pattern=$1
    shift
    tries=0
    until "$weft" "$@" 2>&1 | grep -Eq -- "$pattern"; do
        tries=$((tries + 1))
        if [ $tries -eq 1000 ]; then
            echo "weft $* never says $pattern"
            failed=1
            return
        fi
    done
}

# until_line PATTERN FILE - it gets such a line.
until_line() {
    tries=0
    until grep -q -- "$1" "$2"; do
        tries=$((tries + 1))
        if [ $tries -eq 20000 ]; then
            echo "no line like $1 in:"
            cat "$2"
            failed=1
            return
        fi
    done
}

# Starts.
run 0 start order a '"good"'
says '^started order/a$'
run 0 result order/a
says '^"good"$'
run 0 result order/a --json
holds 'it == {"status": "completed", "data": "good"}'
run 1 start order a '"good"' --reuse reject
complains 'WEFT_EEXISTS'
run 1 start order a --reuse after-failure --json
holds 'it["error"]["code"] == "WEFT_EEXISTS" and it["error"]["class"]'
run 0 start order b '"wait"' --json --memo n=5 --memo 'note=by hand' \
    --attribute city:keyword=Rome --attribute tables:int=-12 \
    --attribute rate:double=0.5 --attribute big:bool=true \
    --attribute due:time=2026-11-21T03:23:45.5Z --attribute a:b:text=x \
    --header trace=t-1 --execution-timeout 1h --run-timeout 90
holds 'it["is_created"] and it["number"] > 0 and len(it["client"]) == 32'
run 0 start order b '"wait"' --conflict use-existing
says '^runs already: order/b$'
run 1 start order b
run 1 start nobody b
complains 'nobody'
echo '"good"' >"$dir/good.json"
run 0 start order file "@$dir/good.json"
run 0 result order/file
says '^"good"$'
run 0 start order stdin - <"$dir/good.json"
run 0 result order/stdin
says '^"good"$'
printf '\244good' >"$dir/good.msgpack"
run 0 start order raw --raw "$dir/good.msgpack"
run 0 result order/raw
says '^"good"$'
run 0 start order delayed '"good"' --delay forever
run 0 show order/delayed
says 'begins'

# One instance.
run 0 show order/b
says '^order/b$'
says '^  status +running$'
says '^  attribute +a:b = x$'
says '^  attribute +city = Rome$'
says '^  attribute +due = 2026-11-21T03:23:45.500Z$'
says '^  memo +note = "by hand"$'
run 0 show order/b --json
holds 'it["id"] == "b" and it["memo"] == {"n": 5, "note": "by hand"}'
holds 'it["attributes"]["tables"] == {"value": "-12", "type": "int"}'
holds 'it["activities"] == [] and it["deadline_ms"] > it["created_at_ms"]'
until_says '"waits"' show order/b --all
run 0 show order/b --all
says '> receive #[0-9]+ "go"$'
says '^  header +trace = "t-1"$'
run 1 show order/nobody
complains 'no such instance'

# Messages.
run 0 query order/b state
says '^"waits"$'
run 1 query order/b nothing
run 0 update order/b add 5 --id five
says '^5$'
run 0 update order/b add 5 --id five --accepted --json
holds 'it["id"] == "b"'
run 0 query order/b amount --json
holds 'it == {"data": 5}'
run 1 update order/b add -- -5
complains 'not_an_amount: more than nothing \(WEFT_EFAILED\)'
run 1 update --json order/b add 0
holds 'it["error"]["failure"]["name"] == "not_an_amount"'
run 0 update order/new add 7 --start '"wait"'
says '^7$'
run 0 signal order/new go '{"tip": [1, null, 2.5]}'
says '^signalled order/new$'
run 0 result order/new
says '^ +"tip": \['
run 0 signal order/newer go 1 --start '"wait"' --memo x=1
run 0 result order/newer
says '^1$'
run 1 signal order/nobody go
run 0 ask box/x add
says '^1$'
run 0 query box/x count
says '^1$'

# A result that is followed: what changes is on stderr, or a line of JSON.
"$weft" result order/b --follow --json >"$dir/followed" &
follower=$!
until_line '"amount","value":5' "$dir/followed"
run 0 update order/b add 6
until_line '"amount","value":6' "$dir/followed"
run 0 pause order/b --json
holds 'it["kind"] == "order" and it["number"] > 0'
until_line '"status":"paused"' "$dir/followed"
run 0 resume order/b --why 'it may'
run 0 signal order/b go '"gone"'
wait $follower || failed=1
cp "$dir/followed" "$dir/out"
holds 'it == {"event": "result", "status": "completed", "data": "gone"}'
holds '{"event": "published", "name": "state", "value": {"$bin": "Z29lcw=="}} in all'
holds 'all[0] == {"event": "status", "status": "running"}'
run 0 result order/b --follow
says '^"gone"$'
complains 'completed$'
complains 'amount = 6$'

# Failures.
run 0 start order f '"fail"'
run 1 result order/f
complains 'charge declined: no money|declined: no money'
run 1 result order/f --json
holds 'it["error"]["failure"]["name"] == "declined"'
run 0 retry-failed order/f --why 'he has money now'
run 0 result order/f
says '^"fail"$'
run 0 show order/f --all
says 'retry failed.* by .+@.+$|by .+@'
says 'he has money now'

# Back to a point, and beside it.
run 0 reset order/f --to beginning --who me --why again
run 0 result order/f
run 0 reset order/f --to entry:0 --why again
run 0 result order/f
run 0 fork order/f f2 --to beginning --why 'to try'
says '^forked: order/f2$'
run 0 result order/f2
run 1 fork order/f f2 --to beginning --why 'to try'
complains 'WEFT_EEXISTS'
run 2 reset order/f --to entry:999 --why again
complains 'WEFT_EINVAL'

# Activities.
run 0 start order retry '"retry"'
until_says 'failed .*: declined no money' activities order/retry
run 0 activities order/retry
says '^  #1 +charge, attempt 2: in [67] d$'
run 0 activities order/retry --json
holds 'it["activities"][0]["failure"]["name"] == "declined"'
run 0 activity pause order/retry 1 --why 'not now'
run 0 activities order/retry
says 'attempt 2: paused$'
run 0 activity resume order/retry 1 --why now
run 0 activity reset order/retry 1 --why now --json
holds 'it["id"] == "retry"'
run 1 activity pause order/retry 7 --why 'not now'
run 0 activities order/a
says '^no open activities$'
run 1 activities order/nobody --json
holds 'it["error"]["code"] == "WEFT_ENOTFOUND"'
run 0 start order later '"later"'
read -r word token <&8
[ "$word" = token ] || { echo "no token: $word" && failed=1; }
run 0 show order/later
says 'by_token, attempt 1: completes by token$'
run 0 complete "$token" '{"paid": true}'
run 0 result order/later --json
holds 'it["data"] == {"paid": True}'
run 1 complete "$token" 1
complains 'WEFT_ENOTFOUND'
run 0 start order later2 '"later"'
read -r word token <&8
run 0 fail "$token" lost 'the parcel is gone' --final
run 1 result order/later2
complains 'lost: the parcel is gone'
run 2 complete no-token
complains 'WEFT_EINVAL'

# Operators.
run 0 start order o '"wait"'
run 0 park order/o --why 'to look at it'
run 0 list --status parked
says '^order +o +parked .*to look at it'
run 0 resume order/o
run 0 cancel order/o
run 1 result order/o
complains 'WEFT_ECANCELLED'
run 1 cancel order/o
complains 'WEFT_EFINISHED'
run 0 delete order/o
run 1 show order/o
run 0 start order o '"wait"'
run 2 delete order/o
run 0 terminate order/o --why 'nobody wants it'
run 1 result order/o
complains 'nobody wants it'
run 0 delete order/o --json
run 0 start order o '"wait"'
run 0 delete order/o --force
run 1 show order/o

# Many.
run 0 list --kind box
says '^KIND +ID +STATUS'
says '^box +x +running'
says_not '^order'
run 0 list --filter 'city = "Rome"' --json
holds '[x["id"] for x in all] == ["b"]'
run 0 list --filter 'city = "Nowhere"'
says '^no instances$'
run 0 list --count --kind box
says '^1$'
run 0 list --group-by kind --json
holds '{x["value"]: x["count"] for x in it["groups"]}["box"] == 1'
run 0 list --limit 1
complains 'there are more'
i=0
while [ $i -lt 120 ]; do
    echo "many/$i"
    i=$((i + 1))
done | xargs -P 4 -I ID "$weft" signal box/ID hello >"$dir/messages" 2>&1 ||
    { cat "$dir/messages" && failed=1; }
run 0 list --kind box --json
holds 'len(all) == 100'
run 0 list --kind box --all --json
holds 'len(all) == 121 and len({x["id"] for x in all}) == 121'
run 0 batch pause --filter 'id starts_with "many/"' --dry-run
says '^120 match$'
run 0 list --status paused --count
says '^0$'
"$weft" batch pause --filter 'id starts_with "many/"' --rate 50 2>"$dir/err" &
batch=$!
until_says '^[1-9]' list --status paused --count
kill -INT $batch
wait $batch
[ $? -eq 2 ] || { cat "$dir/err" && failed=1; }
complains '^weft: 100 seen, 100 done, 0 failed$'
complains 'interrupted'
cursor=$(sed -n 's/.*goes on with --cursor //p' "$dir/err")
run 0 batch pause --filter 'id starts_with "many/"' --cursor "$cursor"
says '^20 seen, 20 done, 0 failed$'
run 0 list --status paused --count
says '^120$'
run 0 batch signal hello '{"n": 1}' --filter 'id = "many/7"' --json
holds 'it == {"seen": 1, "done": 1, "failed": 0, "errors": {}, "cursor": None}'
run 0 batch resume --filter 'is_paused' --rate 10000
run 0 batch park --filter 'id = "many/7"' --why 'to look at it'
run 1 batch reset --filter 'kind = "box"' --to beginning --why wrong
says '121 seen, 0 done, 121 failed'
says '121 WEFT_EINVAL'
run 0 batch terminate --filter 'id starts_with "many/1"' --why enough
run 0 batch delete --filter 'id starts_with "many/1"'
run 0 batch delete --filter 'id starts_with "many/"' --force
run 0 list --kind box --count
says '^1$'

# What has no answer in time is asked once more, and done once.
run 0 pause box/x
run 3 ask box/x add --timeout 300ms
complains 'no answer within 0.3 s'
again=$(sed -n 's/.*\(--client [0-9a-f]* --number [0-9]*\).*/\1/p' "$dir/err")
run 3 ask box/x add --timeout 300ms --json
holds 'it["error"]["code"] == "WEFT_ETIMEDOUT" and it["number"] > 0'
run 0 resume box/x
# shellcheck disable=SC2086
run 0 ask box/x add $again
says '^2$'
# shellcheck disable=SC2086
run 0 ask box/x add $again
says '^2$'
run 3 result order/retry --timeout 100ms
# So is what somebody interrupts.
run 0 pause box/x
"$weft" ask box/x add 2>"$dir/err" &
asker=$!
until_says '1 messages' show box/x
kill -INT $asker
wait $asker
[ $? -eq 3 ] || { cat "$dir/err" && failed=1; }
complains 'interrupted before there was an answer'
complains '--client [0-9a-f]* --number'
run 0 resume box/x

# Watching.
run 0 signal box/broken fail
until_says '^box/broken .*WEFT_EINVAL' top
run 0 top
says '^KIND +RUNNING'
says '^box +1 +1 '
says '^PARKED +RUN +WHY$'
run 0 top --json --once
holds '[x for x in it["kinds"] if x["kind"] == "box"][0]["parked"] == 1'
holds 'it["parked"][0]["id"] == "broken"'
# On a terminal it goes on, and is told to stop.
/usr/bin/python3 - "$weft" <<'X' || failed=1
import os, pty, signal, sys
pid, screen = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "top", "--interval", "50ms"])
seen = b""
while seen.count(b"\033[H\033[2J") < 3:
    seen += os.read(screen, 4096)
os.kill(pid, signal.SIGINT)
os.waitpid(pid, 0)
sys.exit(0 if b"NEW/S" in seen and b"box/broken" in seen else 1)
X

# Namespaces are apart.
run 0 list --namespace other
says '^no instances$'
WEFT_NAMESPACE=other
export WEFT_NAMESPACE
run 1 show order/a
unset WEFT_NAMESPACE

# A command line that makes no sense is refused without a node.
WEFT_ADDRESS=ipc://$dir/nobody
while read -r pattern arguments; do
    # shellcheck disable=SC2086
    eval "run 2 $arguments"
    complains "$pattern"
done <<'X'
missing start order
too.many start order a 1 2
not.JSON start order a {
No.such.file start order a @/nowhere
No.such.file start order a --raw /nowhere
not.both start order a 1 --raw /nowhere
is.none start order a --reuse never
is.none start order a --conflict never
is.no.time start order a --delay soon
is.no.time start order a --delay 0x10
is.no.time start order a --timeout -1
too.long start order a --timeout 100d
no.NAME start order a --memo x
no.NAME start order a --header =x
NAME:TYPE start order a --attribute x=1
NAME:TYPE start order a --attribute x:int=one
NAME:TYPE start order a --attribute x:time=yesterday
NAME:TYPE start order a --attribute x:none=1
so.high start order a --version 4294967296
hexadecimal start order a --client 12 --number 1
go.together start order a --number 1
is.no.number start order a --number one
no.such.option start order a --wild
requires.an.argument start order a --delay
not.KIND/ID signal order go
not.KIND/ID signal /x go
not.KIND/ID signal order/ go
no.--start signal order/x go --delay 1
needs.--id update order/x add --accepted
missing result
no.such.option show order/x --follow
no.status list --status asleep
is.no.number list --limit many
too.many list order
--why park order/x
--why reset order/x --to beginning
--why retry-failed order/x
--to reset order/x --why x
no.point reset order/x --why x --to somewhere
no.point reset order/x --why x --to entry:x
--why fork order/x y --to beginning
--why activity pause order/x 1
none.of activity stop order/x 1 --why x
number.of.a.call activity pause order/x one --why x
--filter batch cancel
for.batches batch eat --filter x
name.is.missing batch signal --filter x
for.signals batch cancel x --filter x
--why batch park --filter x
--to batch reset --filter x --why y
is.no.number batch cancel --filter x --rate much
missing fail token
no.node.answers list --timeout 100ms
no.node.answers list --timeout 100ms --json
tcp list --address udp://127.0.0.1:1
X
run 2 list --timeout 100ms --json
holds 'it["error"]["code"] == "WEFT_ETIMEDOUT"'

ends

# A node with keys lets in those whose keys it has, for what they may.
for name in server ops eve; do
    run 0 keygen "$dir/$name.key"
done
printf '[ops]\nkey = %s\nnamespaces = shop\nroles = %s\n' \
    "$(sed -n 's/^public = //p' "$dir/ops.key.pub")" admin >"$dir/principals"
printf '[eve]\nkey = %s\nnamespaces = shop\nroles = %s\n' \
    "$(sed -n 's/^public = //p' "$dir/eve.key.pub")" reader >>"$dir/principals"
chmod 600 "$dir/principals"
begin keys "$dir/server.key" "$dir/principals"
keys="--server-key $dir/server.key.pub --key"
# shellcheck disable=SC2086
run 0 start order a '"wait"' $keys "$dir/ops.key"
# shellcheck disable=SC2086
run 0 park order/a --why 'to look at it' $keys "$dir/ops.key"
# shellcheck disable=SC2086
run 0 show order/a --all $keys "$dir/ops.key"
says '^  namespace +shop$'
says 'park by ops'
# shellcheck disable=SC2086
run 0 list --json $keys "$dir/eve.key"
holds 'it["id"] == "a"'
# shellcheck disable=SC2086
run 3 result order/a --follow --timeout 1 $keys "$dir/eve.key"
complains 'parked$'
complains 'state = "waits"$'
# shellcheck disable=SC2086
run 2 resume order/a $keys "$dir/eve.key"
complains 'WEFT_EDENIED'
# shellcheck disable=SC2086
run 2 list --namespace other $keys "$dir/eve.key"
complains 'WEFT_EDENIED'
run 2 list --timeout 300ms
WEFT_KEY=$dir/ops.key
WEFT_SERVER_KEY=$dir/server.key.pub
export WEFT_KEY WEFT_SERVER_KEY
run 0 list --count
says '^1$'
run 2 list --key "$dir/nowhere"
complains 'nowhere'

# Payloads that only we can read.
run 0 keygen --cipher "$dir/ring"
run 0 start order sealed '"good"' --cipher "$dir/ring"
run 0 result order/sealed --json
holds '"$ext" in it["data"]'
run 0 result order/sealed --cipher "$dir/ring"
says '^"good"$'
run 2 list --cipher "$dir/nowhere"
complains 'nowhere'
ends
finish
