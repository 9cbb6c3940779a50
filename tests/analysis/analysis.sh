#!/usr/bin/env bash
# analysis.sh TOOL BUILD [all] - what tools find in the programs of a build.
#
#   cppcheck   all but the tests; "all": these too
#   tidy       clang-tidy, with .clang-tidy but without clang's own analyser,
#              which takes ten times as long; "all": with it, and the tests too
#   analyzer   gcc -fanalyzer: base, storage, runtime, and of large functions
#              not every path; "all": the whole library, and as many as it can
#   valgrind   memcheck: stacks, a few loads and stories; "all": all that has
#              neither threads nor RocksDB
#
# BUILD is the build folder of a preset: how each file is compiled is taken from
# there. Status 1 if there is a finding, 77 if the tool is not installed. As many
# at a time as ANALYSIS_JOBS in the environment says.
set -u
cd "$(dirname "$0")/../.." || exit 2
tool=${1:?tool} build=$(cd "${2:?build}" && pwd) extent=${3-}
jobs=${ANALYSIS_JOBS:-$(nproc)}
library="actors base remote runtime storage transport"

have() { command -v "$1" >/dev/null || exit 77; }

# The commands of the build that compile files of these folders, each once.
commands() {
    sed -n 's|^ *"command": "\(.*\)",*$|\1|p' "$build/compile_commands.json" |
        grep -E " -c $PWD/($(tr ' ' '|' <<<"$*"))/.*\.c$" |
        grep -v ' -DWF_NEXT ' | sort -u
}

check_cppcheck() {
    local ignored="-i$PWD/tests"

    have cppcheck
    [ "$extent" != all ] || ignored="-i$build"
    mkdir -p "$build/cppcheck"
    cppcheck --quiet -j "$jobs" --cppcheck-build-dir="$build/cppcheck" \
        --project="$build/compile_commands.json" --std=c11 \
        --enable=warning,performance,portability --inline-suppr \
        --suppressions-list=tests/analysis/cppcheck.txt --error-exitcode=1 \
        "$ignored"
}

# One file for each process: some checks of 14 carry things over.
check_tidy() {
    local checks='-clang-analyzer-*' folders="$library cli daemon"

    have clang-tidy-14
    [ "$extent" != all ] || { checks= && folders="$folders tests"; }
    commands "$folders" | sed 's|.* -c ||' |
        xargs -n 1 -P "$jobs" clang-tidy-14 -p "$build" --quiet \
            --extra-arg=-Wno-unknown-warning-option \
            --extra-arg=-Wno-missing-field-initializers --checks="$checks" \
            2> >(grep -vE 'warnings? generated|non-user code|Use -header' >&2)
}

# As it is compiled, but that nothing comes of it.
check_analyzer() {
    local folders="base storage runtime"
    local depth="--param analyzer-bb-explosion-factor=2" # of 5, in half the time

    have gcc
    [ "$extent" != all ] || { folders=$library && depth=; }
    commands "$folders" |
        sed -E "s|^[^ ]*ccache ||; s| -o [^ ]*| -S -o /dev/null|
            s| -M[DTF]( [^ ]*\.o(\.d)?)?||g; s|$| -fanalyzer $depth|; s|\\\\(.)|\\1|g" |
        tr '\n' '\0' | xargs -0 -n 1 -P "$jobs" sh -c
}

# Those of the tests' programs that are there.
check_valgrind() {
    local programs="unit/test_stack unit/test_load sim/sim_damage
        story/test_story_workflow_edge"

    have valgrind
    if [ "$extent" = all ]; then
        programs="$programs sim/sim_core unit/test_arena unit/test_bytes
            unit/test_batch unit/test_filter unit/test_heap unit/test_keys
            unit/test_log unit/test_payload unit/test_payload_json
            unit/test_policy unit/test_segment unit/test_sorted
            unit/test_store_memory unit/test_table unit/test_updates
            $(cd "$build/tests" && echo story/test_story_*)"
    fi
    for program in $programs; do echo "$build/tests/$program"; done |
        xargs -n 1 -P "$jobs" valgrind --quiet --error-exitcode=1 \
            --leak-check=full --errors-for-leak-kinds=definite --num-callers=20
}

case $tool in
cppcheck | tidy | analyzer | valgrind) "check_$tool" || exit 1 ;;
*) sed -n '2,16s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
