#!/usr/bin/env bash
# run.sh - break the tree in the ways of *.patch, and see that a test fails.
#
#   run.sh [PATCH...]      these, or all of them; names as in this folder
#   run.sh check           does each still apply, and say who catches it?
#
# A patch begins with what is broken and "caught by: TEST", a test of ctest that
# is expected to fail. It is applied to a copy of the tree, what that test needs
# is built, and the test is run; then the other quick tests, then the long ones,
# until one fails or ten minutes on one core are over.
#
# Prints a table: patch, the test that caught it, seconds from the patch on.
# Status 1 if one was not caught, does not apply or does not build.
#
# MUTANTS_WORK is where the copy is kept, with its build; build/mutants else.
# MUTANTS_SECONDS ends the run early, after the patch that is under way.
# MUTANTS_LIMIT is how long one may take, in place of 600 s. MUTANTS_FIRST=1
# asks only who is expected, which is quick while a patch is written.
set -u
cd "$(dirname "$0")/../.." || exit 2
here=$PWD/tests/mutants
work=${MUTANTS_WORK:-$PWD/build/mutants}
limit=${MUTANTS_LIMIT:-600}
quick='^(unit|story|sim|corpus|scale|account|remote|cli|daemon|crash)\.'
slow='^crash\.(kill|faults)$'

expected() { sed -n 's/^caught by: //p' "$here/$1.patch"; }

# apply PATCH [OPTION...] - to the folder this is called in.
apply() {
    local name=$1
    shift
    patch -p1 -f -s -r - --no-backup-if-mismatch "$@" <"$here/$name.patch" >/dev/null
}

check() {
    local failed=0 name

    for name; do
        if [ -z "$(expected "$name")" ]; then
            echo "$name: nobody is expected to catch it" && failed=1
        fi
        if ! apply "$name" --dry-run; then
            echo "$name: does not apply" && failed=1
        fi
    done
    echo "$# patches"
    return "$failed"
}

# A copy of the sources as they are here. What is the same keeps its time, so
# that it is not built anew.
copy_tree() {
    mkdir -p "$work/new" "$work/tree"
    tar -c --exclude=./build --exclude=./.git . | tar -x -C "$work/new"
    (cd "$work/new" && find . -type f) | while read -r file; do
        cmp -s "$work/new/$file" "$work/tree/$file" && continue
        mkdir -p "$work/tree/$(dirname "$file")"
        cp -p "$work/new/$file" "$work/tree/$file"
        touch "$work/tree/$file"
    done
    (cd "$work/tree" && find . -path ./build -prune -o -type f -print) |
        while read -r file; do
            [ -e "$work/new/$file" ] || rm -f "$work/tree/$file"
        done
    rm -rf "$work/new"
}

# build [TARGET...] - in the copy; without targets, everything.
build() {
    ninja -C build/dev -j 1 "$@" >"$work/build.log" 2>&1
}

# The program of a test, by its name; nothing if that is not one program.
target_of() {
    case $1 in
    unit.*) echo "test_${1#unit.}" ;;
    story.*) echo "test_story_${1#story.}" ;;
    sim.*) echo "sim_${1#sim.}" ;;
    esac
}

# ctest_within SECONDS OPTION... - tells who failed; status 0 if one did.
ctest_within() {
    local seconds=$1
    shift
    [ "$seconds" -gt 0 ] || return 1
    timeout "$seconds" ctest --test-dir build/dev -j 1 --timeout 150 \
        --stop-on-failure "$@" >"$work/test.log" 2>&1
    awk '/\*\*\*/ { print $4; found = 1; exit } END { exit !found }' \
        "$work/test.log"
}

# hunt PATCH BEGAN - in the copy, patched: who catches it?
hunt() {
    local first began=$2 seed

    first=$(expected "$1")
    build $(target_of "$first") || { echo "(does not build)" && return 1; }
    ctest_within $((began + limit - SECONDS)) -R "^${first//./\\.}\$" &&
        return
    [ -z "${MUTANTS_FIRST-}" ] || { echo "NOBODY, of that" && return 1; }
    build || { echo "(does not build)" && return 1; }
    ctest_within $((began + limit - SECONDS)) -R "$quick" -E "$slow" && return
    ctest_within $((began + limit - SECONDS)) -R "$slow" && return
    seed=1
    while [ $((began + limit - SECONDS)) -gt 0 ]; do
        SIM_FROM=$seed SIM_SEEDS=100 build/dev/tests/sim/sim_random \
            >"$work/test.log" 2>&1 || { echo "sim.random, later" && return; }
        seed=$((seed + 100))
    done
    echo "NOBODY"
    return 1
}

# run PATCH - one line of the table.
run() {
    local began=$SECONDS by status

    if apply "$1"; then
        by=$(hunt "$1" "$began")
        status=$?
        apply "$1" -R
    else
        by="(does not apply)"
        status=1
    fi
    printf '%-28s %-28s %4d\n' "$1" "$by" $((SECONDS - began))
    return "$status"
}

# What is to catch something must pass when nothing is broken.
prepare() {
    local names

    copy_tree
    cd "$work/tree" || exit 2
    cmake --preset dev >"$work/build.log" 2>&1 && build || {
        tail -n 30 "$work/build.log"
        exit 1
    }
    [ -z "${MUTANTS_FIRST-}" ] || return 0
    names=$(for name; do expected "$name"; done | sort -u | tr '\n' '|')
    names=${names%|}
    if ctest_within 1200 -R "^(${names//./\\.})\$" --repeat until-pass:3; then
        echo "fails as it is, with nothing broken"
        exit 1
    fi
}

mode=run
[ "${1-}" != check ] || { mode=check && shift; }
if [ $# -eq 0 ]; then
    set -- $(cd "$here" && ls *.patch | sed 's/\.patch$//')
fi
[ $mode = run ] || { check "$@" && exit; exit 1; }
prepare "$@"
failed=0
count=0
for name; do
    [ "$SECONDS" -lt "${MUTANTS_SECONDS:-1000000}" ] || break
    run "$name" || failed=$((failed + 1))
    count=$((count + 1))
done
echo "$count of $# run, $failed not caught"
[ "$failed" -eq 0 ]
