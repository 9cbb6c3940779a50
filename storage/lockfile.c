// SPDX-License-Identifier: Apache-2.0
//
// lockfile.c - is a store directory held by somebody?
//
// RocksDB takes the lock itself; here is only what must be known to look at it
// without losing it. The list is short (one entry per open store) and global,
// because the locks it speaks of are the process's. It is filled before the
// lock is taken and emptied after it is given back.
//
// Threads: any; `held_lock` guards the list, and a look at a LOCK file happens
// under it, so that nobody takes the lock between the look and its close.

#include "storage/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

#define PATH_BYTES 4096

struct wf_lockfile {
    struct wf_lockfile *next;
    dev_t device; // of the directory
    ino_t inode;
};

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wf_lockfile *held_first;

static bool
is_held_here(const struct stat *status)
{
    const struct wf_lockfile *lock = held_first;

    while (lock != NULL &&
           (lock->device != status->st_dev || lock->inode != status->st_ino)) {
        lock = lock->next;
    }
    return lock != NULL;
}

// Ask the system who holds LOCK. Never called for a directory that is held
// here: closing the file would release it.
static weft_err
ask_system(const char *dir)
{
    struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_BYTES];
    weft_err err = WEFT_OK;
    int len = snprintf(path, sizeof(path), "%s/LOCK", dir);
    int fd;

    if ((size_t)len >= sizeof(path)) {
        return wf_error(WEFT_EINVAL, "%s: the path is too long", dir);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return WEFT_OK;
    }
    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    if (fcntl(fd, F_GETLK, &request) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else if (request.l_type != F_UNLCK) {
        err = wf_error(WEFT_EBUSY, "%s is held by another process, %ld", dir,
                       (long)request.l_pid);
    }
    close(fd);
    return err;
}

weft_err
wf_lockfile_check(const char *dir)
{
    struct stat status;
    weft_err err;

    if (stat(dir, &status) != 0) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    pthread_mutex_lock(&held_lock);
    if (is_held_here(&status)) {
        err = wf_error(WEFT_EBUSY, "%s is held by this process", dir);
    } else {
        err = ask_system(dir);
    }
    pthread_mutex_unlock(&held_lock);
    return err;
}

weft_err
wf_lockfile_hold(const char *dir, struct wf_lockfile **out_lock)
{
    struct wf_lockfile *lock = NULL;
    struct stat status;
    weft_err err = WEFT_OK;

    if (stat(dir, &status) != 0) {
        return wf_error(WEFT_EIO, "%s: %s", dir, strerror(errno));
    }
    pthread_mutex_lock(&held_lock);
    if (is_held_here(&status)) {
        err = wf_error(WEFT_EBUSY, "%s is held by this process", dir);
        goto out;
    }
    lock = wf_alloc(sizeof(*lock));
    lock->device = status.st_dev;
    lock->inode = status.st_ino;
    lock->next = held_first;
    held_first = lock;
    *out_lock = lock;

out:
    pthread_mutex_unlock(&held_lock);
    return err;
}

void
wf_lockfile_release(struct wf_lockfile *lock)
{
    struct wf_lockfile **at = &held_first;

    if (lock == NULL) {
        return;
    }
    pthread_mutex_lock(&held_lock);
    while (*at != lock) {
        at = &(*at)->next;
    }
    *at = lock->next;
    pthread_mutex_unlock(&held_lock);
    wf_free(lock);
}
