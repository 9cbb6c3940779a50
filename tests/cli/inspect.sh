#!/bin/sh
# inspect.sh WEFT MAKE_STORE - lists, shows and exports what the node left.
#
# The same whether all is in rows, much is only in the log, or stores are
# several.
set -u
. "$(dirname "$0")/common.sh"

look() {
    run 0 inspect "$dir/$1"
    says '^default +box +asleep +running .* 0 +1 +0 +0 +0 '
    says '^default +box +full +paused .* 1200 +0 '
    says '^default +box +parked +parked .* turn failed 1 times: WEFT_EINVAL'
    says '^default +order +done +completed '
    says '^default +order +failed +failed .* out_of_stock'
    says '^default +order +waiting +running '
    says '^default +box +3 +1 +1 +1 '
    says '^1 dead letters'

    run 0 inspect "$dir/$1" order/done
    says '^  status +completed$'
    says '^  input +"good"$'
    says '^  result +\{"outcome":"completed","cents":1250\}$'
    says '^  status +"done"$'
    says '^ +0 +[0-9-]+T[0-9:.]+Z +started$'
    says '> activity #1 "charge"$'
    says 'activity #1: "charged"$'

    run 0 inspect "$dir/$1" order/failed
    says '^  failure +out_of_stock: no "pizza" left$'

    run 0 inspect "$dir/$1" order/waiting
    says '^  status +"waiting"$'
    says '> child #1 "waiting/x"$'
    says 'child order/waiting/x, parent close: abandon$'
    says '^  attribute +city = Rome$'
    says '^  memo +note = "by hand"$'
    says '^  header +trace = "t-1"$'
    says '^  #[0-9]+ +due .* in [67] d$'

    # The part before the first slash is the kind, the rest is the id.
    run 0 inspect "$dir/$1" order/waiting/x
    says '^  parent +order/waiting$'
    says 'activity "charge", attempt 2, next due .* in [67] d$'

    run 0 inspect "$dir/$1" box/full
    says '^mailbox, 1200 messages$'
    says '^ +[0-9]+  signal "letter": "hello"$'

    run 0 inspect "$dir/$1" box/asleep
    says '^  #[0-9]+ +"alarm" due '
    says '^  state .*40000 bytes'

    run 1 inspect "$dir/$1" order/nobody
    complains 'there is no order/nobody in namespace default'
    run 1 inspect "$dir/$1" order/done --namespace other
}

filter() {
    run 0 inspect "$dir/$1" --kind box
    says_not '^default +order'
    run 0 inspect "$dir/$1" --filter 'kind = "box" and not is_parked'
    says '^default +box +full '
    says_not '^default +box +parked'
    says_not '^default +order'
    run 2 inspect "$dir/$1" --filter 'kind = '
    complains 'expected a text at column 8, found the end'
    run 0 inspect "$dir/$1" --filter 'parent = "order/waiting"' --group-by parent
    says '^order/waiting +keyword +1$'
    run 0 inspect "$dir/$1" --count --kind box
    says '^3$'
    run 0 inspect "$dir/$1" --group-by status --filter 'kind = "box"'
    says '^running +keyword +3$'
    says '^3$'
    run 0 inspect "$dir/$1" --count --json --filter 'is_parked'
    says '"count": ?1'
    run 2 inspect "$dir/$1" --count --status parked
    complains 'use --filter is_parked'
    run 0 inspect "$dir/$1" --status parked
    says '^default +box +parked'
    says_not '^default +box +full'
    run 0 inspect "$dir/$1" --limit 2
    says '2 of 7 are shown'
    run 0 inspect "$dir/$1" --namespace other
    says '^no actors$'
    run 0 inspect "$dir/$1" --letters
    says '^p[0-9]/0 +default +order +done +signal +late +box +asleep .*"too late"'
    run 0 inspect "$dir/$1" --letters --json
    says '"reason":"the instance has finished","type":"signal","name":"late"'
}

export_all() {
    run 0 inspect "$dir/$1" --export
    [ "$(wc -l <"$dir/out")" -eq 7 ] || { echo "not 7 lines" && failed=1; }
    says '^\{"namespace":"default","kind":"order","id":"done","status":"completed","run":1,"version":1,"created_at_ms":[0-9]+,"finished_at_ms":[0-9]+,"result":\{"outcome":"completed","cents":1250\},"failure":null,"published":\{"status":\{"\$bin":"ZG9uZQ=="\}\},"journal":\[\{"entry":"started","at_ms":[0-9]+\},\{"entry":"command","type":"activity","name":"charge","branch":0,"ordinal":1,.*\],"mailbox_count":0,'
    says '"id":"failed","status":"failed",.*"failure":\{"name":"out_of_stock","message":"no \\"pizza\\" left"\}'
    run 0 inspect "$dir/$1" --json
    says '^\{"summary":\{"format":1,.*"actors":\[\{.*"totals":\[\{.*"completed":1'
    run 0 inspect "$dir/$1" order/waiting --json
    says '"attributes":\{"city":\{"value":"Rome","type":"keyword"\},"tables":\{"value":"12","type":"int"\}\}'
    says '"memo":\{"note":\{"\$bin":"[^"]*"\}\},"headers":\{"trace":\{"\$bin":"[^"]*"\}\}'
    says '"kind":"order","id":"waiting/x","parent_close":"abandon","cancellation":"try","is_cancel_requested":false,"is_given_up":false'
    run 0 inspect "$dir/$1" order/done --json
    says '^\{"namespace":"default","kind":"order","id":"done",'
}

store closed
look closed
filter closed
export_all closed
store log --crash
look log
export_all log
store mixed --crash --window 300000 --stores 3
look mixed
filter mixed
store rows --crash --window -1
look rows
finish
