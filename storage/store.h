// SPDX-License-Identifier: Apache-2.0
//
// store.h - what weft asks of a key-value store. A seam: store_rocks.c is the
// real one, store_memory.c the one for tests, which can crash and fail.
//
// Threads: write from one thread at a time; get, scan, flush and checkpoint
// from any thread, also beside a write.

#ifndef WF_STORAGE_STORE_H
#define WF_STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

// Column families.
enum wf_cf {
    WF_CF_LOG,  // commit number -> segments
    WF_CF_DATA, // rows saved behind
    WF_CF_META, // per partition and per store
    WF_CF_COUNT,
};

// Changes that are made together: a flat list of operations. All zero is an
// empty batch.
struct wf_batch {
    struct wf_buf ops; // private: kind, cf, key, value
    uint32_t count;
};

void wf_batch_fini(struct wf_batch *batch); // leaves it empty and usable
void wf_batch_reset(struct wf_batch *batch);
void wf_batch_recycle(struct wf_batch *batch, size_t keep_bytes);
void wf_batch_put(struct wf_batch *batch, enum wf_cf cf, weft_bytes key,
                  weft_bytes value);
void wf_batch_delete(struct wf_batch *batch, enum wf_cf cf, weft_bytes key);
// Deletes from <= key < to.
void wf_batch_delete_range(struct wf_batch *batch, enum wf_cf cf,
                           weft_bytes from, weft_bytes to);

enum wf_batch_op { WF_BATCH_PUT, WF_BATCH_DELETE, WF_BATCH_DELETE_RANGE };
// Walk a batch: start with *at = 0; false at the end. For a range, key and
// value are its ends. Borrowed from the batch.
bool wf_batch_next(const struct wf_batch *batch, size_t *at,
                   enum wf_batch_op *out_op, enum wf_cf *out_cf,
                   weft_bytes *out_key, weft_bytes *out_value);

// Called for each row in key order; borrowed for the call. Return false to
// stop.
typedef bool wf_scan_fn(void *ctx, weft_bytes key, weft_bytes value);

struct wf_store_ops {
    // Write the whole batch or none of it; durable if sync.
    //
    // WEFT_EBUSY   refused by a write stall: nothing was written
    // WEFT_EIO     the outcome is not known; every later call then fails with
    //              WEFT_ECLOSED, until the store is opened anew
    weft_err (*write)(void *self, const struct wf_batch *batch, bool sync);

    // Copy the value out; *out_value is reset first.
    //
    // WEFT_ENOTFOUND   there is none: an answer, not a failure
    // WEFT_ECORRUPT    the row's block fails its check
    weft_err (*get)(void *self, enum wf_cf cf, weft_bytes key,
                    struct wf_buf *out_value);

    // Rows with from <= key < to, as of one moment. An empty `to`: to the end.
    // Always ends with a check of the iterator's own error.
    //
    // WEFT_ECORRUPT, WEFT_EIO   some rows could not be read
    weft_err (*scan)(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
                     wf_scan_fn *fn, void *ctx);

    // Write what is in memory of `data` and `meta` to sorted files, and wait.
    weft_err (*flush)(void *self);

    // Give a piece of what the store needs no more back to the disk. Is there
    // more? NULL: it never keeps such things.
    bool (*sweep)(void *self);

    // Make a directory that opens as this store is now. dir must not exist.
    weft_err (*checkpoint)(void *self, const char *dir);

    // Read every block and check its checksum.
    weft_err (*verify)(void *self);

    // Free everything; `self` is gone afterwards. Never fails.
    void (*close)(void *self);
};

struct wf_store {
    const struct wf_store_ops *ops;
    void *self;
};

// Open the RocksDB store in dir, made if missing. Refuses with WEFT_EBUSY if
// another process holds it. is_read_only: change nothing, not even by
// recovery; write then fails with WEFT_EINVAL. WEFT_EFULL: too little free disk
// even to open it.
weft_err wf_store_rocks_open(const char *dir, bool is_read_only,
                             struct wf_store *out_store);
// The same, with a share of the memory that one store alone would use: this
// process has so many.
weft_err wf_store_rocks_open_share(const char *dir, bool is_read_only,
                                   uint32_t shares, struct wf_store *out_store);

// A store in memory, for tests. The disk survives close and is what a next
// open finds; crash drops every write that was not synced (or, with
// keep_unsynced, a prefix chosen by `choice`).
struct wf_memory_disk;
struct wf_memory_disk *wf_memory_disk_create(void);
void wf_memory_disk_destroy(struct wf_memory_disk *disk);
weft_err wf_store_memory_open(struct wf_memory_disk *disk,
                              struct wf_store *out_store);
// An empty disk becomes what a checkpoint of such a store has in its directory.
weft_err wf_memory_disk_load(struct wf_memory_disk *disk, const char *dir);
// Lose what was not synced, as a power cut does. Open stores of the disk are
// then closed: their calls fail with WEFT_ECLOSED.
void wf_memory_disk_crash(struct wf_memory_disk *disk);
// The next writes after `skip` more fail: WEFT_EIO with the batch applied and
// durable (is_applied) or not, or WEFT_EBUSY with nothing written.
void wf_memory_disk_fail_write(struct wf_memory_disk *disk, uint32_t skip,
                               weft_err err, bool is_applied);

#endif
