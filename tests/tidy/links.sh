#!/bin/sh
# links.sh TOP - what the documents under TOP name is there.
#
#   [text](path)    a link within the tree leads to a file or a folder
#   `folder/file`   code that looks like a path from the top exists, unless a
#                   build makes it
#   README.md       its C example is in docs/code/hello.c, between the marks
#   testing.md      its C examples are in docs/code/order_test.c
#
# Prints "file:line: what is wrong" for each finding; status 1 if there is any.
set -u
LC_ALL=C
export LC_ALL
cd "${1:?the top of the tree}" || exit 2
list=$(mktemp)
example=$(mktemp)
trap 'rm -f "$list" "$example"' EXIT

# Lines "file:line:kind:path", of all Markdown.
find . \( -name build -o -name .git \) -prune -o -name '*.md' -print |
    sed 's|^\./||' | sort | while read -r file; do
    awk '
    function emit(kind, path) {
        sub(/#.*/, "", path)
        if (path != "" && path !~ /^[a-z]+:/)
            print FILENAME ":" FNR ":" kind ":" path
    }
    /^```/ { in_block = !in_block; next }
    in_block || /^    / { next }
    {
        rest = $0
        while (match(rest, /\]\([^) ]+\)/)) {
            emit("link", substr(rest, RSTART + 2, RLENGTH - 3))
            rest = substr(rest, RSTART + RLENGTH)
        }
        rest = $0
        while (match(rest, /`[A-Za-z0-9_.-]+\/[A-Za-z0-9_.\/-]+`/)) {
            path = substr(rest, RSTART + 1, RLENGTH - 2)
            rest = substr(rest, RSTART + RLENGTH)
            if (path ~ /^(base|storage|transport|runtime|actors|include|tests|examples|docs|cmake|cli|bench|bindings)\//)
                emit("code", path)
        }
    }' "$file"
done >"$list"

failed=0
while IFS=: read -r file line kind path; do
    case $kind in
    link) target=$(dirname "$file")/$path ;;
    *) target=$path ;;
    esac
    if [ ! -e "$target" ]; then
        echo "$file:$line: there is no $path"
        failed=1
    fi
done <"$list"

if [ -f README.md ] && [ -f docs/code/hello.c ]; then
    sed -n '/README: begin/,/README: end/p' docs/code/hello.c |
        sed '1d;$d' >"$example"
    if ! sed -n '/^```c$/,/^```$/p' README.md | sed '1d;/^```$/,$d' |
        cmp -s - "$example"; then
        echo "README.md:1: its C example differs from docs/code/hello.c"
        failed=1
    fi
fi

# Each block of C in testing.md is in the program that it explains.
if [ -f docs/testing.md ]; then
    awk '
    FNR == NR { code = code $0 "\n"; next }
    /^```c$/ { in_block = 1; block = ""; next }
    /^```$/ && in_block {
        in_block = 0
        if (index(code, block) == 0) {
            print FILENAME ":" FNR ": this C is not in docs/code/order_test.c"
            bad = 1
        }
    }
    in_block { block = block $0 "\n" }
    END { exit bad }' docs/code/order_test.c docs/testing.md || failed=1
fi

echo "$(wc -l <"$list" | tr -d ' ') names checked"
exit $failed
