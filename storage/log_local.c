// SPDX-License-Identifier: Apache-2.0
//
// log_local.c - the redo log in the `log` column family of a store.
//
// One commit is one row: its number, and u32 segment count with the frames one
// after another. Row and saved rows are one synced batch, so that a row is
// never newer than the log.
//
// The numbers are the keys. At open, the first is the first row; the last is
// found by galloping: "is there a row at or after k?" costs one seek and reads
// one row, while a walk would read the whole window. The newest commit is
// never truncated, because it is what holds the numbering.
//
// Rows are deleted from the front, by range. That write is synced too: of all
// writes only the last may be torn (wal.h).
//
// Threads: `lock` guards numbers and batch, and keeps append and truncate from
// writing at the same time, which a store does not allow.

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/batch_impl.h"
#include "storage/keys.h"
#include "storage/log.h"

#define COMMIT_KEY_BYTES 8

// Always true:
//   I1  first <= last + 1      equal only while there is no commit at all
//   I2  the store holds exactly the rows of [first, last], unless in_doubt
struct wf_log_local {
    struct wf_store store;
    bool sync;
    pthread_mutex_t lock;
    uint64_t first;
    uint64_t last;
    bool in_doubt;         // a write's outcome is not known: append no more
    struct wf_batch batch; // of append; its memory is kept between commits
    struct wf_buf key;     // of append
};

static enum wf_append_result append(void *self, struct wf_commit *commit);
static weft_err read_commits(void *self, uint64_t from, wf_log_read_fn *fn,
                             void *ctx);
static weft_err truncate_front(void *self, uint64_t to);
static uint64_t last_commit(void *self);
static uint64_t first_commit(void *self);
static void close_log(void *self);
static weft_err find_first_and_last(struct wf_log_local *log);

static const struct wf_log_ops local_ops = {
    .append = append,
    .read = read_commits,
    .truncate = truncate_front,
    .last = last_commit,
    .first = first_commit,
    .close = close_log,
};

weft_err
wf_log_local_open(struct wf_store store, bool sync, struct wf_log *out_log)
{
    struct wf_log_local *log = wf_calloc(sizeof(*log));
    weft_err err;

    log->store = store;
    log->sync = sync;
    WF_ASSERT(pthread_mutex_init(&log->lock, NULL) == 0);

    err = find_first_and_last(log);
    if (err != WEFT_OK) {
        close_log(log);
        return err;
    }
    WF_ASSERT(log->first <= log->last + 1); // I1
    out_log->ops = &local_ops;
    out_log->self = log;
    return WEFT_OK;
}

static void
close_log(void *self)
{
    struct wf_log_local *log = self;

    wf_batch_fini(&log->batch);
    wf_buf_fini(&log->key);
    pthread_mutex_destroy(&log->lock);
    wf_free(log);
}

static uint64_t
last_commit(void *self)
{
    struct wf_log_local *log = self;
    uint64_t last;

    pthread_mutex_lock(&log->lock);
    last = log->last;
    pthread_mutex_unlock(&log->lock);
    return last;
}

static uint64_t
first_commit(void *self)
{
    struct wf_log_local *log = self;
    uint64_t first;

    pthread_mutex_lock(&log->lock);
    first = log->first;
    pthread_mutex_unlock(&log->lock);
    return first;
}

// Build the whole commit in log->batch.
static void
build_batch(struct wf_log_local *log, const struct wf_commit *commit)
{
    uint8_t head[4];
    uint32_t count = commit->segments_count;

    for (size_t i = 0; i < sizeof(head); i++) {
        head[i] = (uint8_t)(count >> (8 * (3 - i)));
    }
    wf_keys_log(&log->key, commit->number);
    wf_batch_reset(&log->batch);
    wf_batch_put_parts(&log->batch, WF_CF_LOG, wf_buf_bytes(&log->key),
                       weft_bytes_of(head, sizeof(head)), commit->frames);
    if (commit->rows != NULL) {
        wf_batch_append(&log->batch, commit->rows);
    }
}

static enum wf_append_result
append(void *self, struct wf_commit *commit)
{
    struct wf_log_local *log = self;
    enum wf_append_result result = WF_APPEND_IN_DOUBT;
    weft_err err;

    WF_ASSERT(commit->frames.len >=
              (size_t)commit->segments_count * WF_SEGMENT_BYTES_MIN);

    pthread_mutex_lock(&log->lock);
    commit->number = log->last + 1;
    if (log->in_doubt) {
        goto out;
    }
    build_batch(log, commit);
    err = log->store.ops->write(log->store.self, &log->batch, log->sync);
    if (err == WEFT_OK) {
        log->last = commit->number;
        result = WF_APPEND_DURABLE;
    } else if (err == WEFT_EBUSY) {
        result = WF_APPEND_REFUSED;
    } else {
        // Whatever it was, nothing more is promised about this commit.
        log->in_doubt = true;
    }

out:
    pthread_mutex_unlock(&log->lock);
    return result;
}

static weft_err
truncate_front(void *self, uint64_t to)
{
    struct wf_log_local *log = self;
    struct wf_batch batch = {0};
    struct wf_buf from_key = {0};
    struct wf_buf to_key = {0};
    weft_err err = WEFT_OK;

    pthread_mutex_lock(&log->lock);
    if (to > log->last) {
        to = log->last;
    }
    if (to <= log->first) {
        goto out;
    }
    // From the first, not from 0: ranges that do not overlap stay cheap.
    wf_keys_log(&from_key, log->first);
    wf_keys_log(&to_key, to);
    wf_batch_delete_range(&batch, WF_CF_LOG, wf_buf_bytes(&from_key),
                          wf_buf_bytes(&to_key));
    err = log->store.ops->write(log->store.self, &batch, log->sync);
    if (err != WEFT_OK) {
        goto out;
    }
    log->first = to;

out:
    pthread_mutex_unlock(&log->lock);
    wf_batch_fini(&batch);
    wf_buf_fini(&from_key);
    wf_buf_fini(&to_key);
    return err;
}

// What finds one row.
struct probe {
    uint64_t number;
    bool is_found;
    weft_err err;
};

static weft_err
decode_key(weft_bytes key, uint64_t *out_number)
{
    struct wf_reader reader = wf_reader_of(key);
    uint64_t number = wf_reader_u64(&reader);

    // After the last of all numbers no commit could come.
    if (key.len != COMMIT_KEY_BYTES || number == 0 || number == UINT64_MAX) {
        return wf_error(WEFT_ECORRUPT,
                        "log: a key of %zu bytes is no commit number", key.len);
    }
    *out_number = number;
    return WEFT_OK;
}

static bool
take_first_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct probe *probe = ctx;

    (void)value;
    probe->err = decode_key(key, &probe->number);
    probe->is_found = probe->err == WEFT_OK;
    return false;
}

// Find the first commit at or after `from`.
static weft_err
probe_from(struct wf_log_local *log, uint64_t from, struct probe *out_probe)
{
    weft_err err;

    *out_probe = (struct probe){0};
    wf_keys_log(&log->key, from);
    err = log->store.ops->scan(log->store.self, WF_CF_LOG,
                               wf_buf_bytes(&log->key), weft_nothing(),
                               take_first_row, out_probe);
    return err != WEFT_OK ? err : out_probe->err;
}

static weft_err
find_first_and_last(struct wf_log_local *log)
{
    struct probe probe;
    uint64_t step = 1;
    bool is_growing = true;
    weft_err err;

    err = probe_from(log, 0, &probe);
    if (err != WEFT_OK) {
        return err;
    }
    log->first = probe.is_found ? probe.number : 1;
    log->last = probe.is_found ? probe.number : 0;
    if (!probe.is_found) {
        return WEFT_OK;
    }

    // A row at or after last + step moves last; none halves the step. It ends
    // after two logarithms of the row count, whatever the rows are.
    while (step > 0) {
        probe.is_found = false;
        if (step <= UINT64_MAX - log->last) {
            err = probe_from(log, log->last + step, &probe);
            if (err != WEFT_OK) {
                return err;
            }
        }
        if (probe.is_found) {
            log->last = probe.number;
        } else {
            is_growing = false;
        }
        step = is_growing ? step * 2 : step / 2;
    }
    return WEFT_OK;
}

// A walk over the commits.
struct walk {
    uint64_t next; // the number that must come
    wf_log_read_fn *fn;
    void *ctx;
    struct wf_segment *segments;
    size_t segments_cap;
    weft_err err;
};

// Decode the frames of one row into walk->segments.
static weft_err
decode_row(struct walk *walk, uint64_t number, weft_bytes value,
           uint32_t *out_count)
{
    struct wf_reader reader = wf_reader_of(value);
    uint32_t count = wf_reader_u32(&reader);

    // Before memory is taken for it: so many cannot be in there.
    if (reader.failed ||
        count > wf_reader_left(&reader) / WF_SEGMENT_BYTES_MIN) {
        return wf_error(WEFT_ECORRUPT, "log: commit %" PRIu64 " is cut short",
                        number);
    }
    if (count > walk->segments_cap) {
        walk->segments =
            wf_realloc(walk->segments, count * sizeof(*walk->segments));
        walk->segments_cap = count;
    }
    for (uint32_t i = 0; i < count; i++) {
        weft_err err = wf_segment_decode(&reader, &walk->segments[i]);
        if (err != WEFT_OK) {
            return wf_error(err,
                            "log: commit %" PRIu64 ", segment %" PRIu32
                            " of %" PRIu32 " fails its check",
                            number, i + 1, count);
        }
    }
    if (wf_reader_left(&reader) != 0) {
        return wf_error(WEFT_ECORRUPT,
                        "log: commit %" PRIu64 " has %zu bytes too many",
                        number, wf_reader_left(&reader));
    }
    *out_count = count;
    return WEFT_OK;
}

static bool
visit_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct walk *walk = ctx;
    uint64_t number = 0;
    uint32_t count = 0;

    walk->err = decode_key(key, &number);
    if (walk->err != WEFT_OK) {
        return false;
    }
    if (number != walk->next) {
        walk->err =
            wf_error(WEFT_ECORRUPT,
                     "log: commits %" PRIu64 " to %" PRIu64 " are missing",
                     walk->next, number - 1);
        return false;
    }
    walk->err = decode_row(walk, number, value, &count);
    if (walk->err != WEFT_OK) {
        return false;
    }
    walk->next++;
    walk->err = walk->fn(walk->ctx, number, walk->segments, count);
    return walk->err == WEFT_OK;
}

static weft_err
read_commits(void *self, uint64_t from, wf_log_read_fn *fn, void *ctx)
{
    struct wf_log_local *log = self;
    struct walk walk = {.next = from, .fn = fn, .ctx = ctx};
    struct wf_buf key = {0};
    uint64_t last = last_commit(log);
    weft_err err;

    if (from == 0) { // all there are
        walk.next = first_commit(log);
    }
    wf_keys_log(&key, walk.next);
    err = log->store.ops->scan(log->store.self, WF_CF_LOG, wf_buf_bytes(&key),
                               weft_nothing(), visit_row, &walk);
    if (walk.err != WEFT_OK) {
        err = walk.err; // what stopped the scan
    }
    if (err == WEFT_OK && walk.next <= last) {
        err = wf_error(WEFT_ECORRUPT,
                       "log: commits %" PRIu64 " to %" PRIu64 " are missing",
                       walk.next, last);
    }
    if (err == WEFT_OK && walk.next > last + 1) {
        err = wf_error(WEFT_ECORRUPT,
                       "log: it ends at commit %" PRIu64 ", before %" PRIu64,
                       last, walk.next);
    }
    wf_buf_fini(&key);
    wf_free(walk.segments);
    return err;
}
