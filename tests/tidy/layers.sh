#!/bin/sh
# layers.sh CC DOORS - a forbidden include does not compile, a legal one does.
#
# DOORS has a line for each module: its name, a tab, and the -I options with
# which the build compiles it. Each case below is a one-line file compiled with
# these.
set -u
cc=$1
doors=$2
failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# compile MODULE HEADER
compile() {
    printf '#include "%s"\nextern int x;\n' "$2" >"$dir/try.c"
    options=$(grep "^$1	" "$doors" | cut -f 2)
    [ -n "$options" ] || { echo "no module $1" && exit 2; }
    # shellcheck disable=SC2086
    "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L $options -fsyntax-only \
        "$dir/try.c" 2>"$dir/messages"
}

legal() {
    if ! compile "$1" "$2"; then
        echo "legal, but does not compile: $1 including $2"
        cat "$dir/messages"
        failed=1
    fi
}

forbidden() {
    if compile "$1" "$2"; then
        echo "forbidden, but compiles: $1 including $2"
        failed=1
    elif ! grep -Eq "$2.*(No such file|not found)" "$dir/messages"; then
        echo "fails for another reason: $1 including $2"
        cat "$dir/messages"
        failed=1
    fi
}

legal base base/key.h
legal base weft/error.h
forbidden base storage/store.h
forbidden base transport/link.h
forbidden base runtime/partition.h

legal storage storage/store.h
legal storage base/key.h
forbidden storage runtime/partition.h
forbidden storage transport/link.h

legal transport transport/link.h
legal transport base/key.h
forbidden transport storage/store.h
forbidden transport runtime/partition.h

legal runtime runtime/partition.h
legal runtime storage/store.h
legal runtime transport/link.h
forbidden runtime actors/task_queue.h

legal actors weft/actor.h
legal actors base/key.h
forbidden actors storage/store.h
forbidden actors runtime/partition.h

# A permission is not passed on: what uses runtime does not get storage.
legal test_of_runtime runtime/partition.h
forbidden test_of_runtime storage/store.h

[ $failed -eq 0 ] && echo "the layers hold"
exit $failed
