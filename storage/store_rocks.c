// SPDX-License-Identifier: Apache-2.0
//
// store_rocks.c - the store on RocksDB 7.8, through its C API. Nothing but this
// and rocks_options.c, where its options and their reasons are, names RocksDB.
//
// What RocksDB does at open, and what we make of it:
//
//   WAL ends in half a record   a crash: the record was never acknowledged.
//                               Recovery mode 0 drops it
//   a hole in its last record   a power cut: the same. Mode 0 would refuse it,
//                               so we look first (wal.h): mode 2 drops it
//   WAL cut at a record's end,  RocksDB sees nothing: beacon.h does
//   or a file of it missing
//   WAL damaged before its end  mode 0 refuses: WEFT_ECORRUPT
//   table file missing or of    refused: WEFT_ECORRUPT
//   another size
//   CURRENT missing, disk full  we look first (rocks_files.c): WEFT_ECORRUPT,
//                               WEFT_EFULL
//   LOCK held                   WEFT_EBUSY
//
// A failed write or flush leaves a store that answers nothing more: the bytes
// may be on the disk or not, and what RocksDB shows now is not what it will
// show after it was opened again.
//
// Threads: `write_lock` guards the batch that is kept between writes; the rest
// is RocksDB's own.

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/fault.h"
#include "storage/directory.h"
#include "storage/lockfile.h"
#include "storage/rocks_archive.h"
#include "storage/rocks_files.h"
#include "storage/rocks_options.h"
#include "storage/rocks_records.h"
#include "storage/rocks_tables.h"
#include "storage/rocks_threads.h"
#include "storage/store.h"
#include "storage/wal.h"

struct wf_store_rocks {
    char *dir;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[WF_ROCKS_FAMILIES];
    struct wf_rocks_options options;
    rocksdb_writeoptions_t *write_synced;
    rocksdb_writeoptions_t *write_unsynced;
    rocksdb_readoptions_t *read_options; // of get
    struct wf_lockfile *lock;
    bool is_read_only;
    uint32_t shares;        // of memory
    bool is_torn;           // its log ends in a write that a power cut stopped
    atomic_bool has_failed; // a write's or flush's outcome is not known
    char *failure;          // of the first that failed; set before

    struct wf_rocks_archive archive;
    pthread_mutex_t archive_lock; // a checkpoint looks into it, too

    pthread_mutex_t write_lock;
    rocksdb_writebatch_t *batch; // its memory is kept between writes
};

static weft_err write_batch(void *self, const struct wf_batch *batch,
                            bool sync);
static weft_err get_row(void *self, enum wf_cf cf, weft_bytes key,
                        struct wf_buf *out_value);
static weft_err scan_rows(void *self, enum wf_cf cf, weft_bytes from,
                          weft_bytes to, wf_scan_fn *fn, void *ctx);
static weft_err flush_rows(void *self);
static bool sweep(void *self);
static weft_err checkpoint(void *self, const char *dir);
static weft_err verify(void *self);
static void close_store(void *self);

static rocksdb_readoptions_t *create_read_options(void);
static weft_err open_database(struct wf_store_rocks *store);

static const struct wf_store_ops rocks_ops = {
    .write = write_batch,
    .get = get_row,
    .scan = scan_rows,
    .flush = flush_rows,
    .sweep = sweep,
    .checkpoint = checkpoint,
    .verify = verify,
    .close = close_store,
};

weft_err
wf_store_rocks_open(const char *dir, bool is_read_only,
                    struct wf_store *out_store)
{
    return wf_store_rocks_open_share(dir, is_read_only, 1, out_store);
}

weft_err
wf_store_rocks_open_share(const char *dir, bool is_read_only, uint32_t shares,
                          struct wf_store *out_store)
{
    struct wf_store_rocks *store = wf_calloc(sizeof(*store));
    weft_err err;

    store->dir = wf_strdup(dir);
    store->is_read_only = is_read_only;
    store->shares = shares;
    store->batch = rocksdb_writebatch_create();
    // A stall is answered, never waited for.
    store->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(store->write_synced, 1);
    rocksdb_writeoptions_set_no_slowdown(store->write_synced, 1);
    store->write_unsynced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_no_slowdown(store->write_unsynced, 1);
    store->read_options = create_read_options();
    WF_ASSERT(pthread_mutex_init(&store->write_lock, NULL) == 0);
    WF_ASSERT(pthread_mutex_init(&store->archive_lock, NULL) == 0);
    wf_rocks_archive_init(&store->archive, dir);

    err = wf_rocks_files_check(dir, is_read_only);
    if (err == WEFT_OK) {
        err = wf_rocks_records_check(dir);
    }
    if (err == WEFT_OK) {
        err = wf_rocks_tables_check(dir, false);
    }
    if (err != WEFT_OK) {
        goto out;
    }
    // Reading takes no lock, but what it reads must hold still.
    err = is_read_only ? wf_lockfile_check(dir)
                       : wf_lockfile_hold(dir, &store->lock);
    if (err != WEFT_OK) {
        goto out;
    }
    err = open_database(store);
    if (err != WEFT_OK) {
        goto out;
    }
    out_store->ops = &rocks_ops;
    out_store->self = store;
    store = NULL;

out:
    if (store != NULL) {
        close_store(store);
    }
    return err;
}

static void
close_store(void *self)
{
    struct wf_store_rocks *store = self;

    rocksdb_writebatch_destroy(store->batch);
    if (store->db != NULL) {
        for (int i = 0; i < WF_ROCKS_FAMILIES; i++) {
            rocksdb_column_family_handle_destroy(store->families[i]);
        }
        rocksdb_close(store->db);
        if (!store->is_read_only) {
            wf_rocks_archive_clear(&store->archive);
        }
    }
    rocksdb_writeoptions_destroy(store->write_synced);
    rocksdb_writeoptions_destroy(store->write_unsynced);
    rocksdb_readoptions_destroy(store->read_options);
    wf_rocks_options_fini(&store->options);
    wf_lockfile_release(store->lock);
    pthread_mutex_destroy(&store->write_lock);
    pthread_mutex_destroy(&store->archive_lock);
    wf_rocks_archive_fini(&store->archive);
    wf_free(store->failure);
    wf_free(store->dir);
    wf_free(store);
}

static bool
has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Turn RocksDB's words into ours, and free them.
static weft_err
take_error(const struct wf_store_rocks *store, const char *what, char *text)
{
    char *name = strstr(text, ".ldb: ");
    weft_err err = WEFT_EIO;

    // Of a missing table it tells the last name it tried, an old one.
    if (name != NULL) {
        // The text goes on. NOLINTNEXTLINE(bugprone-not-null-terminated-result)
        memcpy(name, ".sst", 4);
    }
    if (has_prefix(text, "Corruption: ")) {
        err = WEFT_ECORRUPT;
    } else if (has_prefix(text, "Result incomplete: ")) {
        err = WEFT_EBUSY;
    } else if (strstr(text, "/LOCK: ") != NULL) {
        err = WEFT_EBUSY;
    } else if (strstr(text, "olumn famil") != NULL) {
        err = WEFT_EFORMAT; // there are some that we do not know
    }
    err = wf_error(err, "%s: %s: %s%s", store->dir, what,
                   err == WEFT_EBUSY && store->db == NULL
                       ? "held by another process: "
                       : "",
                   text);
    rocksdb_free(text);
    return err;
}

static weft_err
check_usable(struct wf_store_rocks *store)
{
    if (atomic_load_explicit(&store->has_failed, memory_order_acquire)) {
        return wf_error(WEFT_ECLOSED,
                        "%s: an earlier write failed; open it anew: %s",
                        store->dir, store->failure);
    }
    return WEFT_OK;
}

// What the error's detail says is kept: later calls fail for no other reason.
static void
fence(struct wf_store_rocks *store)
{
    pthread_mutex_lock(&store->write_lock);
    if (store->failure == NULL) {
        store->failure = wf_strdup(weft_err_detail());
    }
    pthread_mutex_unlock(&store->write_lock);
    atomic_store_explicit(&store->has_failed, true, memory_order_release);
}

static weft_err
check_writable(struct wf_store_rocks *store)
{
    if (store->is_read_only) {
        return wf_error(WEFT_EINVAL, "%s: it was opened to be read only",
                        store->dir);
    }
    return check_usable(store);
}

static char *
try_open(struct wf_store_rocks *store)
{
    const rocksdb_options_t *options[WF_ROCKS_FAMILIES];
    char *error = NULL;

    for (int i = 0; i < WF_ROCKS_FAMILIES; i++) {
        options[i] = store->options.families[i];
    }
    if (store->is_torn) {
        rocksdb_options_set_wal_recovery_mode(store->options.database,
                                              rocksdb_point_in_time_recovery);
    }
    if (store->is_read_only) {
        store->db = rocksdb_open_for_read_only_column_families(
            store->options.database, store->dir, WF_ROCKS_FAMILIES,
            wf_rocks_options_names, options, store->families, 0, &error);
    } else {
        store->db = rocksdb_open_column_families(
            store->options.database, store->dir, WF_ROCKS_FAMILIES,
            wf_rocks_options_names, options, store->families, &error);
    }
    return error;
}

static weft_err
open_database(struct wf_store_rocks *store)
{
    struct wf_wal_end end;
    weft_err err =
        store->is_read_only ? WEFT_OK : wf_rocks_files_check_room(store->dir);
    char *error;

    if (err == WEFT_OK) {
        err = wf_wal_find_end(store->dir, &end);
    }
    if (err != WEFT_OK) {
        return err;
    }
    store->is_torn = end.is_torn;
    wf_rocks_options_init(&store->options, store->is_read_only, true,
                          store->shares);
    error = try_open(store);
    if (error != NULL && strstr(error, "not linked with the binary") != NULL) {
        // A RocksDB built without lz4 or zstd: then without.
        rocksdb_free(error);
        wf_rocks_options_fini(&store->options);
        wf_rocks_options_init(&store->options, store->is_read_only, false,
                              store->shares);
        error = try_open(store);
    }
    if (error == NULL) {
        wf_rocks_threads_give_way();
        return WEFT_OK;
    }
    store->db = NULL;
    if (has_prefix(error, "IO error: ") &&
        strstr(error, "No such file or directory") != NULL) {
        // CURRENT is there, and something that it leads to is not.
        err = wf_error(WEFT_ECORRUPT, "%s: open: %s", store->dir, error);
        rocksdb_free(error);
        return err;
    }
    return take_error(store, "open", error);
}

// Under write_lock. Only what wf_batch_next has checked gets in: RocksDB
// writes a malformed batch to its log before it finds out, and that is final.
static void
build_batch(struct wf_store_rocks *store, const struct wf_batch *batch)
{
    enum wf_batch_op op;
    enum wf_cf cf;
    weft_bytes key;
    weft_bytes value;
    size_t at = 0;

    rocksdb_writebatch_clear(store->batch);
    while (wf_batch_next(batch, &at, &op, &cf, &key, &value)) {
        rocksdb_column_family_handle_t *family = store->families[cf];

        switch (op) {
        case WF_BATCH_PUT:
            rocksdb_writebatch_put_cf(store->batch, family, key.data, key.len,
                                      value.data, value.len);
            break;
        case WF_BATCH_DELETE:
            rocksdb_writebatch_delete_cf(store->batch, family, key.data,
                                         key.len);
            break;
        case WF_BATCH_DELETE_RANGE:
            rocksdb_writebatch_delete_range_cf(store->batch, family, key.data,
                                               key.len, value.data, value.len);
            break;
        }
    }
}

static weft_err
write_batch(void *self, const struct wf_batch *batch, bool sync)
{
    struct wf_store_rocks *store = self;
    char *error = NULL;
    weft_err err = check_writable(store);

    if (err != WEFT_OK) {
        return err;
    }
    if (sync && wf_fault_hit(WF_FAULT_COMMIT_STALL)) {
        return wf_error(WEFT_EBUSY, "%s: a stall was injected", store->dir);
    }
    pthread_mutex_lock(&store->write_lock);
    build_batch(store, batch);
    rocksdb_write(store->db, sync ? store->write_synced : store->write_unsynced,
                  store->batch, &error);
    pthread_mutex_unlock(&store->write_lock);

    if (error != NULL) {
        err = take_error(store, "write", error);
        if (err != WEFT_EBUSY) {
            fence(store);
            err = WEFT_EIO; // whatever it was, the outcome is not known
        }
    } else if (sync && wf_fault_hit(WF_FAULT_COMMIT_EIO)) {
        // The worse of the two outcomes: it is there, and nobody knows.
        err = wf_error(WEFT_EIO, "%s: a failed sync was injected", store->dir);
        fence(store);
    }
    return err;
}

static rocksdb_readoptions_t *
create_read_options(void)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();

    rocksdb_readoptions_set_verify_checksums(options, 1);
    rocksdb_readoptions_set_total_order_seek(options, 1);
    return options;
}

static weft_err
get_row(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    struct wf_store_rocks *store = self;
    rocksdb_pinnableslice_t *slice;
    const char *value;
    size_t value_len;
    char *error = NULL;
    weft_err err = check_usable(store);

    WF_ASSERT(cf < WF_CF_COUNT);
    wf_buf_reset(out_value);
    if (err != WEFT_OK) {
        return err;
    }
    slice =
        rocksdb_get_pinned_cf(store->db, store->read_options,
                              store->families[cf], key.data, key.len, &error);
    if (error != NULL) {
        return take_error(store, "get", error);
    }
    if (slice == NULL) {
        return WEFT_ENOTFOUND;
    }
    value = rocksdb_pinnableslice_value(slice, &value_len);
    wf_buf_put(out_value, value, value_len);
    rocksdb_pinnableslice_destroy(slice);
    return WEFT_OK;
}

static weft_err
walk(struct wf_store_rocks *store, enum wf_cf cf,
     const rocksdb_readoptions_t *options, weft_bytes from, wf_scan_fn *fn,
     void *ctx)
{
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(store->db, options, store->families[cf]);
    bool goes_on = true;
    char *error = NULL;

    rocksdb_iter_seek(iterator, from.len > 0 ? from.data : "", from.len);
    while (goes_on && rocksdb_iter_valid(iterator)) {
        size_t key_len;
        size_t value_len;
        const char *key = rocksdb_iter_key(iterator, &key_len);
        const char *value = rocksdb_iter_value(iterator, &value_len);

        goes_on = fn(ctx, weft_bytes_of(key, key_len),
                     weft_bytes_of(value, value_len));
        if (goes_on) {
            rocksdb_iter_next(iterator);
        }
    }
    // An iterator that met a bad block is just not valid any more.
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    return error == NULL ? WEFT_OK : take_error(store, "scan", error);
}

static weft_err
scan_rows(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
          wf_scan_fn *fn, void *ctx)
{
    struct wf_store_rocks *store = self;
    rocksdb_readoptions_t *options;
    weft_err err = check_usable(store);

    WF_ASSERT(cf < WF_CF_COUNT);
    if (err != WEFT_OK) {
        return err;
    }
    options = create_read_options();
    // The log is read once: it must not push everything else out.
    rocksdb_readoptions_set_fill_cache(options, cf != WF_CF_LOG);
    if (to.len > 0) {
        rocksdb_readoptions_set_iterate_upper_bound(options, to.data, to.len);
    }
    err = walk(store, cf, options, from, fn, ctx);
    rocksdb_readoptions_destroy(options);
    return err;
}

static bool
pass_row(void *ctx, weft_bytes key, weft_bytes value)
{
    (void)ctx;
    (void)key;
    (void)value;
    return true;
}

// The C API has no VerifyChecksum: walking reads every data block instead,
// those too whose rows a range deletion has covered; then come the others.
static weft_err
verify(void *self)
{
    struct wf_store_rocks *store = self;
    rocksdb_readoptions_t *options;
    weft_err err = check_usable(store);

    if (err != WEFT_OK) {
        return err;
    }
    options = create_read_options();
    rocksdb_readoptions_set_fill_cache(options, 0);
    rocksdb_readoptions_set_ignore_range_deletions(options, 1);
    for (int cf = 0; err == WEFT_OK && cf < WF_CF_COUNT; cf++) {
        err = walk(store, (enum wf_cf)cf, options, weft_nothing(), pass_row,
                   NULL);
    }
    rocksdb_readoptions_destroy(options);
    return err == WEFT_OK ? wf_rocks_tables_check(store->dir, true) : err;
}

static weft_err
flush_rows(void *self)
{
    static const enum wf_cf flushed[] = {WF_CF_DATA, WF_CF_META};
    struct wf_store_rocks *store = self;
    rocksdb_flushoptions_t *options;
    char *error = NULL;
    weft_err err = check_writable(store);

    if (err != WEFT_OK) {
        return err;
    }
    options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    for (size_t i = 0; error == NULL && i < 2; i++) {
        rocksdb_flush_cf(store->db, options, store->families[flushed[i]],
                         &error);
    }
    rocksdb_flushoptions_destroy(options);
    if (error != NULL) {
        // 7.8.3 can lose tables after a failed flush: the end, like a write.
        err = take_error(store, "flush", error);
        fence(store);
    }
    return err;
}

static bool
sweep(void *self)
{
    struct wf_store_rocks *store = self;
    bool has_more;

    if (pthread_mutex_trylock(&store->archive_lock) != 0) {
        return true;
    }
    has_more = wf_rocks_archive_shrink(&store->archive);
    pthread_mutex_unlock(&store->archive_lock);
    return has_more;
}

static weft_err
checkpoint(void *self, const char *dir)
{
    struct wf_store_rocks *store = self;
    rocksdb_checkpoint_t *maker;
    struct stat status;
    char *error = NULL;
    weft_err err = check_writable(store);

    if (err != WEFT_OK) {
        return err;
    }
    if (lstat(dir, &status) == 0) {
        return wf_error(WEFT_EEXISTS, "%s exists", dir);
    }
    maker = rocksdb_checkpoint_object_create(store->db, &error);
    if (error != NULL) {
        return take_error(store, "checkpoint", error);
    }
    // 0: flush first, so that it has no write-ahead log; 7.8.3 does not sync
    // one that it links.
    pthread_mutex_lock(&store->archive_lock);
    rocksdb_checkpoint_create(maker, dir, 0, &error);
    pthread_mutex_unlock(&store->archive_lock);
    rocksdb_checkpoint_object_destroy(maker);
    if (error != NULL) {
        return take_error(store, "checkpoint", error);
    }
    return wf_directory_sync_parent(dir);
}
