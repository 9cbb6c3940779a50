// SPDX-License-Identifier: Apache-2.0
//
// log_partition.c - one partition's part of a shared log.
//
// Truncating forgets nothing of the shared log: that waits for a snapshot. It
// says from where on this store needs it.

#include "storage/log_partition.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/batch_impl.h"
#include "storage/keys.h"

#define KEPT_BYTES_MAX ((size_t)16 << 20)

struct wf_log_partition {
    const struct wf_shared_log *shared;
    uint32_t partition;
    struct wf_store store;
    _Atomic uint64_t first; // that the store needs
    _Atomic uint64_t last;

    pthread_mutex_t lock; // over what follows; held while the store is written
    struct wf_batch kept; // rows of commits that are durable
    struct wf_buf key;
};

static enum wf_append_result append(void *self, struct wf_commit *commit);
static weft_err read_commits(void *self, uint64_t from, wf_log_read_fn *fn,
                             void *ctx);
static weft_err truncate_front(void *self, uint64_t to);
static uint64_t last_commit(void *self);
static uint64_t first_commit(void *self);
static void close_log(void *self);

static const struct wf_log_ops partition_ops = {
    .append = append,
    .read = read_commits,
    .truncate = truncate_front,
    .last = last_commit,
    .first = first_commit,
    .close = close_log,
};

static weft_err
read_row(struct wf_log_partition *log, const char *name, uint64_t *out_number)
{
    struct wf_buf value = {0};
    struct wf_reader reader;
    weft_err err;

    wf_keys_store(&log->key, name);
    err = log->store.ops->get(log->store.self, WF_CF_META,
                              wf_buf_bytes(&log->key), &value);
    if (err == WEFT_OK) {
        reader = wf_reader_of(wf_buf_bytes(&value));
        *out_number = wf_reader_u64(&reader);
        err = reader.failed ? wf_error(WEFT_ECORRUPT,
                                       "partition %" PRIu32
                                       ": its row \"%s\" has %zu bytes",
                                       log->partition, name, value.len)
                            : WEFT_OK;
    }
    wf_buf_fini(&value);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

static void
put_row(struct wf_batch *batch, const char *name, uint64_t number)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};

    wf_keys_store(&key, name);
    wf_buf_put_u64(&value, number);
    wf_batch_put(batch, WF_CF_META, wf_buf_bytes(&key), wf_buf_bytes(&value));
    wf_buf_fini(&key);
    wf_buf_fini(&value);
}

weft_err
wf_log_partition_found(struct wf_store store, uint64_t redo, uint64_t rows)
{
    struct wf_batch batch = {0};
    weft_err err;

    put_row(&batch, "redo", redo);
    put_row(&batch, "rows", rows);
    err = store.ops->write(store.self, &batch, true);
    wf_batch_fini(&batch);
    return err;
}

static weft_err
find_place(struct wf_log_partition *log, const struct wf_shared_place *place)
{
    uint64_t redo = 1;
    uint64_t rows = 0;
    weft_err err = read_row(log, "redo", &redo);

    if (err == WEFT_OK) {
        err = read_row(log, "rows", &rows);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (rows > place->last || redo > place->last + 1) {
        return wf_error(WEFT_ELOST,
                        "partition %" PRIu32 ": its rows are of commit %" PRIu64
                        ", and the shared log ends with %" PRIu64
                        ": the log has gone back",
                        log->partition, rows, place->last);
    }
    if (redo < place->first) {
        return wf_error(WEFT_ENOTFOUND,
                        "partition %" PRIu32 ": its rows need commit %" PRIu64
                        ", and the shared log begins with %" PRIu64,
                        log->partition, redo, place->first);
    }
    atomic_init(&log->first, redo);
    atomic_init(&log->last, place->last);
    return WEFT_OK;
}

weft_err
wf_log_partition_open(const struct wf_shared_log *shared, uint32_t partition,
                      const struct wf_shared_place *place,
                      struct wf_store store, struct wf_log *out_log)
{
    struct wf_log_partition *log = wf_calloc(sizeof(*log));
    weft_err err;

    log->shared = shared;
    log->partition = partition;
    log->store = store;
    WF_ASSERT(pthread_mutex_init(&log->lock, NULL) == 0);
    err = find_place(log, place);
    if (err != WEFT_OK) {
        close_log(log);
        return err;
    }
    out_log->ops = &partition_ops;
    out_log->self = log;
    return WEFT_OK;
}

static void
close_log(void *self)
{
    struct wf_log_partition *log = self;

    wf_batch_fini(&log->kept);
    wf_buf_fini(&log->key);
    pthread_mutex_destroy(&log->lock);
    wf_free(log);
}

static uint64_t
last_commit(void *self)
{
    struct wf_log_partition *log = self;

    return atomic_load(&log->last);
}

static uint64_t
first_commit(void *self)
{
    struct wf_log_partition *log = self;

    return atomic_load(&log->first);
}

// WEFT_EBUSY: they are kept, and there is room for more.
static weft_err
write_kept(struct wf_log_partition *log)
{
    weft_err err;

    if (log->kept.count == 0) {
        return WEFT_OK;
    }
    err = log->store.ops->write(log->store.self, &log->kept, false);
    if (err == WEFT_OK) {
        wf_batch_reset(&log->kept);
    }
    return err;
}

// The commit is in the shared log. What then goes wrong here is a doubt about
// the store: it has to be opened anew, and made from the log.
static enum wf_append_result
save_rows(struct wf_log_partition *log, const struct wf_commit *commit)
{
    weft_err err = WEFT_OK;

    atomic_store(&log->last, commit->number);
    if (commit->rows == NULL || commit->rows->count == 0) {
        return WF_APPEND_DURABLE;
    }
    pthread_mutex_lock(&log->lock);
    wf_batch_append(&log->kept, commit->rows);
    put_row(&log->kept, "rows", commit->number);
    err = write_kept(log);
    if (err == WEFT_EBUSY && log->kept.ops.len < KEPT_BYTES_MAX) {
        err = WEFT_OK;
    }
    pthread_mutex_unlock(&log->lock);
    return err == WEFT_OK ? WF_APPEND_DURABLE : WF_APPEND_IN_DOUBT;
}

// A commit that holds rows alone has no number of its own in the shared log.
static uint32_t
make_appends(const struct wf_log *const *logs, struct wf_commit *commits,
             struct wf_shared_append *appends, uint32_t count)
{
    uint32_t made = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct wf_log_partition *log = logs[i]->self;

        WF_ASSERT(logs[i]->ops == &partition_ops);
        WF_ASSERT(commits[i].segments_count <= 1);
        if (commits[i].segments_count == 1) {
            appends[made++] = (struct wf_shared_append){
                .partition = log->partition,
                .segment = commits[i].frames,
            };
        }
    }
    return made;
}

void
wf_log_partition_append_all(const struct wf_log *const *logs,
                            struct wf_commit *commits,
                            enum wf_append_result *out_results, uint32_t count)
{
    struct wf_shared_append *appends = wf_calloc(count * sizeof(*appends));
    const struct wf_log_partition *any = logs[0]->self;
    uint32_t made = make_appends(logs, commits, appends, count);
    const struct wf_shared_append *append = appends;

    if (made > 0) {
        any->shared->ops->append(any->shared->self, appends, made);
    }
    for (uint32_t i = 0; i < count; i++) {
        enum wf_append_result result = WF_APPEND_DURABLE;

        commits[i].number = last_commit(logs[i]->self);
        if (commits[i].segments_count == 1) {
            commits[i].number = append->number;
            result = append->result;
            append++;
        }
        out_results[i] = result == WF_APPEND_DURABLE
                             ? save_rows(logs[i]->self, &commits[i])
                             : result;
    }
    wf_free(appends);
}

static enum wf_append_result
append(void *self, struct wf_commit *commit)
{
    struct wf_log log = {.ops = &partition_ops, .self = self};
    const struct wf_log *logs[] = {&log};
    enum wf_append_result result;

    wf_log_partition_append_all(logs, commit, &result, 1);
    return result;
}

static weft_err
read_commits(void *self, uint64_t from, wf_log_read_fn *fn, void *ctx)
{
    struct wf_log_partition *log = self;

    return log->shared->ops->read(log->shared->self, log->partition,
                                  from == 0 ? first_commit(log) : from, fn,
                                  ctx);
}

static weft_err
truncate_front(void *self, uint64_t to)
{
    struct wf_log_partition *log = self;
    weft_err err;

    if (to > last_commit(log) + 1) {
        to = last_commit(log) + 1;
    }
    if (to <= first_commit(log)) {
        return WEFT_OK;
    }
    pthread_mutex_lock(&log->lock);
    // The rows that made the commits dispensable were written before the flush
    // that the caller waited for; those that are kept were not.
    err = write_kept(log);
    if (err == WEFT_OK) {
        put_row(&log->kept, "redo", to);
        err = write_kept(log);
    }
    pthread_mutex_unlock(&log->lock);
    if (err == WEFT_OK) {
        atomic_store(&log->first, to);
    }
    return err;
}
