// SPDX-License-Identifier: Apache-2.0
//
// io_rig.c - make the n-th call of the system fail, for n = 1, 2, 3 and so on.

#include "unit/io_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALLS_MAX 1000 // more than any deed makes

static enum io_rig_mode mode;
static uint64_t fails_at;
static _Atomic uint64_t calls;
static _Atomic uint64_t directory_syncs;
static _Atomic uint64_t file_syncs;
static const char *_Atomic failed;

uint64_t
io_rig_directory_syncs(void)
{
    return directory_syncs;
}

uint64_t
io_rig_file_syncs(void)
{
    return file_syncs;
}

static void
begin(enum io_rig_mode how, uint64_t at)
{
    fails_at = at;
    calls = 0;
    directory_syncs = 0;
    file_syncs = 0;
    failed = NULL;
    mode = how;
}

static unsigned
count_open_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");

    CHECK(dir != NULL);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static void
check_result(const struct io_rig_deed *deed, const char *dir,
             enum io_rig_mode how, weft_err err)
{
    if (failed == NULL || how > IO_RIG_FROM) {
        CHECK_OK(err);
    } else if (deed->needs_all ||
               (strstr(failed, "sync") != NULL && !deed->is_node)) {
        CHECK_ERR(err, WEFT_EIO);
    } else if (err != WEFT_OK && !(deed->can_be_refused && err == WEFT_EBUSY)) {
        CHECK_ERR(err, WEFT_EIO);
        if (strstr(weft_err_detail(), dir) == NULL) { // which file it was
            CHECK_STR(weft_err_detail(), failed);
        }
    }
}

// One time, with one call failing. True: there were fewer calls than that.
static bool
do_once(const struct io_rig_deed *deed, const char *dir, enum io_rig_mode how,
        uint64_t at)
{
    unsigned open_files;
    uint64_t made;
    weft_err err;

    CHECK_EQ(mkdir(dir, 0755), 0);
    if (deed->prepare != NULL) {
        deed->prepare(dir);
    }
    open_files = count_open_files();
    begin(how, at);
    err = deed->do_it(dir);
    made = calls;
    mode = IO_RIG_COUNT;
    CHECK_EQ(count_open_files(), open_files);
    check_result(deed, dir, how, err);
    deed->check(dir, err);
    if (err != WEFT_OK) { // what it left does not keep the next one from it
        CHECK_OK(deed->do_it(dir));
        deed->check(dir, WEFT_OK);
    }
    return made < at;
}

void
io_rig_do(struct test *t, const struct io_rig_deed *deed)
{
    char dir[512];
    int last = deed->is_node ? IO_RIG_ONCE : IO_RIG_SHORT;
    const char *asked = getenv("IO_STEP");
    uint64_t step = deed->is_node ? 16 : 1;
    unsigned number = 0;

    if (asked != NULL && deed->is_node) {
        step = strtoull(asked, NULL, 10);
        CHECK(step > 0);
    }
    for (int how = IO_RIG_ONCE; how <= last; how++) {
        bool is_over = false;

        for (uint64_t at = 1; !is_over; at += step) {
            CHECK(at < CALLS_MAX);
            snprintf(dir, sizeof(dir), "%s/%u", test_dir(t), number++);
            // A call that is no read or write does not fail in these modes.
            is_over =
                do_once(deed, dir, (enum io_rig_mode)how, at) && calls < at;
        }
    }
}

// One more call. True: it fails, and errno says how.
static bool
fails(const char *name)
{
    const char *nothing = NULL;
    uint64_t now = atomic_fetch_add(&calls, 1) + 1;

    if ((mode != IO_RIG_ONCE || now != fails_at) &&
        (mode != IO_RIG_FROM || now < fails_at)) {
        return false;
    }
    atomic_compare_exchange_strong(&failed, &nothing, name);
    errno = EIO;
    return true;
}

// The same for what moves bytes. True: it fails. Else *len is how many it may
// move.
static bool
moves_fail(const char *name, size_t *len)
{
    if (fails(name)) {
        return true;
    }
    if (calls != fails_at || *len == 0) {
        return false;
    }
    if (mode == IO_RIG_INTERRUPT) {
        failed = name;
        errno = EINTR;
        return true;
    }
    if (mode == IO_RIG_SHORT) {
        failed = name;
        *len = 1;
    }
    return false;
}

// X(result, name, parameters, arguments)
#define CALLS(X)                                                               \
    X(int, fstat, (int fd, struct stat *status), (fd, status))                 \
    X(int, stat, (const char *path, struct stat *status), (path, status))      \
    X(int, lstat, (const char *path, struct stat *status), (path, status))     \
    X(int, rename, (const char *from, const char *to), (from, to))             \
    X(int, link, (const char *from, const char *to), (from, to))               \
    X(int, mkdir, (const char *path, mode_t bits), (path, bits))               \
    X(int, fchmod, (int fd, mode_t bits), (fd, bits))                          \
    X(int, flock, (int fd, int how), (fd, how))

#define X(result, name, parameters, arguments)                                 \
    result __real_##name parameters;                                           \
    result __wrap_##name parameters;                                           \
    result __wrap_##name parameters                                            \
    {                                                                          \
        return fails(#name) ? -1 : __real_##name arguments;                    \
    }
CALLS(X)
#undef X

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
    struct stat status;

    if (fails("fsync")) {
        return -1;
    }
    if (__real_fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        directory_syncs++;
    } else {
        file_syncs++;
    }
    return __real_fsync(fd);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int
__wrap_fdatasync(int fd)
{
    if (fails("fdatasync")) {
        return -1;
    }
    file_syncs++;
    return __real_fdatasync(fd);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *
__wrap_opendir(const char *path)
{
    return fails("opendir") ? NULL : __real_opendir(path);
}

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);
struct dirent *
__wrap_readdir(DIR *dir)
{
    return fails("readdir") ? NULL : __real_readdir(dir);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int
__wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t bits;

    va_start(arguments, flags);
    bits = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails("open") ? -1 : __real_open(path, flags, bits);
}

int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int
__wrap_openat(int at, const char *path, int flags, ...)
{
    return fails("openat") ? -1 : __real_openat(at, path, flags);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return fails("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

// Not what wakes threads.
static bool
is_file(int fd)
{
    struct stat status;

    return __real_fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t
__wrap_read(int fd, void *bytes, size_t len)
{
    return is_file(fd) && moves_fail("read", &len)
               ? -1
               : __real_read(fd, bytes, len);
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
    return is_file(fd) && moves_fail("write", &len)
               ? -1
               : __real_write(fd, bytes, len);
}

ssize_t __real_pread(int fd, void *bytes, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at);
ssize_t
__wrap_pread(int fd, void *bytes, size_t len, off_t at)
{
    return moves_fail("pread", &len) ? -1 : __real_pread(fd, bytes, len, at);
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t
__wrap_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return moves_fail("pwrite", &len) ? -1 : __real_pwrite(fd, bytes, len, at);
}
