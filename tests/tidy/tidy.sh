#!/bin/sh
# tidy.sh TOP - check what STYLE asks of the text of every file under TOP.
#
# Prints "file:line: what is wrong" for each finding; status 1 if there is any.
set -u
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:?the top of the tree}" || exit 2
status=0

# list NAME... - the files of these names, but of build and of git.
list() {
    for name; do
        find . \( -name build -o -name .git \) -prune -o \
            -type f -name "$name" -print
    done | sed 's|^\./||' | sort
}

# Does some CMakeLists.txt beside the file or above it name it? A test, example
# or benchmark is named without what its folder adds.
is_built() {
    folder=$(dirname "$1")
    name=$(basename "$1" .c)
    short=${name#test_}
    while :; do
        if [ -f "$folder/CMakeLists.txt" ] &&
            grep -Eq "(^|[ (/])($name\\.c|$name|$short)([ )]|\$)|GLOB.*\\*\\.c" \
                "$folder/CMakeLists.txt"; then
            return 0
        fi
        [ "$folder" != . ] || return 1
        folder=$(dirname "$folder")
    done
}

list '*.[ch]' >/tmp/tidy.$$
trap 'rm -f /tmp/tidy.$$' EXIT
# No name here has a blank.
# shellcheck disable=SC2046
if [ -s /tmp/tidy.$$ ]; then
    awk -f "$here/tidy.awk" $(cat /tmp/tidy.$$) || status=1
fi

grep '\.c$' /tmp/tidy.$$ | {
    found=0
    while read -r file; do
        if ! is_built "$file"; then
            echo "$file:1: no CMakeLists.txt names it"
            found=1
        fi
    done
    exit $found
} || status=1

list '*.md' '*.sh' '*.cmake' CMakeLists.txt check quickstart | {
    found=0
    while read -r file; do
        grep -n '[[:blank:]]$' "$file" | sed "s|^\\([0-9]*\\):.*|$file:\\1:\
 blank at the end of the line|" | grep . && found=1
    done
    exit $found
} || status=1

if grep -lq 'file(GLOB' $(list CMakeLists.txt); then
    echo "note: GLOB in:" $(grep -l 'file(GLOB' $(list CMakeLists.txt)) >&2
fi
exit $status
