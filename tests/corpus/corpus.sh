#!/bin/sh
# corpus.sh MODE DIR EXAMPLES ORDERS STORIES... - the journals kept in DIR.
#
#   record   make them anew, with the code of today; all are removed before
#   replay   run the code of today over them; status 1 if one does not fit, or
#            if nobody knows it
#
# EXAMPLES is corpus_examples. Each test of each of STORIES runs in a process of
# its own: tests/story/corpus.h.
set -u
LC_ALL=C
export LC_ALL
mode=$1
dir=$2
examples=$3
orders=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Each test of each program, one behind the other. A test may check more than
# its stories do, and that is not asked here.
each() {
    for program in "$@"; do
        for test in $("$program" --list); do
            STORY_CORPUS=$mode:$dir "$program" "$test" >"$work/out" 2>&1
            status=$?
            [ "$mode" = record ] && continue
            if [ $status -ne 0 ]; then
                grep -v -e '^\[' -e '^replayed ' "$work/out"
                failed=1
            fi
            grep '^replayed ' "$work/out" >>"$work/all"
        done
    done
}

if [ "$mode" = record ]; then
    rm -f "$dir"/*.capsule
    each "$@"
    "$examples" record "$dir" "$orders" || exit 1
    cat "$dir"/*.capsule | wc -c | awk '{ print $1 " bytes" }'
    # What does not fit at once is not the same each time.
    exec sh "$0" replay "$dir" "$examples" "$orders" "$@"
fi

each "$@"
"$examples" replay "$dir" >"$work/out" || failed=1
grep -v '^replayed ' "$work/out"
grep '^replayed ' "$work/out" >>"$work/all"
for file in "$dir"/*.capsule; do
    if ! grep -qx "replayed $file" "$work/all"; then
        echo "$file: not replayed by any test, or it does not fit"
        failed=1
    fi
done
echo "$(sort -u "$work/all" | wc -l | tr -d ' ') files replayed"
exit $failed
