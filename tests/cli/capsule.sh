#!/bin/sh
# capsule.sh WEFT MAKE_STORE - puts instances into files, and shows those.
set -u
. "$(dirname "$0")/common.sh"

store plain
run 0 capsule "$dir/plain" order/waiting "$dir/waiting.capsule"
run 0 capsule "$dir/waiting.capsule"
says '^  status +running$'
says '> child #1 "waiting/x"$'
says '^  #[0-9]+ +due '
run 0 capsule --json "$dir/waiting.capsule"
says '"id":"waiting"'

# A file that is there stays as it is.
run 2 capsule "$dir/plain" order/failed "$dir/waiting.capsule"
run 0 capsule "$dir/waiting.capsule"
says '> child #1 "waiting/x"$'

run 1 capsule "$dir/plain" order/none "$dir/none.capsule"
run 2 capsule "$dir/nowhere" order/none "$dir/none.capsule"
run 2 capsule "$dir/none.capsule"
run 2 capsule "$dir/plain" order
printf 'WCAPxxxxyyyyzzzz' >"$dir/bad.capsule"
run 2 capsule "$dir/bad.capsule"
complains 'version'

finish
