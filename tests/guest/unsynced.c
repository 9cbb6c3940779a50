// SPDX-License-Identifier: Apache-2.0
//
// unsynced.c - nothing is synced: a library to be loaded before libc.
//
// With it the victim must lose what it acknowledged, or the test that cuts its
// power shows nothing.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int
fsync(int fd)
{
    (void)fd;
    return 0;
}

int
fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int
msync(void *at, size_t len, int flags)
{
    (void)at;
    (void)len;
    (void)flags;
    return 0;
}

// RocksDB asks for this one beside the others, and never instead of them.
int
sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    (void)fd;
    (void)at;
    (void)len;
    (void)flags;
    return 0;
}
