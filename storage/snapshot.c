// SPDX-License-Identifier: Apache-2.0
//
// snapshot.c - copies of stopped store directories.
//
// Files are copied by read and write, never linked: a store changes some of
// its files in place, and a copy must not see that. Every file is synced, then
// its directory, and at the end the directory that holds the copy.
//
// LOCK is not even opened: closing it would release the lock, if this process
// held the store (see lockfile.h).
//
// Threads: any.

#include "storage/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "storage/control.h"
#include "storage/directory.h"
#include "storage/lockfile.h"

#define COPY_BYTES (256U << 10)
#define DEPTH_MAX 16 // directories in directories; deeper is no store

static weft_err copy_tree(const char *from, const char *to, unsigned depth);
static char *join(const char *dir, const char *name);

weft_err
wf_snapshot_copy_dir(const char *from, const char *to)
{
    struct stat status;
    char *partial;
    weft_err err = wf_directory_check_absent(to);

    if (err != WEFT_OK) {
        return err;
    }
    if (stat(from, &status) != 0) {
        return wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO, "%s: %s",
                        from, strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
        return wf_error(WEFT_EINVAL, "%s is not a directory", from);
    }

    partial = join(to, NULL);
    wf_directory_remove(partial);
    err = copy_tree(from, partial, 0);
    if (err == WEFT_OK && rename(partial, to) != 0) {
        err = wf_error(errno == EEXIST || errno == ENOTEMPTY ? WEFT_EEXISTS
                                                             : WEFT_EIO,
                       "%s: %s", to, strerror(errno));
    }
    if (err != WEFT_OK) {
        wf_directory_remove(partial);
        goto out;
    }
    err = wf_directory_sync_parent(to);
    // Never a part of a copy under its name.
    if (err != WEFT_OK && rename(to, partial) == 0) {
        wf_directory_remove(partial);
    }

out:
    wf_free(partial);
    return err;
}

// "dir/name", or without a name "dir.partial", whatever slashes dir ends with.
static char *
join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    size_t size = len + (name == NULL ? 0 : strlen(name)) + sizeof(".partial");
    char *path = wf_alloc(size);

    while (len > 1 && dir[len - 1] == '/') {
        len--;
    }
    if (name == NULL) {
        snprintf(path, size, "%.*s.partial", (int)len, dir);
    } else {
        snprintf(path, size, "%.*s/%s", (int)len, dir, name);
    }
    return path;
}

// Read once and write all of it. *out_is_end: there was nothing left.
static weft_err
copy_block(int from_fd, int to_fd, const char *from, const char *to,
           uint8_t *block, bool *out_is_end)
{
    ssize_t got;
    ssize_t done = 0;

    do {
        got = read(from_fd, block, COPY_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
    }
    *out_is_end = got == 0;
    while (done < got) {
        ssize_t put = write(to_fd, block + done, (size_t)(got - done));
        if (put < 0 && errno != EINTR) {
            return wf_error(WEFT_EIO, "%s: %s", to, strerror(errno));
        }
        done += put > 0 ? put : 0;
    }
    return WEFT_OK;
}

static weft_err
copy_file(const char *from, const char *to, mode_t mode)
{
    uint8_t *block = wf_alloc(COPY_BYTES);
    bool is_end = false;
    int from_fd = -1;
    int to_fd = -1;
    weft_err err = WEFT_OK;

    from_fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from_fd < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
        goto out;
    }
    to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    if (to_fd < 0) {
        err = wf_error(WEFT_EIO, "%s: %s", to, strerror(errno));
        goto out;
    }
    while (err == WEFT_OK && !is_end) {
        err = copy_block(from_fd, to_fd, from, to, block, &is_end);
    }
    if (err == WEFT_OK && fsync(to_fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", to, strerror(errno));
    }

out:
    if (from_fd >= 0) {
        close(from_fd);
    }
    if (to_fd >= 0) {
        close(to_fd);
    }
    wf_free(block);
    return err;
}

static weft_err
copy_entry(const char *from_dir, const char *to_dir, const char *name,
           unsigned depth)
{
    char *from = join(from_dir, name);
    char *to = join(to_dir, name);
    struct stat status;
    weft_err err;

    if (lstat(from, &status) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        err = copy_tree(from, to, depth + 1);
    } else if (S_ISREG(status.st_mode)) {
        err = copy_file(from, to, status.st_mode);
    } else {
        err = wf_error(WEFT_EINVAL, "%s is neither file nor directory", from);
    }
    wf_free(from);
    wf_free(to);
    return err;
}

static bool
is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static weft_err
copy_tree(const char *from, const char *to, unsigned depth)
{
    const struct dirent *entry;
    DIR *dir = NULL;
    weft_err err;

    if (depth > DEPTH_MAX) {
        return wf_error(WEFT_EINVAL, "%s: too deep for a store", from);
    }
    err = wf_lockfile_check(from);
    if (err != WEFT_OK) {
        return err;
    }
    dir = opendir(from);
    if (dir == NULL) {
        return wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
    }
    err = wf_directory_make(to);
    errno = 0;
    while (err == WEFT_OK && (entry = readdir(dir)) != NULL) {
        if (!is_dots(entry->d_name) && strcmp(entry->d_name, "LOCK") != 0 &&
            !(depth == 0 && wf_control_is_name(entry->d_name))) {
            err = copy_entry(from, to, entry->d_name, depth);
        }
        errno = 0;
    }
    if (err == WEFT_OK && errno != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
    }
    closedir(dir);
    if (err == WEFT_OK) {
        err = wf_directory_sync(to);
    }
    return err;
}
