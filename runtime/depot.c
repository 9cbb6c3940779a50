// SPDX-License-Identifier: Apache-2.0
//
// depot.c - one store of a node, with its log and its beacon.
//
// What the store is, it says in rows of its own: depot_rows.c. How far it had
// got, its beacon says: depot_beacon.c.
//
// Threads: as depot.h says. The store is held during a write, so that whoever
// wants one moment of several stores can stop all writing (node_backup.c).

#include "runtime/depot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/trace.h"
#include "storage/beacon.h"
#include "storage/log.h"
#include "storage/store.h"

static weft_err open_checked(struct wf_depot *depot, bool accept_loss);

static char *
make_path(const struct wf_depot_options *options, const char *data_dir,
          const char *suffix)
{
    size_t size = strlen(data_dir) + strlen(suffix) + 32;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/store-%" PRIu32 "%s", data_dir,
                   options->index, suffix);
    return path;
}

void
wf_depot_init(struct wf_depot *depot, const struct wf_depot_options *options)
{
    *depot = (struct wf_depot){.options = *options};
    if (options->data_dir != NULL) {
        depot->dir = make_path(options, options->data_dir, "");
    }
    if (options->data_dir != NULL && options->shared == NULL) {
        depot->beacon_path = make_path(options, options->data_dir, ".beacon");
    }
    depot->options.data_dir = NULL; // borrowed for the call only
    (void)snprintf(depot->name, sizeof(depot->name), "store-%" PRIu32,
                   options->index);
    atomic_init(&depot->durable, 0);
    atomic_init(&depot->log_bytes, 0);
    atomic_init(&depot->commits, 0);
    WF_ASSERT(pthread_mutex_init(&depot->queue_lock, NULL) == 0);
    WF_ASSERT(pthread_mutex_init(&depot->append_lock, NULL) == 0);
    WF_ASSERT(pthread_rwlock_init(&depot->open_lock, NULL) == 0);
    WF_ASSERT(pthread_mutex_init(&depot->beacon_lock, NULL) == 0);
}

void
wf_depot_fini(struct wf_depot *depot)
{
    WF_ASSERT(depot->store == NULL);
    pthread_mutex_destroy(&depot->queue_lock);
    pthread_mutex_destroy(&depot->append_lock);
    pthread_rwlock_destroy(&depot->open_lock);
    pthread_mutex_destroy(&depot->beacon_lock);
    wf_free(depot->dir);
    wf_free(depot->beacon_path);
}

void
wf_depot_note(const struct wf_depot *depot, const char *verb, const char *text)
{
    const struct wf_clock *clock = &depot->options.clock;

    if (depot->options.trace != NULL) {
        wf_trace_emit(depot->options.trace, WF_TRACE_WARNING,
                      clock->wall_ms(clock->self), depot->name, verb, "%s",
                      text);
    }
}

void
wf_depot_close_log(struct wf_depot *depot)
{
    if (depot->log != NULL) {
        depot->log->ops->close(depot->log->self);
        wf_free(depot->log);
        depot->log = NULL;
    }
}

void
wf_depot_close_store(struct wf_depot *depot)
{
    wf_depot_close_log(depot);
    if (depot->store != NULL) {
        depot->store->ops->close(depot->store->self);
        wf_free(depot->store);
        depot->store = NULL;
    }
}

void
wf_depot_hold(struct wf_depot *depot)
{
    pthread_mutex_lock(&depot->queue_lock);
    pthread_mutex_lock(&depot->append_lock);
    pthread_mutex_unlock(&depot->queue_lock);
}

void
wf_depot_let_go(struct wf_depot *depot)
{
    pthread_mutex_unlock(&depot->append_lock);
}

void
wf_depot_close(struct wf_depot *depot)
{
    pthread_rwlock_wrlock(&depot->open_lock);
    wf_depot_close_store(depot);
    pthread_rwlock_unlock(&depot->open_lock);
    wf_depot_close_beacon(depot);
}

weft_err
wf_depot_open(struct wf_depot *depot, bool accept_loss)
{
    weft_err err = depot->options.shared == NULL
                       ? open_checked(depot, accept_loss)
                       : wf_depot_open_shared(depot);

    if (err != WEFT_OK) {
        wf_depot_close_store(depot);
    }
    return err;
}

weft_err
wf_depot_reopen(struct wf_depot *depot)
{
    struct wf_commit barrier = {0};
    weft_err err;

    pthread_rwlock_wrlock(&depot->open_lock);
    if (depot->options.shared != NULL) {
        wf_depot_close_log(depot);
        err = wf_depot_open_shared(depot); // to acquire it is the barrier
    } else {
        wf_depot_close_store(depot);
        err = open_checked(depot, false);
        if (err == WEFT_OK && depot->is_new) {
            err = wf_error(WEFT_ELOST, "%s: it is empty", depot->name);
        }
        if (err == WEFT_OK &&
            wf_depot_append(depot, &barrier) != WF_DEPOT_DURABLE) {
            err = wf_error(WEFT_EIO, "%s: it takes no commit", depot->name);
        }
    }
    if (err != WEFT_OK && depot->options.shared == NULL) {
        wf_depot_close_store(depot);
    }
    pthread_rwlock_unlock(&depot->open_lock);
    return err;
}

weft_err
wf_depot_open_store(struct wf_depot *depot)
{
    struct wf_store store;
    weft_err err;

    if (depot->options.open_store != NULL) {
        err = depot->options.open_store(depot->options.ctx,
                                        depot->options.index, &store);
    } else {
        err = wf_store_rocks_open_share(
            depot->dir, false,
            depot->options.shared == NULL ? 1 : depot->options.count, &store);
    }
    if (err == WEFT_OK) {
        depot->store = wf_memdup(&store, sizeof(store));
        depot->opens++;
    }
    return err;
}

static weft_err
open_checked(struct wf_depot *depot, bool accept_loss)
{
    struct wf_beacon_state state = {0};
    struct wf_log log;
    bool has_beacon;
    weft_err err =
        wf_depot_check_beacon(depot, accept_loss, &state, &has_beacon);

    if (err != WEFT_OK) {
        return err;
    }
    err = wf_depot_open_store(depot);
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_log_local_open(*depot->store, true, &log);
    if (err != WEFT_OK) {
        return err;
    }
    depot->log = wf_memdup(&log, sizeof(log));
    depot->is_doubtful = false;
    atomic_store(&depot->durable, log.ops->last(log.self));
    err = wf_depot_check_rows(depot);
    if (err != WEFT_OK) {
        return err;
    }
    depot->beacon_next = state.next_commit;
    return wf_depot_check_last(depot, accept_loss, &state, has_beacon);
}

// Commits. --------------------------------------------------------------------

// The last chance to fail before, and the first after; both for tests.
static enum wf_append_result
append_with_faults(struct wf_depot *depot, struct wf_commit *commit)
{
    enum wf_append_result result;

    if (wf_fault_hit(WF_FAULT_BEFORE_COMMIT)) {
        return WF_APPEND_IN_DOUBT;
    }
    result = depot->log->ops->append(depot->log->self, commit);
    if (result == WF_APPEND_DURABLE && wf_fault_hit(WF_FAULT_AFTER_COMMIT)) {
        return WF_APPEND_IN_DOUBT;
    }
    return result;
}

void
wf_depot_count(struct wf_depot *depot, const struct wf_commit *commit,
               uint64_t took_ns)
{
    size_t rows_bytes = commit->rows == NULL ? 0 : commit->rows->ops.len;

    atomic_fetch_add(&depot->log_bytes, commit->frames.len);
    atomic_fetch_add(&depot->commits, 1);
    atomic_store(&depot->durable, commit->number);
    wf_histogram_add(&depot->commit_ns, WF_DEPOT_COMMIT_NS, took_ns);
    wf_counter_add(&depot->written_bytes, commit->frames.len);
    wf_histogram_add(&depot->commit_bytes, WF_DEPOT_COMMIT_BYTES,
                     commit->frames.len + rows_bytes);
    wf_histogram_add(&depot->commit_segments, WF_DEPOT_COMMIT_SEGMENTS,
                     commit->segments_count);
}

enum wf_depot_result
wf_depot_append(struct wf_depot *depot, struct wf_commit *commit)
{
    const struct wf_clock *clock = &depot->options.clock;
    enum wf_append_result result;
    uint64_t began_ns;

    wf_depot_hold(depot);
    began_ns = clock->mono_ns(clock->self);
    result = append_with_faults(depot, commit);
    if (result == WF_APPEND_DURABLE) {
        wf_depot_count(depot, commit, clock->mono_ns(clock->self) - began_ns);
    } else if (result != WF_APPEND_REFUSED) {
        depot->is_doubtful = true;
    }
    wf_depot_let_go(depot);

    if (result == WF_APPEND_REFUSED) {
        return WF_DEPOT_REFUSED;
    }
    if (result != WF_APPEND_DURABLE) {
        wf_depot_note(depot, "doubt", weft_err_detail());
        return WF_DEPOT_IN_DOUBT;
    }
    if (depot->options.is_strict && wf_depot_write_beacon(depot) != WEFT_OK) {
        // Durable, but not as durable as was promised: find out again.
        wf_depot_note(depot, "doubt", weft_err_detail());
        return WF_DEPOT_IN_DOUBT;
    }
    return WF_DEPOT_DURABLE;
}

weft_err
wf_depot_trim(struct wf_depot *depot, uint64_t to)
{
    weft_err err = depot->store->ops->flush(depot->store->self);

    if (err != WEFT_OK) {
        return err;
    }
    if (wf_fault_hit(WF_FAULT_BEFORE_TRIM)) {
        return wf_error(WEFT_EBUSY, "%s: a fault was injected", depot->name);
    }
    wf_depot_hold(depot);
    err = depot->log->ops->truncate(depot->log->self, to);
    depot->is_doubtful =
        depot->is_doubtful || (err != WEFT_OK && err != WEFT_EBUSY);
    wf_depot_let_go(depot);
    if (err == WEFT_OK && wf_fault_hit(WF_FAULT_AFTER_TRIM)) {
        return wf_error(WEFT_EBUSY, "%s: a fault was injected", depot->name);
    }
    return err;
}

bool
wf_depot_sweep(struct wf_depot *depot)
{
    const struct wf_store *store = depot->store;

    return store->ops->sweep != NULL && store->ops->sweep(store->self);
}

weft_err
wf_depot_finish(struct wf_depot *depot)
{
    weft_err err;

    if (depot->store == NULL) {
        return WEFT_OK;
    }
    err = depot->store->ops->flush(depot->store->self);
    if (err == WEFT_ECLOSED) {
        return WEFT_OK; // that was said when it happened
    }
    return err == WEFT_OK ? wf_depot_write_beacon(depot) : err;
}

uint64_t
wf_depot_first(struct wf_depot *depot)
{
    return depot->log->ops->first(depot->log->self);
}

// Copies. ---------------------------------------------------------------------

static weft_err
copy_store(struct wf_depot *depot, const char *dir)
{
    weft_err err;

    if (depot->store == NULL) {
        return wf_error(WEFT_ECLOSED, "%s: it is being opened anew",
                        depot->name);
    }
    err = depot->store->ops->checkpoint(depot->store->self, dir);
    // Was it the store that failed, and not the copy?
    if (err == WEFT_EIO &&
        depot->store->ops->flush(depot->store->self) != WEFT_OK) {
        err = wf_error(WEFT_ECLOSED, "%s: it failed", depot->name);
    }
    return err;
}

weft_err
wf_depot_backup(struct wf_depot *depot, const char *data_dir)
{
    char *dir = make_path(&depot->options, data_dir, "");
    char *path = make_path(&depot->options, data_dir, ".beacon");
    uint64_t commit = atomic_load(&depot->durable); // or newer, in the copy
    weft_err err = copy_store(depot, dir);

    if (err == WEFT_OK) {
        err = wf_depot_make_beacon(depot, path, dir, commit);
    }
    wf_free(path);
    wf_free(dir);
    return err;
}

weft_err
wf_depot_checkpoint(struct wf_depot *depot, const char *dir,
                    uint64_t *out_redo_from, uint64_t *out_last)
{
    weft_err err;

    // What is needed when the copy begins is enough for what it comes to.
    *out_redo_from = depot->log == NULL ? 0 : wf_depot_first(depot);
    err = copy_store(depot, dir);
    // Rows are written when their commit is durable, and counted after that.
    *out_last =
        depot->log == NULL ? 0 : depot->log->ops->last(depot->log->self);
    return err;
}
