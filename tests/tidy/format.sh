#!/bin/sh
# format.sh CLANG_FORMAT TOP - every C file is as clang-format writes it.
#
# One pinned version, 14: others write differently. Without it: skipped (77).
set -u
LC_ALL=C
export LC_ALL
[ -n "$1" ] || { echo "no clang-format-14" && exit 77; }
cd "$2" || exit 2
find . \( -name build -o -name .git \) -prune -o -name '*.[ch]' -print |
    xargs "$1" --dry-run -Werror 2>&1 |
    grep -E '^[^ ]+: (error|warning)' | sed 's/:[0-9]*:[0-9]*: .*//' |
    sort | uniq -c | {
    failed=0
    while read -r line; do
        echo "$line"
        failed=1
    done
    [ $failed -eq 0 ] || echo "places clang-format-14 -i would change"
    exit $failed
}
