// SPDX-License-Identifier: Apache-2.0
//
// ledger_log.c - the logs of a ledger's partitions, as shared ones
// (log_shared.h), though nobody shares them.
//
// An append that failed may be there or not. The store is opened again when
// the next partition is acquired, and its rows then say how far each log is.

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/ledger_impl.h"

enum { STALL_MS = 5 }; // between tries, while the store refuses writes

static weft_err acquire(void *self, uint32_t partition,
                        struct wf_shared_place *out_place);
static weft_err look(void *self, uint32_t partition,
                     struct wf_shared_place *out_place);
static weft_err release(void *self, uint32_t partition);
static void append(void *self, struct wf_shared_append *appends,
                   uint32_t count);
static weft_err read_commits(void *self, uint32_t partition, uint64_t from,
                             wf_log_read_fn *fn, void *ctx);
static weft_err snapshot_commit(void *self, uint32_t partition,
                                uint64_t redo_from, weft_bytes manifest);
static void stop(void *self);
static void close_log(void *self);

static const struct wf_shared_log_ops ledger_ops = {
    .acquire = acquire,
    .look = look,
    .release = release,
    .append = append,
    .read = read_commits,
    .snapshot_commit = snapshot_commit,
    .snapshot_read = wf_ledger_snapshot_read,
    .blame = wf_ledger_blame,
    .blames = wf_ledger_blames,
    .stop = stop,
    .close = close_log,
};

struct wf_shared_log
wf_ledger_log(struct wf_ledger *ledger)
{
    return (struct wf_shared_log){.ops = &ledger_ops, .self = ledger};
}

static void
stop(void *self)
{
    atomic_store(&((struct wf_ledger *)self)->is_stopped, true);
}

// The ledger is its opener's.
static void
close_log(void *self)
{
    (void)self;
}

static weft_err
check_ours(const struct wf_ledger *ledger, uint32_t partition)
{
    const struct wf_ledger_part *part = &ledger->places[partition].part;

    if (ledger->lost != WEFT_OK) {
        return wf_error(ledger->lost, "%s", ledger->lost_text);
    }
    if (ledger->options.must_hear && !ledger->has_heard) {
        return wf_error(WEFT_EBUSY,
                        "node %s waits until another node has told what it "
                        "knows",
                        ledger->node_id);
    }
    if (part->state == WF_LEDGER_GIVEN) {
        return wf_error(WEFT_EBUSY, "partition %" PRIu32 " is given to node %s",
                        partition, part->wanted);
    }
    return part->state == WF_LEDGER_MINE
               ? WEFT_OK
               : wf_error(WEFT_EBUSY, "partition %" PRIu32 " is node %s's",
                          partition, part->owner);
}

static weft_err
begin_epoch(struct wf_ledger *ledger, uint32_t partition)
{
    struct wf_ledger_place *place = &ledger->places[partition];
    struct wf_ledger_part part = place->part;
    struct wf_batch batch = {0};
    weft_err err;

    part.epoch++;
    wf_ledger_put_part(&batch, partition, &part);
    err = wf_ledger_write(ledger, &batch);
    wf_batch_fini(&batch);
    if (err != WEFT_OK) {
        return wf_error(WEFT_EIO, "ledger: %s", weft_err_detail());
    }
    place->part = part;
    place->is_acquired = true;
    place->is_released = false;
    place->is_doubtful = false;
    return WEFT_OK;
}

static void
show(const struct wf_ledger_place *place, struct wf_shared_place *out_place)
{
    *out_place = (struct wf_shared_place){
        .epoch = place->part.epoch,
        .last = place->part.last,
        .first = place->part.first,
        .snapshot = place->snapshots[0],
    };
}

static weft_err
acquire(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    struct wf_ledger *ledger = self;
    const struct wf_ledger_place *place = &ledger->places[partition];
    weft_err err;

    WF_ASSERT(partition < ledger->partition_count);
    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    if (err == WEFT_OK) {
        err = check_ours(ledger, partition);
    }
    if (err == WEFT_OK) {
        err = begin_epoch(ledger, partition);
    }
    if (err == WEFT_OK) {
        show(place, out_place);
    }
    pthread_mutex_unlock(&ledger->lock);
    return err;
}

// As far as it was fetched.
static weft_err
look(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    struct wf_ledger *ledger = self;

    WF_ASSERT(partition < ledger->partition_count);
    pthread_mutex_lock(&ledger->lock);
    show(&ledger->places[partition], out_place);
    pthread_mutex_unlock(&ledger->lock);
    return WEFT_OK;
}

static weft_err
release(void *self, uint32_t partition)
{
    struct wf_ledger *ledger = self;
    struct wf_ledger_place *place = &ledger->places[partition];

    pthread_mutex_lock(&ledger->lock);
    place->is_released = place->part.state == WF_LEDGER_MINE;
    place->is_acquired = false;
    place->is_doubtful = false;
    pthread_mutex_unlock(&ledger->lock);
    return WEFT_OK;
}

// Appending. ------------------------------------------------------------------

static enum wf_append_result
result_of(const struct wf_ledger_place *place)
{
    return place->is_doubtful   ? WF_APPEND_IN_DOUBT
           : place->is_acquired ? WF_APPEND_DURABLE
                                : WF_APPEND_FENCED;
}

// Each that may be appended goes into the batch, and is DURABLE if that is.
static void
build(struct wf_ledger *ledger, struct wf_shared_append *appends,
      uint32_t count, struct wf_batch *batch)
{
    struct wf_buf key = {0};

    for (uint32_t i = 0; i < count; i++) {
        struct wf_shared_append *one = &appends[i];
        const struct wf_ledger_place *place = &ledger->places[one->partition];
        struct wf_ledger_part part = place->part;

        WF_ASSERT(one->partition < ledger->partition_count);
        one->result = result_of(place);
        one->number = ++part.last;
        if (one->result == WF_APPEND_DURABLE) {
            wf_ledger_commit_key(&key, one->partition, one->number);
            wf_batch_put(batch, WF_CF_LOG, wf_buf_bytes(&key), one->segment);
            wf_ledger_put_part(batch, one->partition, &part);
        }
    }
    wf_buf_fini(&key);
}

// A store that stalls has written nothing: it is asked until it takes it.
static weft_err
write_through_stalls(struct wf_ledger *ledger, const struct wf_batch *batch)
{
    const struct timespec moment = {.tv_nsec = STALL_MS * 1000000L};
    weft_err err = wf_ledger_write(ledger, batch);

    while (err == WEFT_EBUSY && !atomic_load(&ledger->is_stopped)) {
        (void)nanosleep(&moment, NULL);
        err = wf_ledger_write(ledger, batch);
    }
    return err;
}

static void
append(void *self, struct wf_shared_append *appends, uint32_t count)
{
    struct wf_ledger *ledger = self;
    struct wf_batch batch = {0};
    weft_err err = WEFT_OK;

    pthread_mutex_lock(&ledger->lock);
    build(ledger, appends, count, &batch);
    if (batch.count > 0) {
        err = write_through_stalls(ledger, &batch);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct wf_ledger_place *place = &ledger->places[appends[i].partition];

        if (appends[i].result != WF_APPEND_DURABLE) {
            continue;
        }
        if (err == WEFT_OK) {
            place->part.last++;
        } else {
            place->is_doubtful = true;
            place->is_acquired = false;
            appends[i].result = WF_APPEND_IN_DOUBT;
        }
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&batch);
}

// Reading. --------------------------------------------------------------------

struct walk {
    uint32_t partition;
    uint64_t next;
    wf_log_read_fn *fn;
    void *ctx;
    weft_err err;
};

static bool
visit(void *ctx, weft_bytes key, weft_bytes row)
{
    struct walk *walk = ctx;
    struct wf_reader reader = wf_reader_of(key);
    uint64_t number;

    (void)wf_reader_u16(&reader);
    number = wf_reader_u64(&reader);
    if (number != walk->next) {
        walk->err =
            wf_shared_log_missing(walk->partition, walk->next, number - 1);
        return false;
    }
    walk->err =
        wf_shared_log_visit(walk->partition, number, row, walk->fn, walk->ctx);
    walk->next++;
    return walk->err == WEFT_OK;
}

static weft_err
read_commits(void *self, uint32_t partition, uint64_t from, wf_log_read_fn *fn,
             void *ctx)
{
    struct wf_ledger *ledger = self;
    struct wf_ledger_part part = wf_ledger_part(ledger, partition);
    struct walk walk = {
        .partition = partition,
        .next = from == 0 ? part.first : from,
        .fn = fn,
        .ctx = ctx,
    };
    weft_err err;

    if (walk.next < part.first) {
        return wf_shared_log_missing(partition, walk.next, part.first - 1);
    }
    if (walk.next > part.last + 1) {
        return wf_shared_log_ends(partition, part.last, walk.next);
    }
    err = wf_ledger_scan(ledger, partition, walk.next, part.last, visit, &walk);
    if (walk.err != WEFT_OK) {
        err = walk.err;
    }
    return err == WEFT_OK && walk.next <= part.last
               ? wf_shared_log_missing(partition, walk.next, part.last)
               : err;
}

// Snapshots. ------------------------------------------------------------------

static weft_err
get_snapshot(struct wf_ledger *ledger, uint32_t partition, uint32_t age,
             struct wf_buf *out_row)
{
    struct wf_store *store = &ledger->store;
    struct wf_buf key = {0};
    weft_err err;

    wf_ledger_snapshot_key(&key, partition, age);
    err = store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), out_row);
    wf_buf_fini(&key);
    return err;
}

static void
put_snapshot(struct wf_batch *batch, uint32_t partition, uint32_t age,
             weft_bytes row)
{
    struct wf_buf key = {0};

    wf_ledger_snapshot_key(&key, partition, age);
    wf_batch_put(batch, WF_CF_META, wf_buf_bytes(&key), row);
    wf_buf_fini(&key);
}

static weft_err
check_snapshot(const struct wf_ledger *ledger, uint32_t partition,
               uint64_t redo_from)
{
    const struct wf_ledger_place *place = &ledger->places[partition];

    if (ledger->has_failed) {
        return wf_error(WEFT_EIO, "ledger: a write has failed before");
    }
    if (!place->is_acquired) {
        return wf_error(WEFT_ECLOSED, "partition %" PRIu32 " is another's",
                        partition);
    }
    return redo_from >= place->part.first && redo_from <= place->part.last + 1
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "partition %" PRIu32
                          ": the log has no commit %" PRIu64
                          " for a snapshot to go on from",
                          partition, redo_from);
}

static weft_err
write_snapshot(struct wf_ledger *ledger, uint32_t partition, uint64_t redo_from,
               weft_bytes manifest)
{
    struct wf_ledger_place *place = &ledger->places[partition];
    struct wf_ledger_part part = place->part;
    struct wf_batch batch = {0};
    struct wf_buf row = {0};
    weft_err err = get_snapshot(ledger, partition, 0, &row);

    if (err == WEFT_OK) { // what is the newest becomes the last but one
        uint64_t before = place->snapshots[0];
        uint64_t to = before < redo_from ? before : redo_from;

        put_snapshot(&batch, partition, 1, wf_buf_bytes(&row));
        if (to > part.first) {
            wf_ledger_cut(&batch, partition, part.first, to);
            part.first = to;
        }
        wf_ledger_put_part(&batch, partition, &part);
    }
    if (err == WEFT_OK || err == WEFT_ENOTFOUND) {
        wf_buf_reset(&row);
        wf_buf_put_u64(&row, redo_from);
        wf_buf_put(&row, manifest.data, manifest.len);
        put_snapshot(&batch, partition, 0, wf_buf_bytes(&row));
        err = wf_ledger_write(ledger, &batch);
    }
    if (err == WEFT_OK) {
        place->part = part;
        place->snapshots[1] = place->snapshots[0];
        place->snapshots[0] = redo_from;
    }
    wf_batch_fini(&batch);
    wf_buf_fini(&row);
    return err == WEFT_OK ? WEFT_OK
                          : wf_error(WEFT_EIO, "%s", weft_err_detail());
}

static weft_err
snapshot_commit(void *self, uint32_t partition, uint64_t redo_from,
                weft_bytes manifest)
{
    struct wf_ledger *ledger = self;
    weft_err err;

    WF_ASSERT(partition < ledger->partition_count);
    pthread_mutex_lock(&ledger->lock);
    err = check_snapshot(ledger, partition, redo_from);
    if (err == WEFT_OK) {
        err = write_snapshot(ledger, partition, redo_from, manifest);
    }
    pthread_mutex_unlock(&ledger->lock);
    return err;
}

weft_err
wf_ledger_snapshot_read(void *self, uint32_t partition, uint32_t age,
                        uint64_t *out_redo_from, struct wf_buf *out_manifest)
{
    struct wf_ledger *ledger = self;
    struct wf_buf row = {0};
    struct wf_reader reader;
    weft_bytes manifest;
    weft_err err;

    WF_ASSERT(partition < ledger->partition_count);
    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    if (err == WEFT_OK) {
        err = get_snapshot(ledger, partition, age, &row);
    }
    pthread_mutex_unlock(&ledger->lock);
    if (err == WEFT_OK) {
        reader = wf_reader_of(wf_buf_bytes(&row));
        *out_redo_from = wf_reader_u64(&reader);
        manifest = wf_reader_rest(&reader);
        wf_buf_reset(out_manifest);
        wf_buf_put(out_manifest, manifest.data, manifest.len);
    } else if (err == WEFT_ENOTFOUND) {
        err = wf_error(err, "partition %" PRIu32 " has no snapshot %" PRIu32,
                       partition, age);
    }
    wf_buf_fini(&row);
    return err;
}

// Space. ----------------------------------------------------------------------

bool
wf_ledger_sweep(struct wf_ledger *ledger)
{
    const struct wf_store *store = &ledger->store;
    bool has_more;

    (void)pthread_rwlock_rdlock(&ledger->opening);
    has_more = store->ops != NULL && store->ops->sweep != NULL &&
               store->ops->sweep(store->self);
    (void)pthread_rwlock_unlock(&ledger->opening);
    return has_more;
}
