// SPDX-License-Identifier: Apache-2.0
//
// shim_name.c - the calls that open files and change names and lengths, in
// front of the system's own.
//
// Threads: any.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/shim_place.h"

__attribute__((constructor)) static void
begin(void)
{
    shim_place_init();
    shim_plan_init();
    shim_trace_init();
}

int
shim_real_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

// Descriptors. ---------------------------------------------------------------

static uint64_t
file_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? (uint64_t)status.st_ino : 0;
}

static int
open_traced(int dir_fd, const char *path, int flags, mode_t mode,
            const char *full)
{
    struct stat status;
    bool is_there;
    int fd;

    shim_trace_lock();
    is_there = fstatat(dir_fd, path, &status, 0) == 0;
    fd = shim_real_open(dir_fd, path, flags, mode);
    if (fd >= 0) {
        shim_trace_add(is_there ? SHIM_OPENED : SHIM_CREATED, file_of(fd), 0,
                       full, NULL, NULL, 0);
        if (is_there && (flags & O_TRUNC) != 0) {
            shim_trace_add(SHIM_CUT, file_of(fd), 0, NULL, NULL, NULL, 0);
        }
    }
    shim_trace_unlock();
    return fd;
}

static int
open_file(int dir_fd, const char *path, int flags, mode_t mode)
{
    enum shim_action action = SHIM_NONE_ACTION;
    char full[SHIM_PATH_SIZE];
    enum shim_place place = shim_place_of(dir_fd, path, full);
    struct stat status;
    int fd;

    if (place == SHIM_ELSEWHERE) {
        return shim_real_open(dir_fd, path, flags, mode);
    }
    if ((place == SHIM_ON_DISK || place == SHIM_TEXT) &&
        (flags & O_CREAT) != 0 && fstatat(dir_fd, path, &status, 0) != 0) {
        action = shim_plan_next(SHIM_NAME);
    }
    if (shim_plan_error(action) != 0) {
        errno = shim_plan_error(action);
        return -1;
    }
    fd = open_traced(dir_fd, path, flags, mode, full);
    shim_place_set(fd, place == SHIM_TEXT && shim_plan_is_failing()
                           ? SHIM_ON_DISK
                           : place);
    shim_plan_done(action);
    return fd;
}

static mode_t
mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                      \
    int name(const char *path, int flags, ...)                                 \
    {                                                                          \
        va_list args;                                                          \
        mode_t mode;                                                           \
                                                                               \
        va_start(args, flags);                                                 \
        mode = mode_of(flags, args);                                           \
        va_end(args);                                                          \
        return open_file(AT_FDCWD, path, flags, mode);                         \
    }

#define DEFINE_OPENAT(name)                                                    \
    int name(int dir_fd, const char *path, int flags, ...)                     \
    {                                                                          \
        va_list args;                                                          \
        mode_t mode;                                                           \
                                                                               \
        va_start(args, flags);                                                 \
        mode = mode_of(flags, args);                                           \
        va_end(args);                                                          \
        return open_file(dir_fd, path, flags, mode);                           \
    }

// clang-format off
DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)
// clang-format on

int
creat(const char *path, mode_t mode)
{
    return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int
close(int fd)
{
    shim_place_set(fd, SHIM_ELSEWHERE);
    return (int)syscall(SYS_close, fd);
}

int
socket(int domain, int type, int protocol)
{
    int fd = (int)syscall(SYS_socket, domain, type, protocol);

    shim_place_set(fd, SHIM_SOCKET);
    return fd;
}

int
accept4(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    int fd = (int)syscall(SYS_accept4, listener, address, len, flags);

    shim_place_set(fd, SHIM_SOCKET);
    return fd;
}

int
accept(int listener, struct sockaddr *address, socklen_t *len)
{
    return accept4(listener, address, len, 0);
}

// Names. ---------------------------------------------------------------------

// One change of names: what is done, and what is written down of it.
struct change {
    enum shim_entry_type type;
    int dir_fd;
    const char *path;
    int to_dir_fd;
    const char *to; // NULL: there is none
    unsigned flags;
    mode_t mode;
};

static long
make_change(const struct change *change)
{
    switch (change->type) {
    case SHIM_RENAMED:
        return syscall(SYS_renameat2, change->dir_fd, change->path,
                       change->to_dir_fd, change->to, change->flags);
    case SHIM_LINKED:
        return syscall(SYS_linkat, change->dir_fd, change->path,
                       change->to_dir_fd, change->to, change->flags);
    case SHIM_UNLINKED:
        return syscall(SYS_unlinkat, change->dir_fd, change->path, 0);
    case SHIM_REMOVED:
        return syscall(SYS_unlinkat, change->dir_fd, change->path,
                       AT_REMOVEDIR);
    default:
        return syscall(SYS_mkdirat, change->dir_fd, change->path, change->mode);
    }
}

static int
change_names(const struct change *change)
{
    enum shim_action action = SHIM_NONE_ACTION;
    char path[SHIM_PATH_SIZE];
    char to[SHIM_PATH_SIZE];
    enum shim_place place = shim_place_of(change->dir_fd, change->path, path);
    long result;

    if (change->to != NULL) {
        (void)shim_place_of(change->to_dir_fd, change->to, to);
    }
    if (place == SHIM_ON_DISK || place == SHIM_TEXT) {
        action = shim_plan_next(SHIM_NAME);
    }
    if (shim_plan_error(action) != 0) {
        errno = shim_plan_error(action);
        return -1;
    }
    shim_trace_lock();
    result = make_change(change);
    if (result == 0 && place != SHIM_ELSEWHERE) {
        shim_trace_add(change->type, 0, 0, path, change->to == NULL ? NULL : to,
                       NULL, 0);
    }
    shim_trace_unlock();
    shim_plan_done(action);
    return (int)result;
}

int
mkdirat(int dir_fd, const char *path, mode_t mode)
{
    return change_names(&(struct change){
        .type = SHIM_MADE, .dir_fd = dir_fd, .path = path, .mode = mode});
}

int
mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int
renameat2(int dir_fd, const char *path, int to_dir_fd, const char *to,
          unsigned flags)
{
    return change_names(&(struct change){.type = SHIM_RENAMED,
                                         .dir_fd = dir_fd,
                                         .path = path,
                                         .to_dir_fd = to_dir_fd,
                                         .to = to,
                                         .flags = flags});
}

int
renameat(int dir_fd, const char *path, int to_dir_fd, const char *to)
{
    return renameat2(dir_fd, path, to_dir_fd, to, 0);
}

int
rename(const char *path, const char *to)
{
    return renameat2(AT_FDCWD, path, AT_FDCWD, to, 0);
}

int
linkat(int dir_fd, const char *path, int to_dir_fd, const char *to, int flags)
{
    return change_names(&(struct change){.type = SHIM_LINKED,
                                         .dir_fd = dir_fd,
                                         .path = path,
                                         .to_dir_fd = to_dir_fd,
                                         .to = to,
                                         .flags = (unsigned)flags});
}

int
link(const char *path, const char *to)
{
    return linkat(AT_FDCWD, path, AT_FDCWD, to, 0);
}

int
unlinkat(int dir_fd, const char *path, int flags)
{
    return change_names(&(struct change){
        .type = (flags & AT_REMOVEDIR) != 0 ? SHIM_REMOVED : SHIM_UNLINKED,
        .dir_fd = dir_fd,
        .path = path});
}

int
unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int
rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int
remove(const char *path)
{
    int result = unlink(path);

    return result != 0 && errno == EISDIR ? rmdir(path) : result;
}

// Lengths. -------------------------------------------------------------------

// keep: the length stays, and only room is taken.
static int
set_length(int fd, int mode, off_t at, off_t len, bool is_room)
{
    enum shim_action action = SHIM_NONE_ACTION;
    struct stat status = {0};
    long result;

    if (shim_place_of_fd(fd) == SHIM_ON_DISK) {
        action = shim_plan_next(SHIM_NAME);
    }
    if (shim_plan_error(action) != 0) {
        errno = shim_plan_error(action);
        return -1;
    }
    shim_trace_lock();
    result = is_room ? syscall(SYS_fallocate, fd, mode, at, len)
                     : syscall(SYS_ftruncate, fd, len);
    if (result == 0 && shim_place_of_fd(fd) != SHIM_ELSEWHERE &&
        fstat(fd, &status) == 0) {
        shim_trace_add(SHIM_CUT, file_of(fd), (uint64_t)status.st_size, NULL,
                       NULL, NULL, 0);
    }
    shim_trace_unlock();
    shim_plan_done(action);
    return (int)result;
}

int
ftruncate(int fd, off_t len)
{
    return set_length(fd, 0, 0, len, false);
}

int
ftruncate64(int fd, off_t len)
{
    return ftruncate(fd, len);
}

int
fallocate(int fd, int mode, off_t at, off_t len)
{
    return set_length(fd, mode, at, len, true);
}

int
fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fallocate(fd, mode, at, len);
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
    return fallocate(fd, 0, at, len) == 0 ? 0 : errno;
}

int
posix_fallocate64(int fd, off_t at, off_t len)
{
    return posix_fallocate(fd, at, len);
}
