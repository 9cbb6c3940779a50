// SPDX-License-Identifier: Apache-2.0
//
// directory.c - make directory entries durable, and see where a directory is.
//
// Threads: any.

#include "storage/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

weft_err
wf_directory_sync(const char *dir)
{
    weft_err err = WEFT_OK;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    if (fsync(fd) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    close(fd);
    return err;
}

// The directory that holds the entry; release with wf_free.
static char *
parent_of(const char *path)
{
    char *parent = wf_strdup(path);
    size_t len = strlen(parent);

    // Cut slashes at the end, the last name, and the slashes before it.
    while (len > 0 && parent[len - 1] == '/') {
        len--;
    }
    while (len > 0 && parent[len - 1] != '/') {
        len--;
    }
    while (len > 1 && parent[len - 1] == '/') {
        len--;
    }
    parent[len] = '\0';
    if (len == 0) {
        wf_free(parent);
        parent = wf_strdup(".");
    }
    return parent;
}

weft_err
wf_directory_sync_parent(const char *path)
{
    char *parent = parent_of(path);
    weft_err err = wf_directory_sync(parent);

    wf_free(parent);
    return err;
}

weft_err
wf_directory_make(const char *dir)
{
    char *parent;
    weft_err err = WEFT_OK;

    if (mkdir(dir, 0755) == 0) {
        return wf_directory_sync_parent(dir);
    }
    if (errno != EEXIST) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    // Who made it may have died before it was synced. If we may not even look
    // there, somebody else has made it for us.
    parent = parent_of(dir);
    if (access(parent, R_OK) == 0 || errno != EACCES) {
        err = wf_directory_sync(parent);
    }
    wf_free(parent);
    return err;
}

weft_err
wf_directory_check_absent(const char *path)
{
    struct stat status;

    if (lstat(path, &status) == 0) {
        return wf_error(WEFT_EEXISTS, "%s exists", path);
    }
    return errno == ENOENT
               ? WEFT_OK
               : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
}

weft_err
wf_directory_check_outside(const char *from, const char *to)
{
    struct wf_buf path = {0};
    struct stat inner;
    struct stat above;
    struct stat status = {0};
    size_t len = strlen(to);
    weft_err err = WEFT_OK;

    while (len > 1 && to[len - 1] == '/') {
        len--;
    }
    while (len > 0 && to[len - 1] != '/') {
        len--;
    }
    wf_buf_put(&path, len == 0 ? "." : to, len == 0 ? 1 : len);
    if (stat(from, &inner) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", from, strerror(errno));
    }
    while (err == WEFT_OK) {
        above = status;
        wf_buf_put_u8(&path, '\0');
        if (stat((const char *)path.data, &status) != 0) {
            err = wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO,
                           "%s: %s", (const char *)path.data, strerror(errno));
        } else if (status.st_dev == inner.st_dev &&
                   status.st_ino == inner.st_ino) {
            err = wf_error(WEFT_EINVAL, "%s is inside of %s", to, from);
        } else if (status.st_dev == above.st_dev &&
                   status.st_ino == above.st_ino) {
            break; // nothing is above the root
        }
        path.len--;
        wf_buf_put(&path, "/..", 3);
    }
    wf_buf_fini(&path);
    return err;
}

#define DEPTH_MAX 16 // directories in directories; deeper is no store

static void
remove_tree(const char *path, unsigned depth)
{
    const struct dirent *entry;
    DIR *dir;

    // Not a directory, or a link, which is not followed.
    if (unlink(path) == 0 || depth > DEPTH_MAX) {
        return;
    }
    dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            size_t size = strlen(path) + strlen(entry->d_name) + 2;
            char *inner = wf_alloc(size);

            (void)snprintf(inner, size, "%s/%s", path, entry->d_name);
            remove_tree(inner, depth + 1);
            wf_free(inner);
        }
    }
    closedir(dir);
    rmdir(path);
}

void
wf_directory_remove(const char *path)
{
    remove_tree(path, 0);
}
