# setup.sh - get what the build needs. Sourced by ./check and ./quickstart.
#
# weft_setup build    what the library, weftd and the examples need
# weft_setup all      what tests and tidy need as well
#
# Installs what is missing with apt as root; otherwise names it and fails.
# Changes nothing when nothing is missing.

weft_packages_build="build-essential cmake ninja-build pkg-config
    librocksdb-dev libmsgpack-dev libboost-context-dev libjansson-dev
    libxxhash-dev libzmq3-dev libsodium-dev libinih-dev libsystemd-dev"
weft_packages_test="libcmocka-dev clang-format-14 ccache clang-14
    libclang-rt-14-dev python3-zmq python3-msgpack"

weft_setup() {
    local packages=$weft_packages_build missing

    [ "$1" = build ] || packages="$packages $weft_packages_test"
    missing=$(weft_missing $packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "weft needs these Debian packages: $missing" >&2
        echo "as root: apt-get install -y --no-install-recommends $missing" >&2
        return 1
    fi
    echo "installing: $missing"
    # An index that is there will do; one that is not is fetched.
    weft_install $missing || { apt-get update -q && weft_install $missing; } ||
        { echo "apt could not install: $missing" >&2 && return 1; }
}

# Those of the packages that are not installed, on one line.
weft_missing() {
    local package

    for package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
            grep -q ' installed$' || printf '%s ' "$package"
    done
}

weft_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        --no-install-recommends "$@"
}
