#!/bin/sh
# pure.sh NM OBJECTS LIST FORBIDDEN - the pure core refers to nothing impure.
#
# OBJECTS names every object file of the runtime, a line each; LIST the sources
# of the pure core ("runtime/partition.c"), those without an object are skipped;
# FORBIDDEN the patterns of what they may not call.
set -u
nm=$1
objects=$2
list=$3
forbidden=$4
failed=0
checked=0
pattern=$(sed '/^#/d; /^$/d' "$forbidden" | tr '\n' '|' | sed 's/|$//')

# impure OBJECT - what the object refers to and may not.
impure() {
    "$nm" -u "$1" | sed 's/^ *[Uw] //; s/@.*//' | grep -Ex "$pattern"
}

# The check is worth something only if it finds what is there.
self=$(grep '/base/.*/clock\.c\.o$' "$objects")
if [ -z "$(impure "$self")" ]; then
    echo "finds nothing in base/clock.c, which asks for the time"
    exit 1
fi

for source in $(sed '/^#/d' "$list"); do
    object=$(grep "/$(dirname "$source")/.*/$(basename "$source")\\.o\$" \
        "$objects")
    if [ -z "$object" ] || [ ! -f "$object" ]; then
        echo "skipped, no object yet: $source"
        continue
    fi
    checked=$((checked + 1))
    names=$(impure "$object" | tr '\n' ' ')
    if [ -n "$names" ]; then
        echo "$source is not pure: $names"
        failed=1
    fi
done
echo "$checked objects checked"
exit $failed
