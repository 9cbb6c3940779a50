// SPDX-License-Identifier: Apache-2.0
//
// depot_beacon.c - what the beacon of a store says, and whether it is so.
//
// The beacon says how far the store had got when it was last looked at. It is
// checked twice: before the store is opened, the lengths of its files, because
// opening a store that was cut makes the cut final; and after, the number of
// its last commit. Without loss both are at least what the beacon says.
//
// A beacon is only written with what is durable already: `durable` is read
// before the files are measured, and they are measured between two writes, and
// not after one that failed, since half a record is not whole up to its end. So
// it never promises too much. One that could not be written is closed, and
// opened anew for the next try.
//
// Threads: as depot.h says.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "runtime/depot.h"
#include "storage/beacon.h"
#include "storage/log.h"

// What it says. ---------------------------------------------------------------

// A loss was found. Accepted, it is said once and forgotten.
static weft_err
lose(struct wf_depot *depot, bool accept_loss)
{
    if (!accept_loss) {
        return WEFT_ELOST;
    }
    wf_depot_note(depot, "lost", weft_err_detail());
    depot->has_lost = true;
    return WEFT_OK;
}

weft_err
wf_depot_check_beacon(struct wf_depot *depot, bool accept_loss,
                      struct wf_beacon_state *out_state, bool *out_has)
{
    weft_err err;

    *out_has = false;
    if (depot->beacon_path == NULL) {
        return WEFT_OK;
    }
    err = wf_beacon_read(depot->beacon_path, out_state);
    if (err == WEFT_ENOTFOUND) {
        return WEFT_OK;
    }
    if (err == WEFT_ECORRUPT && accept_loss) {
        wf_depot_note(depot, "lost", weft_err_detail());
        depot->has_lost = true;
        return remove(depot->beacon_path) == 0
                   ? WEFT_OK
                   : wf_error(WEFT_EIO, "%s: cannot be removed",
                              depot->beacon_path);
    }
    if (err != WEFT_OK) {
        return err;
    }
    *out_has = true;
    if (out_state->format != WF_DEPOT_FORMAT) {
        return wf_error(WEFT_EFORMAT,
                        "%s: its format is %" PRIu32 ", and %d was asked for",
                        depot->beacon_path, out_state->format, WF_DEPOT_FORMAT);
    }
    err = wf_beacon_check_files(depot->dir, out_state);
    if (err == WEFT_OK) {
        err = wf_beacon_check_end(depot->dir, out_state);
    }
    return err == WEFT_ELOST ? lose(depot, accept_loss) : err;
}

weft_err
wf_depot_check_last(struct wf_depot *depot, bool accept_loss,
                    const struct wf_beacon_state *state, bool has_beacon)
{
    uint64_t last = depot->log->ops->last(depot->log->self);

    if (depot->beacon_path == NULL) {
        return WEFT_OK;
    }
    if (!has_beacon) {
        if (last == 0) {
            return WEFT_OK; // made, and never used
        }
        (void)wf_error(WEFT_ELOST, "%s: the beacon is missing",
                       depot->beacon_path);
        return lose(depot, accept_loss);
    }
    if (last < state->last_commit) {
        (void)wf_error(WEFT_ELOST,
                       "%s: commits %" PRIu64 " to %" PRIu64 " are missing",
                       depot->dir, last + 1, state->last_commit);
        return lose(depot, accept_loss);
    }
    if (!depot->is_new &&
        memcmp(state->store_id, depot->id, sizeof(depot->id)) != 0) {
        (void)wf_error(WEFT_ELOST, "%s: it is not the store of its beacon",
                       depot->dir);
        return lose(depot, accept_loss);
    }
    return WEFT_OK;
}

weft_err
wf_depot_check_next(struct wf_depot *depot, struct wf_depot *next,
                    bool accept_loss)
{
    uint64_t last = next->log->ops->last(next->log->self);

    if (last >= depot->beacon_next) {
        return WEFT_OK;
    }
    (void)wf_error(WEFT_ELOST,
                   "%s: commits %" PRIu64 " to %" PRIu64
                   " are missing, as the beacon of %s says",
                   next->name, last + 1, depot->beacon_next, depot->name);
    return lose(next, accept_loss);
}

// Writing it. -----------------------------------------------------------------

static void
close_beacon(struct wf_depot *depot)
{
    wf_beacon_close(depot->beacon);
    depot->beacon = NULL;
}

// What is to be said now; does the beacon say so already?
static weft_err
look_around(struct wf_depot *depot, struct wf_beacon_state *state,
            bool *out_is_said)
{
    const struct wf_depot *next = depot->options.next;
    weft_err err;

    state->manifest = depot->beacon_manifest;
    err = wf_manifest_measure(depot->dir, &state->manifest);
    state->last_commit = atomic_load(&depot->durable);
    state->next_commit = next == NULL ? 0 : atomic_load(&next->durable);
    *out_is_said = depot->has_beacon &&
                   depot->beacon_commit == state->last_commit &&
                   depot->beacon_next == state->next_commit &&
                   depot->beacon_manifest.number == state->manifest.number &&
                   depot->beacon_manifest.bytes == state->manifest.bytes;
    return err;
}

// How long the log's files are between two writes. *out_is_doubtful: that says
// nothing, a write has failed.
static weft_err
measure_files(struct wf_depot *depot, struct wf_beacon_state *state,
              bool *out_is_doubtful)
{
    weft_err err = WEFT_OK;

    wf_depot_hold(depot);
    *out_is_doubtful = depot->is_doubtful;
    if (!*out_is_doubtful) {
        err = wf_beacon_list_files(depot->dir, state);
    }
    wf_depot_let_go(depot);
    return err;
}

static weft_err
write_beacon(struct wf_depot *depot)
{
    struct wf_beacon_state state = {0};
    struct wf_beacon_state before;
    bool is_said;
    bool is_new;
    bool is_doubtful;
    weft_err err = look_around(depot, &state, &is_said);

    if (err != WEFT_OK || is_said) {
        return err;
    }
    err = measure_files(depot, &state, &is_doubtful);
    if (err != WEFT_OK || is_doubtful) {
        return err;
    }
    err = wf_beacon_sync_files(depot->dir, &state);
    if (err == WEFT_OK && depot->beacon == NULL) {
        err = wf_beacon_open(depot->beacon_path, &depot->beacon, &before,
                             &is_new);
    }
    if (err != WEFT_OK) {
        return err;
    }
    memcpy(state.store_id, depot->id, sizeof(state.store_id));
    state.format = WF_DEPOT_FORMAT;
    err = wf_beacon_write(depot->beacon, &state);
    if (err != WEFT_OK) {
        close_beacon(depot);
        return err;
    }
    depot->has_beacon = true;
    depot->beacon_commit = state.last_commit;
    depot->beacon_next = state.next_commit;
    depot->beacon_manifest = state.manifest;
    wf_counter_add(&depot->beacons, 1);
    return WEFT_OK;
}

weft_err
wf_depot_write_beacon(struct wf_depot *depot)
{
    weft_err err;

    if (depot->beacon_path == NULL) {
        return WEFT_OK;
    }
    pthread_mutex_lock(&depot->beacon_lock);
    err = write_beacon(depot);
    pthread_mutex_unlock(&depot->beacon_lock);
    return err;
}

void
wf_depot_close_beacon(struct wf_depot *depot)
{
    pthread_mutex_lock(&depot->beacon_lock);
    close_beacon(depot);
    pthread_mutex_unlock(&depot->beacon_lock);
}

// The copy has no files in its write-ahead log, so its beacon names none.
weft_err
wf_depot_make_beacon(const struct wf_depot *depot, const char *path,
                     const char *dir, uint64_t commit)
{
    const struct wf_depot *next = depot->options.next;
    struct wf_beacon_state state = {0};
    struct wf_beacon *beacon = NULL;
    bool is_new;
    weft_err err = wf_beacon_open(path, &beacon, &state, &is_new);

    if (err == WEFT_OK) {
        state = (struct wf_beacon_state){
            .format = WF_DEPOT_FORMAT,
            .last_commit = commit,
            .next_commit = next == NULL ? 0 : atomic_load(&next->durable),
        };
        memcpy(state.store_id, depot->id, sizeof(state.store_id));
        err = wf_manifest_measure(dir, &state.manifest);
    }
    if (err == WEFT_OK) {
        err = wf_beacon_write(beacon, &state);
    }
    wf_beacon_close(beacon);
    return err;
}
