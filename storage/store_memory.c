// SPDX-License-Identifier: Apache-2.0
//
// store_memory.c - a store in memory, for tests: it can crash and fail.
//
// The disk has two versions of every column family: `written`, which is what
// calls see, and `synced`, which is what a power cut leaves. A synced write
// makes them equal; a crash goes back. Both are versions of sorted.h, so
// neither costs a copy. There is no time and no randomness here: the same calls
// give the same answers.
//
//     write --> written --(sync)--> synced
//                  ^                   |
//                  +------(crash)------+
//
// Threads: `lock` of the disk guards everything; a scan holds a version and no
// lock, so its callback may call the store, even write to it.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/directory.h"
#include "storage/file.h"
#include "storage/sorted.h"
#include "storage/store.h"

struct wf_memory_disk {
    pthread_mutex_t lock;
    struct wf_sorted *written[WF_CF_COUNT];
    struct wf_sorted *synced[WF_CF_COUNT];
    uint64_t generation; // counts crashes: stores of older ones are closed
    uint32_t handles;    // stores not yet closed, of any generation
    bool is_held;        // one of them is of this generation
    // The failure to come; WEFT_OK is none.
    weft_err fail_err;
    uint32_t fail_skip;
    bool fail_is_applied;
};

struct wf_store_memory {
    struct wf_memory_disk *disk;
    uint64_t generation;
    bool has_failed;
};

static weft_err write_batch(void *self, const struct wf_batch *batch,
                            bool sync);
static weft_err get_row(void *self, enum wf_cf cf, weft_bytes key,
                        struct wf_buf *out_value);
static weft_err scan_rows(void *self, enum wf_cf cf, weft_bytes from,
                          weft_bytes to, wf_scan_fn *fn, void *ctx);
static weft_err flush_rows(void *self);
static weft_err checkpoint(void *self, const char *dir);
static weft_err verify(void *self);
static void close_store(void *self);

static const struct wf_store_ops memory_ops = {
    .write = write_batch,
    .get = get_row,
    .scan = scan_rows,
    .flush = flush_rows,
    .checkpoint = checkpoint,
    .verify = verify,
    .close = close_store,
};

struct wf_memory_disk *
wf_memory_disk_create(void)
{
    struct wf_memory_disk *disk = wf_calloc(sizeof(*disk));

    WF_ASSERT(pthread_mutex_init(&disk->lock, NULL) == 0);
    return disk;
}

void
wf_memory_disk_destroy(struct wf_memory_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    WF_ASSERT(disk->handles == 0);
    for (int cf = 0; cf < WF_CF_COUNT; cf++) {
        wf_sorted_release(disk->written[cf]);
        wf_sorted_release(disk->synced[cf]);
    }
    pthread_mutex_destroy(&disk->lock);
    wf_free(disk);
}

// Make *to the version that `from` is.
static void
take_version(struct wf_sorted **to, struct wf_sorted *from)
{
    struct wf_sorted *old = *to;

    *to = wf_sorted_share(from);
    wf_sorted_release(old);
}

static void
sync_disk(struct wf_memory_disk *disk)
{
    for (int cf = 0; cf < WF_CF_COUNT; cf++) {
        take_version(&disk->synced[cf], disk->written[cf]);
    }
}

void
wf_memory_disk_crash(struct wf_memory_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    for (int cf = 0; cf < WF_CF_COUNT; cf++) {
        take_version(&disk->written[cf], disk->synced[cf]);
    }
    disk->generation++;
    disk->is_held = false;
    disk->fail_err = WEFT_OK;
    pthread_mutex_unlock(&disk->lock);
}

void
wf_memory_disk_fail_write(struct wf_memory_disk *disk, uint32_t skip,
                          weft_err err, bool is_applied)
{
    WF_ASSERT(err == WEFT_OK || err == WEFT_EIO || err == WEFT_EBUSY);
    WF_ASSERT(!is_applied || err == WEFT_EIO);

    pthread_mutex_lock(&disk->lock);
    disk->fail_err = err;
    disk->fail_skip = skip;
    disk->fail_is_applied = is_applied;
    pthread_mutex_unlock(&disk->lock);
}

weft_err
wf_store_memory_open(struct wf_memory_disk *disk, struct wf_store *out_store)
{
    struct wf_store_memory *store = NULL;
    weft_err err = WEFT_OK;

    pthread_mutex_lock(&disk->lock);
    if (disk->is_held) {
        err = wf_error(WEFT_EBUSY, "memory store: it is open already");
        goto out;
    }
    store = wf_calloc(sizeof(*store));
    store->disk = disk;
    store->generation = disk->generation;
    disk->is_held = true;
    disk->handles++;
    out_store->ops = &memory_ops;
    out_store->self = store;

out:
    pthread_mutex_unlock(&disk->lock);
    return err;
}

static void
close_store(void *self)
{
    struct wf_store_memory *store = self;
    struct wf_memory_disk *disk = store->disk;

    pthread_mutex_lock(&disk->lock);
    if (store->generation == disk->generation) {
        disk->is_held = false;
    }
    disk->handles--;
    pthread_mutex_unlock(&disk->lock);
    wf_free(store);
}

// Under the disk's lock.
static weft_err
check_open(const struct wf_store_memory *store)
{
    if (store->has_failed || store->generation != store->disk->generation) {
        return wf_error(WEFT_ECLOSED, "memory store: it %s; open it anew",
                        store->has_failed ? "failed a write" : "crashed");
    }
    return WEFT_OK;
}

static void
apply_batch(struct wf_memory_disk *disk, const struct wf_batch *batch)
{
    enum wf_batch_op op;
    enum wf_cf cf;
    weft_bytes key;
    weft_bytes value;
    size_t at = 0;

    while (wf_batch_next(batch, &at, &op, &cf, &key, &value)) {
        struct wf_sorted **rows = &disk->written[cf];

        switch (op) {
        case WF_BATCH_PUT:
            *rows = wf_sorted_put(*rows, key, value);
            break;
        case WF_BATCH_DELETE:
            *rows = wf_sorted_delete(*rows, key);
            break;
        case WF_BATCH_DELETE_RANGE:
            *rows = wf_sorted_delete_range(*rows, key, value);
            break;
        }
    }
}

// What the armed failure says about this write; it fails once.
static weft_err
pass_failure(struct wf_memory_disk *disk)
{
    weft_err err = disk->fail_err;

    if (err == WEFT_OK) {
        return WEFT_OK;
    }
    if (disk->fail_skip > 0) {
        disk->fail_skip--;
        return WEFT_OK;
    }
    disk->fail_err = WEFT_OK;
    return err;
}

static weft_err
write_batch(void *self, const struct wf_batch *batch, bool sync)
{
    struct wf_store_memory *store = self;
    struct wf_memory_disk *disk = store->disk;
    weft_err err;

    pthread_mutex_lock(&disk->lock);
    err = check_open(store);
    if (err != WEFT_OK) {
        goto out;
    }
    err = pass_failure(disk);
    if (err == WEFT_EBUSY) {
        err = wf_error(err, "memory store: a stall was asked for");
        goto out;
    }
    if (err == WEFT_OK || disk->fail_is_applied) {
        apply_batch(disk, batch);
    }
    if (err == WEFT_OK ? sync : disk->fail_is_applied) {
        sync_disk(disk);
    }
    if (err != WEFT_OK) {
        store->has_failed = true;
        err = wf_error(err, "memory store: a failed write was asked for");
    }

out:
    pthread_mutex_unlock(&disk->lock);
    return err;
}

static weft_err
get_row(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    struct wf_store_memory *store = self;
    struct wf_memory_disk *disk = store->disk;
    weft_bytes value;
    weft_err err;

    WF_ASSERT(cf < WF_CF_COUNT);
    wf_buf_reset(out_value);
    pthread_mutex_lock(&disk->lock);
    err = check_open(store);
    if (err != WEFT_OK) {
        goto out;
    }
    if (!wf_sorted_find(disk->written[cf], key, &value)) {
        err = WEFT_ENOTFOUND;
        goto out;
    }
    wf_buf_put(out_value, value.data, value.len);

out:
    pthread_mutex_unlock(&disk->lock);
    return err;
}

static weft_err
scan_rows(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
          wf_scan_fn *fn, void *ctx)
{
    struct wf_store_memory *store = self;
    struct wf_memory_disk *disk = store->disk;
    struct wf_sorted *rows = NULL;
    weft_err err;

    WF_ASSERT(cf < WF_CF_COUNT);
    pthread_mutex_lock(&disk->lock);
    err = check_open(store);
    if (err == WEFT_OK) {
        rows = wf_sorted_share(disk->written[cf]);
    }
    pthread_mutex_unlock(&disk->lock);

    wf_sorted_walk(rows, from, to, fn, ctx);

    pthread_mutex_lock(&disk->lock);
    wf_sorted_release(rows);
    pthread_mutex_unlock(&disk->lock);
    return err;
}

// Like the real one, which syncs the write-ahead log when it flushes: nothing
// that was written before is lost any more, in whatever column family.
static weft_err
flush_rows(void *self)
{
    struct wf_store_memory *store = self;
    struct wf_memory_disk *disk = store->disk;
    weft_err err;

    pthread_mutex_lock(&disk->lock);
    err = check_open(store);
    if (err == WEFT_OK) {
        sync_disk(disk);
    }
    pthread_mutex_unlock(&disk->lock);
    return err;
}

// Checkpoints: a file for each column family, of keys and values. -------------

static const char *const cf_names[WF_CF_COUNT] = {"log", "data", "meta"};

static bool
put_row(void *ctx, weft_bytes key, weft_bytes value)
{
    wf_buf_put_bytes(ctx, key);
    wf_buf_put_bytes(ctx, value);
    return true;
}

static weft_err
write_cf(const char *dir, enum wf_cf cf, const struct wf_buf *rows)
{
    char path[4096];
    weft_err err;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, cf_names[cf]);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    err = wf_file_write(fd, path, wf_buf_bytes(rows), 0);
    close(fd);
    return err;
}

static weft_err
checkpoint(void *self, const char *dir)
{
    struct wf_store_memory *store = self;
    weft_err err;

    pthread_mutex_lock(&store->disk->lock);
    err = check_open(store);
    if (err == WEFT_OK) {
        err = wf_directory_check_absent(dir);
    }
    if (err == WEFT_OK) {
        err = wf_directory_make(dir);
    }
    for (int cf = 0; err == WEFT_OK && cf < WF_CF_COUNT; cf++) {
        struct wf_buf rows = {0};

        wf_sorted_walk(store->disk->written[cf], weft_bytes_of(NULL, 0),
                       weft_bytes_of(NULL, 0), put_row, &rows);
        err = write_cf(dir, (enum wf_cf)cf, &rows);
        wf_buf_fini(&rows);
    }
    pthread_mutex_unlock(&store->disk->lock);
    return err;
}

static weft_err
read_cf(const char *dir, enum wf_cf cf, struct wf_buf *out_rows)
{
    char path[4096];
    struct stat status;
    weft_err err;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, cf_names[cf]);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        err = wf_error(WEFT_ECORRUPT, "%s: %s", path, strerror(errno));
    } else {
        wf_buf_reserve(out_rows, (size_t)status.st_size);
        err = wf_file_read(fd, path, out_rows->data, (size_t)status.st_size,
                           &out_rows->len);
    }
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

weft_err
wf_memory_disk_load(struct wf_memory_disk *disk, const char *dir)
{
    weft_err err = WEFT_OK;

    for (int cf = 0; err == WEFT_OK && cf < WF_CF_COUNT; cf++) {
        struct wf_buf rows = {0};
        struct wf_reader reader;

        err = read_cf(dir, (enum wf_cf)cf, &rows);
        reader = wf_reader_of(wf_buf_bytes(&rows));
        while (err == WEFT_OK && wf_reader_left(&reader) > 0) {
            weft_bytes key = wf_reader_bytes(&reader);
            weft_bytes value = wf_reader_bytes(&reader);

            disk->written[cf] = wf_sorted_put(disk->written[cf], key, value);
            err = reader.failed ? WEFT_ECORRUPT : WEFT_OK;
        }
        wf_buf_fini(&rows);
    }
    sync_disk(disk);
    return err;
}

static weft_err
verify(void *self)
{
    struct wf_store_memory *store = self;
    weft_err err;

    pthread_mutex_lock(&store->disk->lock);
    err = check_open(store);
    pthread_mutex_unlock(&store->disk->lock);
    return err;
}
