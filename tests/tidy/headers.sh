#!/bin/sh
# headers.sh CC CXX TOP DOORS - each header compiles alone, a public one in C++
# too. CXX may be empty: then that part is left out.
set -u
cc=$1
cxx=$2
top=$3
doors=$4
failed=0
cd "$top" || exit 2

# try COMPILER OPTIONS... HEADER
try() {
    if ! "$@" -Wall -Wextra -Werror -Wno-unused-function -fsyntax-only; then
        failed=1
    fi
}

for header in include/weft/*.h; do
    try "$cc" -std=c11 -Iinclude -x c "$header"
    [ -z "$cxx" ] || try "$cxx" -std=c++11 -Iinclude -x c++ "$header"
done
for module in base storage transport runtime actors; do
    options=$(grep "^$module	" "$doors" | cut -f 2)
    for header in "$module"/*.h; do
        [ -f "$header" ] || continue
        # shellcheck disable=SC2086
        try "$cc" -std=c11 -D_GNU_SOURCE $options -x c "$header"
    done
done
exit $failed
