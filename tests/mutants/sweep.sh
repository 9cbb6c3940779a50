#!/usr/bin/env bash
# sweep.sh WORK [FOLDER...] - make the build in which any place can be broken.
#
# Copies the tree to WORK, writes the sources of the folders anew (schemata.py;
# without more: runtime storage base transport remote actors), builds them with
# all tests, and finds which tests reach which places. After that:
#
#   tests/mutants/sweep.py run WORK --files 'runtime/apply' --every 10
#
# wants python3-clang-14, which the rest of the tree does not. The dev build
# must be there: it says how sources are compiled.
set -eu
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
work=$(mkdir -p "$1" && cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- runtime storage base transport remote actors
here=$PWD

# Not what the wrapping itself needs, or what changes stacks.
files=$(for folder; do ls "$folder"/*.c; done |
    grep -vE '^(runtime/stack|base/(alloc|assert|counter|error|fault|trace))\.c')
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$work"
cp tests/mutants/mutant.h "$work/mutant.h"
/usr/bin/python3 tests/mutants/schemata.py build/dev/compile_commands.json \
    "$here" "$work" $files >"$work/mutants.tsv"
printf '#define WF_MUTANT_HOME\n#include "mutant.h"\n' >>"$work/base/error.c"
cd "$work"
cmake -G Ninja -B build/dev -DCMAKE_BUILD_TYPE=Debug -DWEFT_SLOW_CHECKS=ON \
    "-DCMAKE_C_FLAGS=-w -Wno-error -I$work" >"$work/build.log"
# The fuzzers compile sources of their own, without that.
ninja -C build/dev -k 0 >>"$work/build.log" 2>&1 || true
wc -l <"$work/mutants.tsv" | sed 's/$/ places/'
"$here/tests/mutants/sweep.py" reach "$work"
