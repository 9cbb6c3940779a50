#!/usr/bin/env bash
# make.sh - what a guest boots from: a stock kernel and an initial file system.
#
#   make.sh VICTIM UNSYNCED DIR     makes DIR/kernel and DIR/initrd
#
# The file system has busybox, the victim and the libraries that it is linked
# with, the library UNSYNCED, the kernel's modules for its disks, and init.sh.
# The kernel is Debian's, fetched by cmake/setup.sh and installed nowhere.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
victim=$1 unsynced=$2 dir=$3
modules="virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev
    virtio_pci virtio_blk libcrc32c xfs"

. "$root/cmake/setup.sh"
weft_kernel "$root/build/kernel"

rm -rf "$dir"
mkdir -p "$dir/root/bin" "$dir/root/modules"
cd "$dir/root"
mkdir proc dev disk record
cp "$(command -v busybox)" bin/busybox
cp "$here/init.sh" init
cp "$victim" bin/victim
strip --strip-debug bin/victim
cp "$unsynced" bin/unsynced.so
{ ldd bin/victim && ldd bin/unsynced.so; } | grep -o '/[^ ]*' | sort -u |
    while read -r library; do
        install -D "$library" ".$library"
    done
for module in $modules; do
    find "$root/build/kernel/lib" -name "$module.ko" -exec cp {} modules/ \;
    echo "$module"
done >modules/order
find . | busybox cpio -o -H newc 2>/dev/null >../initrd
cp "$root"/build/kernel/boot/vmlinuz-* ../kernel
rm -rf "$dir/root"
