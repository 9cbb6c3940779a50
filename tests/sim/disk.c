// SPDX-License-Identifier: Apache-2.0
//
// disk.c - a simulated disk. See disk.h.
//
// A slot is a column family: the rows, the meta rows, and the log of each
// shelf. All that is on the disk is a version (storage/sorted.h) of each slot,
// as it is written and as it is synced.

#include "sim/disk.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/sorted.h"

enum { SLOT_DATA, SLOT_META, SLOT_LOGS };

// Something that is not as it was written.
struct rot {
    uint32_t slot;
    weft_bytes key;
    weft_bytes good; // in a log: what heals it; nothing: it goes
};

struct unsynced {
    uint32_t shelf;
    struct wf_batch batch;
};

struct shelf {
    weft_err fail_err; // of the next write; WEFT_OK: none
    bool fail_is_applied;
};

struct disk {
    uint32_t slots;
    struct wf_sorted **written; // by slot
    struct wf_sorted **synced;
    struct shelf *shelves;
    struct unsynced *unsynced;
    size_t unsynced_count;
    size_t unsynced_cap;
    struct rot *rots;
    size_t rots_count;
    uint64_t rot_reads;
    uint32_t failing_reads;
    uint64_t generation;
    uint32_t handles;
    bool is_full;
};

struct disk_copy {
    uint32_t slots;
    struct wf_sorted **rows;
};

struct handle {
    struct disk *disk;
    uint32_t shelf;
    uint64_t generation;
    bool has_failed;
};

static uint32_t
slot_of(const struct handle *handle, enum wf_cf cf)
{
    return cf == WF_CF_DATA   ? SLOT_DATA
           : cf == WF_CF_META ? SLOT_META
                              : SLOT_LOGS + handle->shelf;
}

// Make *to the version that `from` is.
static void
take_version(struct wf_sorted **to, struct wf_sorted *from)
{
    struct wf_sorted *old = *to;

    *to = wf_sorted_share(from);
    wf_sorted_release(old);
}

// Rot. ------------------------------------------------------------------------

static bool
is_same(weft_bytes a, weft_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool
is_before(weft_bytes a, weft_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);

    return order < 0 || (order == 0 && a.len < b.len);
}

static void
add_rot(struct disk *disk, uint32_t slot, weft_bytes key, weft_bytes good)
{
    disk->rots =
        wf_realloc(disk->rots, (disk->rots_count + 1) * sizeof(*disk->rots));
    disk->rots[disk->rots_count++] = (struct rot){
        .slot = slot,
        .key = wf_bytes_copy(key),
        .good = good.len == 0 ? weft_nothing() : wf_bytes_copy(good),
    };
}

// The order stays: what rots twice is healed from its last to its first.
static void
drop_rot(struct disk *disk, size_t index)
{
    struct rot *rot = &disk->rots[index];

    wf_free((void *)(uintptr_t)rot->key.data);
    wf_free((void *)(uintptr_t)rot->good.data);
    disk->rots_count--;
    memmove(rot, rot + 1, (disk->rots_count - index) * sizeof(*rot));
}

// What is written anew, or deleted, does not rot any more.
static void
forget_rot(struct disk *disk, uint32_t slot, enum wf_batch_op op,
           weft_bytes key, weft_bytes to)
{
    for (size_t i = disk->rots_count; i > 0; i--) {
        const struct rot *rot = &disk->rots[i - 1];
        bool is_hit = op == WF_BATCH_DELETE_RANGE
                          ? !is_before(rot->key, key) && is_before(rot->key, to)
                          : is_same(rot->key, key);

        if (rot->slot == slot && is_hit) {
            drop_rot(disk, i - 1);
        }
    }
}

static bool
rots(struct disk *disk, uint32_t slot, weft_bytes key)
{
    for (size_t i = 0; i < disk->rots_count; i++) {
        if (disk->rots[i].slot == slot && is_same(disk->rots[i].key, key)) {
            disk->rot_reads++;
            return slot < SLOT_LOGS;
        }
    }
    return false;
}

struct pick {
    uint64_t left;
    weft_bytes key;
    weft_bytes value;
};

static bool
count_row(void *ctx, weft_bytes key, weft_bytes value)
{
    (void)key;
    (void)value;
    (*(uint64_t *)ctx)++;
    return true;
}

static bool
pick_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct pick *pick = ctx;

    pick->key = key;
    pick->value = value;
    return pick->left-- > 0;
}

static void
put_all(struct disk *disk, uint32_t slot, weft_bytes key, weft_bytes value)
{
    disk->written[slot] = wf_sorted_put(disk->written[slot], key, value);
    disk->synced[slot] = wf_sorted_put(disk->synced[slot], key, value);
}

bool
disk_rot(struct disk *disk, uint32_t shelf, bool is_log, struct choice *choice)
{
    uint32_t slot = is_log                         ? SLOT_LOGS + shelf
                    : choice_below(choice, 8) == 7 ? SLOT_META
                                                   : SLOT_DATA;
    uint64_t count = 0;
    struct pick pick;
    uint8_t *flipped;

    (void)wf_sorted_walk(disk->synced[slot], weft_nothing(), weft_nothing(),
                         count_row, &count);
    if (count == 0) {
        return false;
    }
    pick = (struct pick){.left = choice_below(choice, count)};
    (void)wf_sorted_walk(disk->synced[slot], weft_nothing(), weft_nothing(),
                         pick_row, &pick);
    if (!is_log) {
        add_rot(disk, slot, pick.key, weft_nothing());
        return true;
    }
    add_rot(disk, slot, pick.key, pick.value);
    flipped = wf_memdup(pick.value.data, pick.value.len);
    flipped[choice_below(choice, pick.value.len)] ^=
        (uint8_t)(1U << choice_below(choice, 8));
    put_all(disk, slot, disk->rots[disk->rots_count - 1].key,
            weft_bytes_of(flipped, pick.value.len));
    wf_free(flipped);
    return true;
}

void
disk_tear(struct disk *disk, uint32_t shelf, weft_bytes key, weft_bytes value)
{
    add_rot(disk, SLOT_LOGS + shelf, key, weft_nothing());
    put_all(disk, SLOT_LOGS + shelf, key, value);
}

uint64_t
disk_rot_reads(const struct disk *disk)
{
    return disk->rot_reads;
}

bool
disk_heal(struct disk *disk)
{
    bool has_any = disk->rots_count > 0;

    while (disk->rots_count > 0) {
        const struct rot *rot = &disk->rots[disk->rots_count - 1];
        uint32_t slot = rot->slot;

        if (slot >= SLOT_LOGS && rot->good.len > 0) {
            put_all(disk, slot, rot->key, rot->good);
        } else if (slot >= SLOT_LOGS) {
            disk->written[slot] =
                wf_sorted_delete(disk->written[slot], rot->key);
            disk->synced[slot] = wf_sorted_delete(disk->synced[slot], rot->key);
        }
        drop_rot(disk, disk->rots_count - 1);
    }
    return has_any;
}

bool
disk_is_sound(const struct disk *disk)
{
    return disk->rots_count == 0 && disk->failing_reads == 0 && !disk->is_full;
}

// Writing. --------------------------------------------------------------------

static void
apply_batch(struct disk *disk, const struct handle *handle,
            struct wf_sorted **slots, const struct wf_batch *batch)
{
    enum wf_batch_op op;
    enum wf_cf cf;
    weft_bytes key;
    weft_bytes value;
    size_t at = 0;

    while (wf_batch_next(batch, &at, &op, &cf, &key, &value)) {
        uint32_t slot = slot_of(handle, cf);

        forget_rot(disk, slot, op, key, value);
        switch (op) {
        case WF_BATCH_PUT:
            slots[slot] = wf_sorted_put(slots[slot], key, value);
            break;
        case WF_BATCH_DELETE:
            slots[slot] = wf_sorted_delete(slots[slot], key);
            break;
        case WF_BATCH_DELETE_RANGE:
            slots[slot] = wf_sorted_delete_range(slots[slot], key, value);
            break;
        }
    }
}

static void
keep_unsynced(struct disk *disk, uint32_t shelf, const struct wf_batch *batch)
{
    struct unsynced *unsynced;

    if (disk->unsynced_count == disk->unsynced_cap) {
        disk->unsynced_cap = disk->unsynced_cap * 2 + 8;
        disk->unsynced = wf_realloc(
            disk->unsynced, disk->unsynced_cap * sizeof(*disk->unsynced));
    }
    unsynced = &disk->unsynced[disk->unsynced_count++];
    *unsynced = (struct unsynced){.shelf = shelf};
    wf_buf_put(&unsynced->batch.ops, batch->ops.data, batch->ops.len);
    unsynced->batch.count = batch->count;
}

// The first `count` of what the shelf did not sync is on the disk now, the rest
// of it never was.
static void
settle(struct disk *disk, uint32_t shelf, size_t count)
{
    const struct handle handle = {.shelf = shelf};
    size_t left = 0;

    for (size_t i = 0; i < disk->unsynced_count; i++) {
        struct unsynced *unsynced = &disk->unsynced[i];

        if (unsynced->shelf != shelf) {
            disk->unsynced[left++] = *unsynced;
            continue;
        }
        if (count > 0) {
            apply_batch(disk, &handle, disk->synced, &unsynced->batch);
            count--;
        }
        wf_batch_fini(&unsynced->batch);
    }
    disk->unsynced_count = left;
}

static void
write_synced(struct handle *handle, const struct wf_batch *batch)
{
    struct disk *disk = handle->disk;

    settle(disk, handle->shelf, SIZE_MAX);
    apply_batch(disk, handle, disk->written, batch);
    if (disk->unsynced_count > 0) {
        apply_batch(disk, handle, disk->synced, batch);
        return;
    }
    for (uint32_t i = 0; i < disk->slots; i++) {
        take_version(&disk->synced[i], disk->written[i]);
    }
}

static weft_err
check_open(const struct handle *handle)
{
    if (handle->has_failed || handle->generation != handle->disk->generation) {
        return wf_error(WEFT_ECLOSED, "disk: it %s; open it anew",
                        handle->has_failed ? "failed a write" : "crashed");
    }
    return WEFT_OK;
}

static weft_err
write_batch(void *self, const struct wf_batch *batch, bool sync)
{
    struct handle *handle = self;
    struct disk *disk = handle->disk;
    struct shelf *shelf = &disk->shelves[handle->shelf];
    weft_err err = check_open(handle);
    weft_err failure = shelf->fail_err;

    if (err != WEFT_OK) {
        return err;
    }
    shelf->fail_err = WEFT_OK;
    if (failure == WEFT_EBUSY) {
        return wf_error(failure, "disk: a stall");
    }
    if (disk->is_full || (failure != WEFT_OK && !shelf->fail_is_applied)) {
        handle->has_failed = true;
        return wf_error(WEFT_EIO, "disk: %s",
                        disk->is_full ? "no space is left" : "it failed");
    }
    if (sync || failure != WEFT_OK) {
        write_synced(handle, batch);
    } else {
        apply_batch(disk, handle, disk->written, batch);
        keep_unsynced(disk, handle->shelf, batch);
    }
    if (failure != WEFT_OK) {
        handle->has_failed = true;
        return wf_error(WEFT_EIO, "disk: it failed");
    }
    return WEFT_OK;
}

// Reading. --------------------------------------------------------------------

static weft_err
check_read(struct handle *handle)
{
    weft_err err = check_open(handle);

    if (err == WEFT_OK && handle->disk->failing_reads > 0) {
        handle->disk->failing_reads--;
        err = wf_error(WEFT_EIO, "disk: it cannot be read");
    }
    return err;
}

static weft_err
get_row(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    struct handle *handle = self;
    uint32_t slot = slot_of(handle, cf);
    weft_bytes value;
    weft_err err = check_read(handle);

    wf_buf_reset(out_value);
    if (err != WEFT_OK) {
        return err;
    }
    if (!wf_sorted_find(handle->disk->written[slot], key, &value)) {
        return WEFT_ENOTFOUND;
    }
    if (handle->disk->rots_count > 0 && rots(handle->disk, slot, key)) {
        return wf_error(WEFT_ECORRUPT, "disk: a block fails its check");
    }
    wf_buf_put(out_value, value.data, value.len);
    return WEFT_OK;
}

struct scan {
    struct disk *disk;
    uint32_t slot;
    wf_scan_fn *fn;
    void *ctx;
    bool is_rotten;
};

static bool
scan_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct scan *scan = ctx;

    if (scan->disk->rots_count > 0 && rots(scan->disk, scan->slot, key)) {
        scan->is_rotten = true;
        return false;
    }
    return scan->fn(scan->ctx, key, value);
}

static weft_err
scan_rows(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
          wf_scan_fn *fn, void *ctx)
{
    struct handle *handle = self;
    struct scan scan = {
        .disk = handle->disk,
        .slot = slot_of(handle, cf),
        .fn = fn,
        .ctx = ctx,
    };
    struct wf_sorted *rows;
    weft_err err = check_read(handle);

    if (err != WEFT_OK) {
        return err;
    }
    rows = wf_sorted_share(handle->disk->written[scan.slot]);
    (void)wf_sorted_walk(rows, from, to, scan_row, &scan);
    wf_sorted_release(rows);
    return scan.is_rotten
               ? wf_error(WEFT_ECORRUPT, "disk: a block fails its check")
               : WEFT_OK;
}

// Like the real one, which syncs the write-ahead log when it flushes.
static weft_err
flush_rows(void *self)
{
    struct handle *handle = self;
    struct disk *disk = handle->disk;
    weft_err err = check_open(handle);

    if (err == WEFT_OK && disk->is_full) {
        handle->has_failed = true;
        return wf_error(WEFT_EIO, "disk: no space is left");
    }
    for (uint32_t i = 0; err == WEFT_OK && i + SLOT_LOGS < disk->slots; i++) {
        settle(disk, i, SIZE_MAX);
    }
    return err;
}

static weft_err
checkpoint(void *self, const char *dir)
{
    (void)self;
    return wf_error(WEFT_EINVAL, "disk: no checkpoint to %s", dir);
}

static weft_err
verify(void *self)
{
    return check_open(self);
}

static void
close_handle(void *self)
{
    struct handle *handle = self;

    handle->disk->handles--;
    wf_free(handle);
}

static const struct wf_store_ops disk_ops = {
    .write = write_batch,
    .get = get_row,
    .scan = scan_rows,
    .flush = flush_rows,
    .checkpoint = checkpoint,
    .verify = verify,
    .close = close_handle,
};

weft_err
disk_open(struct disk *disk, uint32_t shelf, struct wf_store *out_store)
{
    struct handle *handle;

    if (disk->is_full) {
        return wf_error(WEFT_EFULL, "disk: no space is left");
    }
    handle = wf_calloc(sizeof(*handle));
    handle->disk = disk;
    handle->shelf = shelf;
    handle->generation = disk->generation;
    disk->handles++;
    out_store->ops = &disk_ops;
    out_store->self = handle;
    return WEFT_OK;
}

// The whole. ------------------------------------------------------------------

struct disk *
disk_create(uint32_t shelves)
{
    struct disk *disk = wf_calloc(sizeof(*disk));

    disk->slots = SLOT_LOGS + shelves;
    disk->written = wf_calloc(disk->slots * sizeof(disk->written[0]));
    disk->synced = wf_calloc(disk->slots * sizeof(disk->synced[0]));
    disk->shelves = wf_calloc(shelves * sizeof(*disk->shelves));
    return disk;
}

void
disk_destroy(struct disk *disk)
{
    WF_ASSERT(disk->handles == 0);
    (void)disk_heal(disk);
    for (uint32_t i = 0; i + SLOT_LOGS < disk->slots; i++) {
        settle(disk, i, 0);
    }
    for (uint32_t i = 0; i < disk->slots; i++) {
        wf_sorted_release(disk->written[i]);
        wf_sorted_release(disk->synced[i]);
    }
    wf_free(disk->written);
    wf_free(disk->synced);
    wf_free(disk->shelves);
    wf_free(disk->unsynced);
    wf_free(disk->rots);
    wf_free(disk);
}

uint32_t
disk_crash(struct disk *disk, struct choice *choice)
{
    uint32_t lost_all = 0;

    for (uint32_t i = 0; i + SLOT_LOGS < disk->slots; i++) {
        uint32_t count = 0;
        uint32_t lost;

        for (size_t k = 0; k < disk->unsynced_count; k++) {
            count += disk->unsynced[k].shelf == i ? 1 : 0;
        }
        lost = (uint32_t)choice_below(choice, count + 1);
        settle(disk, i, count - lost);
        disk->shelves[i].fail_err = WEFT_OK;
        lost_all += lost;
    }
    for (uint32_t i = 0; i < disk->slots; i++) {
        take_version(&disk->written[i], disk->synced[i]);
    }
    disk->generation++;
    return lost_all;
}

void
disk_fail_write(struct disk *disk, uint32_t shelf, weft_err err,
                bool is_applied)
{
    disk->shelves[shelf].fail_err = err;
    disk->shelves[shelf].fail_is_applied = is_applied;
}

void
disk_fail_reads(struct disk *disk, uint32_t count)
{
    disk->failing_reads = count;
}

void
disk_set_full(struct disk *disk, bool is_full)
{
    disk->is_full = is_full;
}

struct disk_copy *
disk_copy(const struct disk *disk)
{
    struct disk_copy *copy = wf_calloc(sizeof(*copy));

    copy->slots = disk->slots;
    copy->rows = wf_calloc(disk->slots * sizeof(copy->rows[0]));
    for (uint32_t i = 0; i < disk->slots; i++) {
        copy->rows[i] = wf_sorted_share(disk->synced[i]);
    }
    return copy;
}

void
disk_copy_destroy(struct disk_copy *copy)
{
    if (copy == NULL) {
        return;
    }
    for (uint32_t i = 0; i < copy->slots; i++) {
        wf_sorted_release(copy->rows[i]);
    }
    wf_free(copy->rows);
    wf_free(copy);
}

void
disk_bring_back(struct disk *disk, const struct disk_copy *copy)
{
    WF_ASSERT(disk->handles == 0 && disk->unsynced_count == 0);
    for (uint32_t i = 0; i < disk->slots; i++) {
        take_version(&disk->written[i], copy->rows[i]);
        take_version(&disk->synced[i], copy->rows[i]);
    }
}
