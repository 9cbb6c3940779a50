// SPDX-License-Identifier: Apache-2.0
//
// shim_data.c - the calls that write and sync, in front of the system's own.
//
// Threads: any.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/shim_place.h"

ssize_t
shim_real_write(int fd, const void *data, size_t len)
{
    return syscall(SYS_write, fd, data, len);
}

ssize_t
shim_real_pwrite(int fd, const void *data, size_t len, off_t at)
{
    return syscall(SYS_pwrite64, fd, data, len, at);
}

static uint64_t
file_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? (uint64_t)status.st_ino : 0;
}

// Where a write without an offset goes.
static off_t
find_offset(int fd)
{
    struct stat status;

    if ((fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &status) == 0) {
        return status.st_size;
    }
    return lseek(fd, 0, SEEK_CUR);
}

// at < 0: where the descriptor is.
static ssize_t
write_traced(int fd, const void *data, size_t len, off_t at)
{
    off_t begin;
    ssize_t put;

    if (!shim_trace_is_on()) {
        return at < 0 ? shim_real_write(fd, data, len)
                      : shim_real_pwrite(fd, data, len, at);
    }
    shim_trace_lock();
    begin = at < 0 ? find_offset(fd) : at;
    put = at < 0 ? shim_real_write(fd, data, len)
                 : shim_real_pwrite(fd, data, len, at);
    if (put > 0) {
        int error = errno;

        shim_trace_add(SHIM_WRITTEN, file_of(fd), (uint64_t)begin, NULL, NULL,
                       data, (size_t)put);
        errno = error;
    }
    shim_trace_unlock();
    return put;
}

static size_t
half_of(enum shim_action action, size_t len)
{
    return (action == SHIM_TORN_ACTION || action == SHIM_SHORT_ACTION) &&
                   len > 1
               ? len / 2
               : len;
}

static ssize_t
write_file(int fd, const void *data, size_t len, off_t at)
{
    enum shim_action action = SHIM_NONE_ACTION;
    ssize_t put;

    if (shim_place_of_fd(fd) == SHIM_ON_DISK) {
        action = shim_plan_next(SHIM_WRITE);
    }
    if (shim_plan_error(action) != 0) {
        errno = shim_plan_error(action);
        return -1;
    }
    put = write_traced(fd, data, half_of(action, len), at);
    shim_plan_done(action);
    return put;
}

static ssize_t
send_data(int fd, const void *data, size_t len, int flags,
          const struct sockaddr *to, socklen_t to_len)
{
    enum shim_action action = SHIM_NONE_ACTION;
    ssize_t put;

    if (shim_place_of_fd(fd) == SHIM_SOCKET) {
        action = shim_plan_next(SHIM_SEND);
    }
    if (shim_plan_error(action) != 0) {
        errno = shim_plan_error(action);
        return -1;
    }
    put =
        syscall(SYS_sendto, fd, data, half_of(action, len), flags, to, to_len);
    shim_plan_done(action);
    return put;
}

ssize_t
write(int fd, const void *data, size_t len)
{
    switch (shim_place_of_fd(fd)) {
    case SHIM_ELSEWHERE:
        return shim_real_write(fd, data, len);
    case SHIM_SOCKET:
        return send_data(fd, data, len, MSG_NOSIGNAL, NULL, 0);
    default:
        return write_file(fd, data, len, -1);
    }
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
    return shim_place_of_fd(fd) == SHIM_ELSEWHERE
               ? shim_real_pwrite(fd, data, len, at)
               : write_file(fd, data, len, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off_t at)
{
    return pwrite(fd, data, len, at);
}

// Several pieces are written as one.
static ssize_t
write_pieces(int fd, const struct iovec *pieces, int count, off_t at)
{
    size_t len = 0;
    ssize_t put;
    char *data;

    for (int i = 0; i < count; i++) {
        len += pieces[i].iov_len;
    }
    data = malloc(len + 1);
    if (data == NULL) {
        errno = ENOMEM;
        return -1;
    }
    len = 0;
    for (int i = 0; i < count; i++) {
        memcpy(data + len, pieces[i].iov_base, pieces[i].iov_len);
        len += pieces[i].iov_len;
    }
    put = at < 0 ? write(fd, data, len) : pwrite(fd, data, len, at);
    free(data);
    return put;
}

ssize_t
writev(int fd, const struct iovec *pieces, int count)
{
    return shim_place_of_fd(fd) == SHIM_ELSEWHERE
               ? syscall(SYS_writev, fd, pieces, count)
               : write_pieces(fd, pieces, count, -1);
}

ssize_t
pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
    return write_pieces(fd, pieces, count, at);
}

ssize_t
pwritev64(int fd, const struct iovec *pieces, int count, off_t at)
{
    return write_pieces(fd, pieces, count, at);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
    return send_data(fd, data, len, flags, NULL, 0);
}

ssize_t
sendto(int fd, const void *data, size_t len, int flags,
       const struct sockaddr *to, socklen_t to_len)
{
    return send_data(fd, data, len, flags, to, to_len);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    enum shim_action action = SHIM_NONE_ACTION;
    ssize_t put;

    if (shim_place_of_fd(fd) == SHIM_SOCKET) {
        action = shim_plan_next(SHIM_SEND);
    }
    if (shim_plan_error(action) != 0) {
        errno = shim_plan_error(action);
        return -1;
    }
    put = syscall(SYS_sendmsg, fd, message, flags);
    shim_plan_done(action);
    return put;
}

// Syncs. ---------------------------------------------------------------------
//
// What was written before a sync began is on the disk when it has ended; what
// is written meanwhile need not be: a cut may come between the two entries. A
// kill leaves the page cache, and the power is cut by others: the system's own
// sync would only take time.

static void
trace_sync(int fd, bool is_well)
{
    if (!shim_trace_is_on() || getenv("SHIM_NOSYNC") != NULL) {
        return;
    }
    shim_trace_lock();
    shim_trace_add(SHIM_SYNCING, file_of(fd), 0, NULL, NULL, NULL, 0);
    shim_trace_add(is_well ? SHIM_SYNCED : SHIM_UNSYNCED, file_of(fd), 0, NULL,
                   NULL, NULL, 0);
    shim_trace_unlock();
}

static int
sync_file(int fd, bool is_durable)
{
    enum shim_action action;
    int error;

    if (shim_place_of_fd(fd) != SHIM_ON_DISK) {
        return 0; // what is beside is always durable
    }
    action = shim_plan_next(SHIM_SYNC);
    error = shim_plan_error(action);
    if (is_durable) {
        trace_sync(fd, error == 0);
    }
    shim_plan_done(action);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return 0;
}

int
fsync(int fd)
{
    return shim_place_of_fd(fd) == SHIM_ELSEWHERE ? (int)syscall(SYS_fsync, fd)
                                                  : sync_file(fd, true);
}

int
fdatasync(int fd)
{
    return shim_place_of_fd(fd) == SHIM_ELSEWHERE
               ? (int)syscall(SYS_fdatasync, fd)
               : sync_file(fd, true);
}

// It promises nothing, and can fail; of nothing it only asks whether there is
// such a call.
int
sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    return shim_place_of_fd(fd) == SHIM_ELSEWHERE || len == 0
               ? (int)syscall(SYS_sync_file_range, fd, at, len, flags)
               : sync_file(fd, false);
}
