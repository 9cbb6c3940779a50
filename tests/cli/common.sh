# common.sh - what the tests of the command share, and those of weftd. Read with
# `.`, after WEFT and MAKE_STORE were given as arguments.
weft=$1
make_store=$2
failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
LC_ALL=C
export LC_ALL

# store NAME OPTIONS... - make a node's directory $dir/NAME.
store() {
    name=$1
    shift
    if ! "$make_store" "$dir/$name" "$@" 2>"$dir/messages"; then
        cat "$dir/messages"
        echo "make_store $name failed"
        exit 1
    fi
}

# run STATUS ARGUMENTS... - weft exits with that; what it says is in $dir/out
# and $dir/err.
run() {
    expected=$1
    shift
    "$weft" "$@" >"$dir/out" 2>"$dir/err"
    status=$?
    if [ "$status" -ne "$expected" ]; then
        echo "weft $*: status $status, not $expected"
        cat "$dir/out" "$dir/err"
        failed=1
    fi
}

# says PATTERN - a line of the output matches. complains: of the messages.
says() {
    grep -Eq -- "$1" "$dir/out" && return
    echo "no line like \"$1\" in:"
    cat "$dir/out"
    failed=1
}

complains() {
    grep -Eq -- "$1" "$dir/err" && return
    echo "no message like \"$1\" in:"
    cat "$dir/err"
    failed=1
}

says_not() {
    grep -Eq -- "$1" "$dir/out" || return
    echo "a line like \"$1\" in:"
    cat "$dir/out"
    failed=1
}

# flip FILE AT - change one byte of a file.
flip() {
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "$(printf '\\%03o' $((byte ^ 85)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# newest DIR PATTERN - the newest of the files whose names match.
newest() {
    ls "$1" | grep -E "$2" | sort | tail -n 1
}

finish() {
    exit $failed
}
