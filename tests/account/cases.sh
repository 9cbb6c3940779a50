#!/bin/sh
# cases.sh ACCOUNT - the checker finds what it is there to find.
#
# good/ is a small account that balances: five orders and one kill. Each case
# changes one thing in it and says what the last line must be then.
set -u
account=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
count=0

# expect LOST DOUBLED NAME FILE SED - FILE.jsonl changed by SED gives so many.
expect() {
    cp "$here"/good/*.jsonl "$dir"
    sed "$5" "$here/good/$4.jsonl" >"$dir/$4.jsonl"
    count=$((count + 1))
    if cmp -s "$here/good/$4.jsonl" "$dir/$4.jsonl"; then
        echo "$3: the case changes nothing"
        failed=1
    fi
    "$account" "$dir/orders.jsonl" "$dir/activities.jsonl" \
        "$dir/signals.jsonl" "$dir/export.jsonl" >"$dir/out"
    status=$?
    want=1
    [ "$1$2" != 00 ] || want=0
    if [ $status -ne $want ] ||
        ! tail -n 1 "$dir/out" | grep -q " lost=$1 doubled=$2\$"; then
        echo "$3: status $status, not $want with lost=$1 doubled=$2:"
        grep -E '^(lost|doubled|account):' "$dir/out"
        failed=1
    fi
}

expect 0 0 'the good account balances' export '/counter/d'

# Orders.
expect 1 0 'an order is missing' export '/"id":"a","st/d'
expect 0 1 'an order ran again' export '/"id":"a","st/s/"run":1/"run":2/'
expect 0 1 'an order is there twice' export '/"id":"c","st/p'
expect 1 0 'an order is unfinished' export \
    '/"id":"c","st/s/"status":"completed"/"status":"running"/'
expect 0 1 'an order nobody placed' export \
    '/"id":"c","st/{p;s/"id":"c"/"id":"z"/;}'
expect 1 0 'a customer was told otherwise' signals \
    '/"finished".*"c"/s/compensated/completed/'
expect 4 0 'a line cut short' activities '1s/}//'

# Outcomes.
expect 2 0 'a good card was declined' orders '/"id":"c"/s/declined/good/'
expect 1 0 'a bad card was accepted' orders '/"id":"a"/s/good/declined/'
expect 1 0 'compensated against the plan' orders '/"id":"e"/s/:400/:null/'
expect 1 0 'late without the step before' export \
    '/"id":"e","st/s/"cancelled"/"no_delivered"/'
expect 1 0 'completed, though cancelled first' signals \
    '1,/"sending".*"b","signal":"deliv/{/"acked".*"b","signal":"pick/{p
s/picked/cancel_order/;};}'
expect 1 0 'cancelled by nobody' signals '/"signal":"cancel"/d'
expect 1 0 'the reason is none' export 's/card_declined/bad_luck/'
expect 2 0 'in time and not heard' signals \
    '/"sending".*12000/{p;s/12000/12700/;s/"b"/"d"/;s/cancel_order/delivered/
s/sending/acked/;}'
expect 1 0 'did not wait long enough' export '/"id":"d","st/s/14601/13900/'
expect 2 0 'completed without delivered' export \
    's|{"id":"b/delivered"[^}]*},||'

# Activities.
expect 1 1 'charged with two keys' activities \
    '/"charge","order":"a"/{p;s/ka1/ka9/;}'
expect 3 0 'a charge without a refund' activities '/"refund","order":"e"/d'
expect 2 1 'a refund without a reason' activities \
    '/"request_review","order":"a"/{p;s/request_review/refund/;s/ka4/ka9/;}'
expect 1 0 'undone in the wrong order' activities \
    '/"restock","order":"e"/{h;d;};/"refund","order":"e"/G'
expect 1 0 'a step that nobody did' activities '/"voucher"/d'
expect 1 0 'work the order does not know' export \
    's/,{"name":"request_review","key":"ka4","at":[0-9]*}//'
expect 0 1 'a step that is listed twice' export \
    's/{"name":"pick","key":"ka2","at":[0-9]*}/&,&/'
expect 0 1 'work for no order' activities '1{p;s/"order":"a"/"order":"z"/;}'

# Signals.
expect 0 1 'a signal was heard twice' export \
    's|{"id":"a/picked","at":10503}|&,&|'
expect 0 1 'a signal that was never sent' signals '/"review"/d'
expect 1 0 'acknowledged and not heard' export \
    's|,{"id":"b/cancel_order","at":12822}||'
expect 1 0 'refused for no reason' signals \
    '/"refused".*"c","signal":"pick/s/WEFT_EFINISHED/WEFT_ENOTFOUND/'
expect 0 0 'acknowledged while the order ended' signals \
    '/"acked".*"b","signal":"cancel/s/12004/12815/'
expect 0 0 'what was sent again is not doubled' signals \
    '/"sending".*"review"/p'

echo "$count cases"
exit $failed
