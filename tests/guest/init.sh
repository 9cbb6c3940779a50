#!/bin/busybox sh
# init.sh - the only program of the guest: mounts, and lets the victim live.
#
# Its arguments are the victim's, "then" between those of one life and the next.
# FS and MOUNT in the environment say how the disk is mounted, PRELOAD what the
# victim is loaded with. The console is told when the first life begins, and
# when the last has ended well.
busybox=/bin/busybox

fail() {
    echo "guest: $*"
    $busybox poweroff -f
}

# live ARGUMENT... - one life. It ends the guest if it does not end well.
live() {
    LD_PRELOAD=$PRELOAD /bin/victim /record --data /disk/data "$@"
    status=$?
    [ $status -eq 0 ] || fail "the victim ended with $status: $*"
}

$busybox mount -t proc proc /proc
$busybox mount -t devtmpfs dev /dev
for module in $($busybox cat /modules/order); do
    case $module in
    xfs | libcrc32c) [ "$FS" = xfs ] || continue ;;
    esac
    $busybox insmod /modules/$module.ko || fail "no module $module"
done
# What the record says was written is with the host: it loses nothing.
$busybox mount -t ext4 -o sync,dirsync,noatime /dev/vda /record ||
    fail "no record"
$busybox mount -t "$FS" ${MOUNT:+-o $MOUNT} /dev/vdb /disk || fail "no disk"

echo "guest: begins"
life=
for argument; do
    if [ "$argument" = then ]; then
        live $life
        life=
    else
        life="$life $argument"
    fi
done
live $life
$busybox umount /record /disk || fail "still in use"
echo "guest: ends well"
$busybox poweroff -f
