#!/bin/sh
# install.sh CMAKE BUILD CC LIBDIR - install into an empty prefix, run what is
# there, build a program against it in four ways, run each.
#
# Every program must print WEFT_EBUSY. CMake and pkg-config, shared and static.
set -eu
cmake=$1
build=$2
cc=$3
libdir=$4
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# quietly COMMAND... - show its output only if it fails.
quietly() {
    "$@" >"$dir/output" 2>&1 || { cat "$dir/output" && exit 1; }
}

# run WHAT PROGRAM
run() {
    got=$("$2") || { echo "$1: does not run" && exit 1; }
    [ "$got" = WEFT_EBUSY ] || { echo "$1: printed \"$got\"" && exit 1; }
    echo "$1: fine"
}

quietly "$cmake" --install "$build" --prefix "$dir/prefix"

for file in man/man1/weft.1 man/man8/weftd.8 \
    bash-completion/completions/weft zsh/site-functions/_weft; do
    [ -s "$dir/prefix/share/$file" ] ||
        { echo "there is no share/$file" && exit 1; }
done
quietly "$dir/prefix/bin/weft" version
quietly "$dir/prefix/bin/weftd" --version
grep -q '^ExecStart=/.*/bin/weftd --config' \
    "$dir/prefix/lib/systemd/system/weftd.service" ||
    { echo "the unit starts nothing" && exit 1; }
echo "programs: fine"

quietly "$cmake" -S "$here/program" -B "$dir/program" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$dir/prefix"
quietly "$cmake" --build "$dir/program"
run "cmake, shared" "$dir/program/program_shared"
run "cmake, static" "$dir/program/program_static"

lib=$dir/prefix/$libdir
export PKG_CONFIG_PATH="$lib/pkgconfig"
# weft.pc has the prefix it was configured for; the files are here.
pc() {
    pkg-config --define-variable=prefix="$dir/prefix" "$@" weft
}

# shellcheck disable=SC2046
quietly "$cc" "$here/program/program.c" -o "$dir/pc_shared" \
    $(pc --cflags --libs)
export LD_LIBRARY_PATH="$lib"
run "pkg-config, shared" "$dir/pc_shared"
unset LD_LIBRARY_PATH

# Without libweft.so beside it, -lweft is libweft.a.
rm "$lib"/libweft.so*
# shellcheck disable=SC2046
quietly "$cc" "$here/program/program.c" -o "$dir/pc_static" \
    $(pc --cflags --static --libs)
run "pkg-config, static" "$dir/pc_static"
