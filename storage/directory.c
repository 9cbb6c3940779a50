// SPDX-License-Identifier: Apache-2.0
//
// directory.c - make directory entries durable.
//
// Threads: any.

#include "storage/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
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

weft_err
wf_directory_sync_parent(const char *path)
{
    char *parent = wf_strdup(path);
    size_t len = strlen(parent);
    weft_err err;

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
    err = wf_directory_sync(len > 0 ? parent : ".");
    wf_free(parent);
    return err;
}

weft_err
wf_directory_make(const char *dir)
{
    if (mkdir(dir, 0755) == 0) {
        return wf_directory_sync_parent(dir);
    }
    if (errno != EEXIST) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    return WEFT_OK;
}
