# setup.sh - get what the build needs. Sourced by ./check and ./quickstart.
#
# weft_setup build    what the library, weftd and the examples need
# weft_setup all      what tests and tidy need as well
#
# Installs what is missing with apt as root; otherwise names it and fails.
# Changes nothing when nothing is missing.
#
# weft_kernel DIR     a stock kernel and some of its modules in DIR, for guests
#                     of tests/guest; installed nowhere. weft_setup all has it
#                     in build/kernel.

weft_packages_build="build-essential cmake ninja-build pkg-config
    librocksdb-dev libmsgpack-dev libboost-context-dev libjansson-dev
    libxxhash-dev libzmq3-dev libsodium-dev libinih-dev libpq-dev
    libcurl4-openssl-dev libsystemd-dev"
weft_packages_test="libcmocka-dev clang-format-14 ccache clang-14
    libclang-rt-14-dev clang-tidy-14 cppcheck valgrind
    python3 python3-zmq python3-msgpack python3-botocore postgresql-15 openssl
    iproute2 qemu-system-x86 busybox-static e2fsprogs xfsprogs"

weft_setup() {
    local packages=$weft_packages_build missing

    [ "$1" = build ] || packages="$packages $weft_packages_test"
    missing=$(weft_missing $packages)
    [ -z "$missing" ] || weft_get $missing || return 1
    [ "$1" = build ] || weft_kernel build/kernel
}

# Install what is missing.
weft_get() {
    local missing=$*

    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "weft needs these Debian packages: $missing" >&2
        echo "as root: apt-get install -y --no-install-recommends $missing" >&2
        return 1
    fi
    echo "installing: $missing"
    case $missing in *postgresql-*) weft_no_cluster ;; esac
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

# Tests start servers of their own; Debian's is not to make one and run it.
weft_no_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf

    [ ! -e "$conf" ] || return 0
    mkdir -p "${conf%/*}"
    echo "create_main_cluster = false" >"$conf"
}

weft_kernel() {
    local package archive

    [ ! -d "$1" ] || return 0
    rm -rf "$1.new"
    mkdir -p "$1.new"
    weft_fetch_kernel "$1.new" || { apt-get update -q &&
        weft_fetch_kernel "$1.new"; } ||
        { echo "no kernel: apt-get download $package does not work" >&2 &&
            return 1; }
    rm -f "$1.new"/*.deb
    mv "$1.new" "$1"
}

weft_fetch_kernel() {
    package=$(apt-cache depends linux-image-cloud-amd64 |
        sed -n 's/.*Depends: //p')
    [ -n "$package" ] || { package=linux-image-cloud-amd64 && return 1; }
    (cd "$1" && apt-get download -q "$package") || return 1
    for archive in "$1"/*.deb; do
        dpkg-deb --fsys-tarfile "$archive" | tar -x -C "$1" --wildcards \
            './boot/vmlinuz-*' '*/virtio*.ko' '*/xfs.ko' '*/libcrc32c.ko'
    done
}
