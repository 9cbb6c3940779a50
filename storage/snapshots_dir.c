// SPDX-License-Identifier: Apache-2.0
//
// snapshots_dir.c - files of snapshots in a directory that every node reaches.
//
//     PATH/CLUSTER/HASH           a file; its time is when it was put last
//     PATH/CLUSTER/HASH.NUMBER    one that is being written
//     PATH/CLUSTER/now            touched, to learn the file system's time
//
// CLUSTER and HASH are hexadecimal. Names that are none of these are somebody
// else's and stay. Ages are by the file system's own clock: the machine that
// has it may be another one.
//
// Between looking at a file's time and removing it somebody may put it anew;
// who puts looks once more when its manifest counts (snapshotter.c).
//
// Threads: as snapshots.h says.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "storage/directory.h"
#include "storage/snapshots.h"

#define HEX_CHARS (2 * WF_SNAPSHOTS_HASH_BYTES)

struct wf_snapshots_dir {
    char *dir;
    atomic_bool is_stopped;
};

static weft_err put(void *self, const struct wf_snapshots_file *file,
                    const char *path, bool *out_is_new);
static weft_err has(void *self, const struct wf_snapshots_file *file,
                    bool *out_has);
static weft_err get(void *self, const struct wf_snapshots_file *file,
                    const char *path);
static weft_err list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn,
                     void *ctx);
static weft_err remove_file(void *self, const uint8_t *hash, uint64_t age_ms);
static void stop(void *self);
static void close_dir(void *self);

static const struct wf_snapshots_ops dir_ops = {
    .put = put,
    .has = has,
    .get = get,
    .list = list,
    .remove = remove_file,
    .stop = stop,
    .close = close_dir,
};

// Release with wf_free.
static char *
path_of(const struct wf_snapshots_dir *snapshots, const char *name)
{
    size_t size = strlen(snapshots->dir) + strlen(name) + 2;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s", snapshots->dir, name);
    return path;
}

static char *
path_of_hash(const struct wf_snapshots_dir *snapshots, const uint8_t *hash)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];

    wf_snapshots_hex(hash, hex);
    return path_of(snapshots, hex);
}

static weft_err
errno_of(const char *path)
{
    return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
}

static weft_err
check(const struct wf_snapshots_dir *snapshots)
{
    return atomic_load(&snapshots->is_stopped)
               ? wf_error(WEFT_EIO, "%s: stopped", snapshots->dir)
               : WEFT_OK;
}

// The file system's time.
static weft_err
read_time(const struct wf_snapshots_dir *snapshots, struct timespec *out_time)
{
    char *path = path_of(snapshots, "now");
    struct stat status;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    weft_err err = WEFT_OK;

    if (fd < 0 || futimens(fd, NULL) != 0 || fstat(fd, &status) != 0) {
        err = errno_of(path);
    } else {
        *out_time = status.st_mtim;
    }
    if (fd >= 0) {
        close(fd);
    }
    wf_free(path);
    return err;
}

weft_err
wf_snapshots_dir_open(const char *path, const uint8_t cluster_id[16],
                      struct wf_snapshots *out_snapshots)
{
    struct wf_snapshots_dir *snapshots = wf_calloc(sizeof(*snapshots));
    size_t size = strlen(path) + 34;
    struct timespec now;
    size_t len;
    weft_err err;

    snapshots->dir = wf_alloc(size);
    len = (size_t)snprintf(snapshots->dir, size, "%s/", path);
    for (size_t i = 0; i < 16; i++) {
        len += (size_t)snprintf(snapshots->dir + len, size - len, "%02x",
                                cluster_id[i]);
    }
    err = wf_directory_make(snapshots->dir);
    if (err == WEFT_OK) {
        err = read_time(snapshots, &now); // can it be written to?
    }
    if (err != WEFT_OK) {
        close_dir(snapshots);
        return WEFT_EIO;
    }
    out_snapshots->ops = &dir_ops;
    out_snapshots->self = snapshots;
    return WEFT_OK;
}

static void
stop(void *self)
{
    atomic_store(&((struct wf_snapshots_dir *)self)->is_stopped, true);
}

static void
close_dir(void *self)
{
    struct wf_snapshots_dir *snapshots = self;

    wf_free(snapshots->dir);
    wf_free(snapshots);
}

// By its length: get looks at the bytes.
static bool
is_there(const char *path, const struct wf_snapshots_file *file)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           (uint64_t)status.st_size == file->bytes;
}

static weft_err
write_new(const struct wf_snapshots_file *file, const char *from,
          const char *to)
{
    size_t size = strlen(to) + 24;
    char *made = wf_alloc(size);
    weft_err err;

    (void)snprintf(made, size, "%s.%" PRIx64, to, wf_random_os_seed());
    err = wf_snapshots_copy(file, from, made);
    if (err == WEFT_OK && rename(made, to) != 0) {
        err = errno_of(to);
        (void)unlink(made);
    }
    if (err == WEFT_OK) {
        err = wf_directory_sync_parent(to);
    }
    wf_free(made);
    return err;
}

static weft_err
put(void *self, const struct wf_snapshots_file *file, const char *path,
    bool *out_is_new)
{
    struct wf_snapshots_dir *snapshots = self;
    char *to = path_of_hash(snapshots, file->hash);
    weft_err err = check(snapshots);

    *out_is_new = false;
    if (err != WEFT_OK) {
        goto out;
    }
    // One that was removed just now is not there any more, and put.
    if (is_there(to, file) && utimensat(AT_FDCWD, to, NULL, 0) == 0) {
        // Who put it before may not have got so far.
        err = wf_directory_sync(snapshots->dir);
    } else {
        err = write_new(file, path, to);
        *out_is_new = err == WEFT_OK;
    }

out:
    wf_free(to);
    return err;
}

static weft_err
has(void *self, const struct wf_snapshots_file *file, bool *out_has)
{
    struct wf_snapshots_dir *snapshots = self;
    char *path = path_of_hash(snapshots, file->hash);
    weft_err err = check(snapshots);

    *out_has = false;
    if (err == WEFT_OK) {
        err = wf_directory_check_absent(path);
        *out_has = is_there(path, file);
    }
    wf_free(path);
    return err == WEFT_EEXISTS ? WEFT_OK : err;
}

static weft_err
get(void *self, const struct wf_snapshots_file *file, const char *path)
{
    struct wf_snapshots_dir *snapshots = self;
    char *from = path_of_hash(snapshots, file->hash);
    weft_err err = check(snapshots);

    if (err == WEFT_OK) {
        err = wf_snapshots_copy(file, from, path);
    }
    wf_free(from);
    return err;
}

// Age. ------------------------------------------------------------------------

static bool
is_old(const char *path, struct timespec now, uint64_t age_ms)
{
    struct stat status;
    int64_t ms;

    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    ms = ((int64_t)now.tv_sec - (int64_t)status.st_mtim.tv_sec) * 1000 +
         (now.tv_nsec - status.st_mtim.tv_nsec) / 1000000;
    return ms >= 0 && (uint64_t)ms >= age_ms;
}

// Is it HASH, or HASH.NUMBER?
static bool
read_name(const char *name, uint8_t out_hash[WF_SNAPSHOTS_HASH_BYTES],
          bool *out_is_half)
{
    if (!wf_snapshots_read_hex(weft_bytes_of(name, strlen(name)), out_hash)) {
        return false;
    }
    *out_is_half = name[HEX_CHARS] == '.';
    return *out_is_half || name[HEX_CHARS] == '\0';
}

static void
list_one(const struct wf_snapshots_dir *snapshots, const char *name,
         struct timespec now, uint64_t age_ms, wf_snapshots_list_fn *fn,
         void *ctx)
{
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];
    bool is_half;
    char *path;

    if (!read_name(name, hash, &is_half)) {
        return;
    }
    path = path_of(snapshots, name);
    if (is_old(path, now, age_ms) && is_half) {
        (void)unlink(path); // of a process that ended
    } else if (is_old(path, now, age_ms)) {
        fn(ctx, hash);
    }
    wf_free(path);
}

static weft_err
list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn, void *ctx)
{
    struct wf_snapshots_dir *snapshots = self;
    const struct dirent *entry;
    struct timespec now;
    weft_err err = check(snapshots);
    DIR *dir;

    if (err == WEFT_OK) {
        err = read_time(snapshots, &now);
    }
    if (err != WEFT_OK) {
        return err;
    }
    dir = opendir(snapshots->dir);
    if (dir == NULL) {
        return errno_of(snapshots->dir);
    }
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        list_one(snapshots, entry->d_name, now, age_ms, fn, ctx);
        errno = 0;
    }
    if (errno != 0) {
        err = errno_of(snapshots->dir);
    }
    closedir(dir);
    return err;
}

static weft_err
remove_file(void *self, const uint8_t *hash, uint64_t age_ms)
{
    struct wf_snapshots_dir *snapshots = self;
    char *path = path_of_hash(snapshots, hash);
    struct timespec now;
    weft_err err = check(snapshots);

    if (err == WEFT_OK) {
        err = read_time(snapshots, &now);
    }
    if (err == WEFT_OK && is_old(path, now, age_ms) && unlink(path) != 0 &&
        errno != ENOENT) {
        err = errno_of(path);
    }
    wf_free(path);
    return err;
}
