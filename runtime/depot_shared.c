// SPDX-License-Identifier: Apache-2.0
//
// depot_shared.c - the store of one partition of a cluster.
//
// The shared log decides; the store is a copy of what can be made from it. So a
// store that is too old, or damaged, is made anew: from the newest snapshot, or
// from the log's beginning. Only one that knows of commits that the log has not
// is an error: then it is the log that has lost something. The copy may be
// behind, so this process remembers as well how far the log was.
//
// Threads: as depot.h says.

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/fault.h"
#include "runtime/depot.h"
#include "storage/log.h"
#include "storage/log_partition.h"
#include "storage/log_shared.h"
#include "storage/store.h"

static weft_err
check_ours(struct wf_depot *depot)
{
    const uint8_t *cluster_id = depot->options.cluster_id;
    weft_err err = wf_depot_check_rows(depot);

    if (err == WEFT_OK && depot->is_new) {
        err = wf_depot_found(depot, cluster_id);
    }
    if (err == WEFT_OK &&
        memcmp(depot->id, cluster_id, sizeof(depot->id)) != 0) {
        err =
            wf_error(WEFT_EFORMAT, "%s: it is of another cluster", depot->name);
    }
    return err;
}

// One that is open already may have failed meanwhile: then it is opened anew.
static weft_err
open_store(struct wf_depot *depot)
{
    weft_err err = depot->store == NULL ? wf_depot_open_store(depot) : WEFT_OK;

    if (err == WEFT_OK) {
        err = check_ours(depot);
    }
    if (err == WEFT_ECLOSED) {
        wf_depot_close_store(depot);
        err = wf_depot_open_store(depot);
        if (err == WEFT_OK) {
            err = check_ours(depot);
        }
    }
    return err;
}

// Open what there is. WEFT_ENOTFOUND, WEFT_ECORRUPT: it is of no use.
static weft_err
open_copy(struct wf_depot *depot, const struct wf_shared_place *place)
{
    struct wf_log log;
    weft_err err = open_store(depot);

    if (err == WEFT_OK) {
        err = wf_log_partition_open(depot->options.shared, depot->options.index,
                                    place, *depot->store, &log);
    }
    if (err == WEFT_OK) {
        depot->log = wf_memdup(&log, sizeof(log));
    }
    return err;
}

static weft_err
restore(struct wf_depot *depot, weft_err why)
{
    char *text = wf_strdup(weft_err_detail());
    weft_err err;

    wf_depot_note(depot, "restore", text);
    wf_depot_close_store(depot);
    err = depot->options.restore == NULL
              ? wf_error(why, "%s", text)
              : depot->options.restore(depot->options.ctx, depot->options.index,
                                       depot->dir);
    wf_free(text);
    return err;
}

// A database that was made to forget, or a standby that was behind.
static weft_err
check_not_back(struct wf_depot *depot, const struct wf_shared_place *place)
{
    uint64_t durable = atomic_load(&depot->durable);

    return place->last >= durable
               ? WEFT_OK
               : wf_error(WEFT_ELOST,
                          "%s: the shared log ends with commit %" PRIu64
                          ", and commit %" PRIu64 " was acknowledged: it has "
                          "gone back",
                          depot->name, place->last, durable);
}

// Open what there is, or what can be made from the newest snapshot.
static weft_err
open_or_restore(struct wf_depot *depot, const struct wf_shared_place *place)
{
    weft_err err = open_copy(depot, place);

    if (err == WEFT_ENOTFOUND || err == WEFT_ECORRUPT) {
        err = restore(depot, err);
        if (err == WEFT_OK) {
            err = open_copy(depot, place);
        }
        if (err == WEFT_ENOTFOUND) {
            err = wf_error(WEFT_ELOST,
                           "%s: the shared log begins with commit %" PRIu64
                           ", and no snapshot reaches so far",
                           depot->name, place->first);
        }
    }
    return err;
}

weft_err
wf_depot_open_shared(struct wf_depot *depot)
{
    const struct wf_shared_log *shared = depot->options.shared;
    struct wf_shared_place place;
    weft_err err;

    depot->epoch = 0;
    err = shared->ops->acquire(shared->self, depot->options.index, &place);
    if (err != WEFT_OK) {
        return err;
    }
    depot->epoch = place.epoch;
    err = check_not_back(depot, &place);
    if (err == WEFT_OK) {
        err = open_or_restore(depot, &place);
        depot->is_doubtful = false;
        atomic_store(&depot->durable, place.last);
    }
    atomic_store(&depot->is_stopped, err == WEFT_ELOST);
    return err;
}

weft_err
wf_depot_follow(struct wf_depot *depot)
{
    const struct wf_shared_log *shared = depot->options.shared;
    struct wf_shared_place place;
    weft_err err =
        shared->ops->look(shared->self, depot->options.index, &place);

    if (err == WEFT_OK) {
        pthread_rwlock_wrlock(&depot->open_lock);
        err = open_or_restore(depot, &place);
        pthread_rwlock_unlock(&depot->open_lock);
    }
    return err;
}

void
wf_depot_warm(struct wf_depot *depot)
{
    pthread_rwlock_wrlock(&depot->open_lock);
    if (depot->store == NULL && wf_depot_open_store(depot) != WEFT_OK) {
        wf_depot_close_store(depot);
    }
    pthread_rwlock_unlock(&depot->open_lock);
}

weft_err
wf_depot_release(struct wf_depot *depot)
{
    const struct wf_shared_log *shared = depot->options.shared;

    return shared->ops->release(shared->self, depot->options.index);
}

void
wf_depot_rest(struct wf_depot *depot)
{
    pthread_rwlock_wrlock(&depot->open_lock);
    wf_depot_close_log(depot);
    pthread_rwlock_unlock(&depot->open_lock);
}

static enum wf_depot_result
result_of(struct wf_depot *depot, enum wf_append_result result)
{
    switch (result) {
    case WF_APPEND_DURABLE:
        return WF_DEPOT_DURABLE;
    case WF_APPEND_FENCED:
        wf_depot_note(depot, "fenced", "another node has the partition");
        return WF_DEPOT_FENCED;
    case WF_APPEND_REFUSED:
    case WF_APPEND_IN_DOUBT:
        break;
    }
    wf_depot_note(depot, "doubt", weft_err_detail());
    return WF_DEPOT_IN_DOUBT;
}

static void
append_with_faults(const struct wf_log *const *logs, struct wf_commit *commits,
                   enum wf_append_result *results, uint32_t count)
{
    bool has_failed = wf_fault_hit(WF_FAULT_BEFORE_COMMIT);

    if (!has_failed) {
        wf_log_partition_append_all(logs, commits, results, count);
        has_failed = wf_fault_hit(WF_FAULT_AFTER_COMMIT);
    }
    for (uint32_t i = 0; has_failed && i < count; i++) {
        results[i] = WF_APPEND_IN_DOUBT;
    }
}

void
wf_depot_append_all(struct wf_depot *const *depots, struct wf_commit *commits,
                    enum wf_depot_result *out_results, uint32_t count)
{
    const struct wf_clock *clock = &depots[0]->options.clock;
    const struct wf_log **logs = wf_calloc(count * sizeof(*logs));
    enum wf_append_result *results = wf_calloc(count * sizeof(*results));
    uint64_t began_ns = clock->mono_ns(clock->self);
    uint64_t took_ns;

    for (uint32_t i = 0; i < count; i++) {
        logs[i] = depots[i]->log;
    }
    append_with_faults(logs, commits, results, count);
    took_ns = clock->mono_ns(clock->self) - began_ns;
    for (uint32_t i = 0; i < count; i++) {
        if (results[i] == WF_APPEND_DURABLE) {
            wf_depot_count(depots[i], &commits[i], took_ns);
        }
        out_results[i] = result_of(depots[i], results[i]);
    }
    wf_free(results);
    wf_free(logs);
}
