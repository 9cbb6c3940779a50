#!/bin/sh
# selftest.sh - tidy.sh finds what it should, in a tree made wrong on purpose,
# and nothing in one that is right.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
failed=0

spdx='// SPDX-License-Identifier: Apache-2.0'
mkdir -p "$top/runtime" "$top/storage" "$top/base"

# expect WHAT - the file runtime/x.c (or x.h) as it now is gives this finding,
# or "nothing" for none.
expect() {
    echo 'weft_module(runtime SOURCES x.c)' >"$top/runtime/CMakeLists.txt"
    got=$(sh "$here/tidy.sh" "$top")
    case "$1,$got" in
    nothing,) ;;
    nothing,*) failed=1 && echo "expected nothing, got: $got" ;;
    *) case "$got" in
        *"$1"*) ;;
        *) failed=1 && echo "expected: $1, got: $got" ;;
        esac ;;
    esac
    rm -f "$top"/*/*.[ch]
}

# body COUNT - a function with so many lines from brace to brace.
body() {
    echo 'int'
    echo 'f(void)'
    echo '{'
    yes '    g();' | head -n $(($1 - 2))
    echo '}'
}

x=$top/runtime/x.c
printf '%s\n\nint x; // "free(" is fine here\n' "$spdx" >"$x"
expect nothing
{ echo "$spdx"; echo; body 70; } >"$x"
expect nothing
{ echo "$spdx"; echo; body 71; } >"$x"
expect 'x.c:5: function of 71 lines'
{ echo "$spdx"; echo; echo '// tidy: long, a case each'; body 99; } >"$x"
expect nothing
{ echo "$spdx"; echo '// tidy: long, one'; body 9; body 99; } >"$x"
expect 'function of 99 lines'
{ echo "$spdx"; yes 'int a;' | head -n 1000; } >"$x"
expect 'file of 1001 lines'
printf '%s\n%081d\n' "$spdx" 1 >"$x"
expect 'x.c:2: line of 81 columns'
printf '%s\n%079d\303\251\n' "$spdx" 1 >"$x"
expect nothing
printf '%s\n#include "../storage/keys.h"\n' "$spdx" >"$x"
expect 'includes by ".."'
printf '%s\n// TODO: later\n' "$spdx" >"$x"
expect 'TODO without an issue'
printf '%s\n// TODO(#12): later\n' "$spdx" >"$x"
expect nothing
printf '%s\nint x; \n' "$spdx" >"$x"
expect 'blank at the end'
printf 'int x;\n' >"$x"
expect 'SPDX'
for call in malloc free strdup time clock_gettime rand getenv; do
    printf '%s\nint y = 1 + %s(x);\n' "$spdx" "$call" >"$x"
    expect 'x.c:2: '
done
printf '%s\nrocksdb_free(x); ops->free(x); "time(x)"; // rand(\n' "$spdx" >"$x"
expect nothing
printf '%s\nfree(x); // tidy: allow, libc made it\n' "$spdx" >"$x"
expect nothing
printf '%s\nint y = malloc(x);\n' "$spdx" >"$top/base/x.c"
echo 'weft_module(base SOURCES x.c)' >"$top/base/CMakeLists.txt"
expect nothing
printf '%s\n' "$spdx" >"$top/runtime/lost.c"
expect 'lost.c:1: no CMakeLists.txt names it'
printf '%s\n#include "weft/node.h"\n' "$spdx" >"$top/storage/x.h"
expect 'storage may include only'
printf '%s\nint x;\n' "$spdx" >"$top/runtime/x.h"
expect 'no include guard'
printf '%s\n#ifndef X_H\n#define Y_H\n#endif\n' "$spdx" >"$top/runtime/x.h"
expect 'no include guard'
{
    printf '%s\n#ifndef X_H\n#define X_H\n' "$spdx"
    yes '//' | head -n 397
    echo '#endif'
} >"$top/runtime/x.h"
expect 'header of 401 lines'
printf '%s\n#ifndef X_H\n#define X_H\n#endif\n' "$spdx" >"$top/runtime/x.h"
expect nothing

[ $failed -eq 0 ] && echo "tidy finds what it should"
exit $failed
