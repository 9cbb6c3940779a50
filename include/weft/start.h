// SPDX-License-Identifier: Apache-2.0
//
// start.h - how an instance is started: what may differ from the defaults.
//
// Used wherever something starts an instance: weft_client_start_with and
// weft_request in client.h. An instance keeps what it was started with over
// all its runs; weft_workflow_restart and a retry begin a new run, a new start
// of the id begins a new instance.

#ifndef WEFT_START_H
#define WEFT_START_H

#include <stddef.h>
#include <stdint.h>

#include "weft/activity.h"
#include "weft/attributes.h"
#include "weft/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

// A name of up to 255 bytes, without control characters, and its value.
typedef struct weft_pair {
    const char *name;
    weft_bytes value;
} weft_pair;

// Pairs that weft gives out are packed. Take the first one off *pairs: 1, or 0
// if there is none left. Borrowed from where the pairs are.
WEFT_API int weft_pairs_next(weft_bytes *pairs, weft_pair *out_pair);
// The value of that name; empty if there is none.
WEFT_API weft_bytes weft_pairs_get(weft_bytes pairs, const char *name);

// A finished instance of the same id: start again, or not? (Temporal: workflow
// id reuse policy.)
typedef enum weft_reuse {
    WEFT_REUSE_ALLOW,
    WEFT_REUSE_AFTER_FAILURE, // only if it did not complete
    WEFT_REUSE_REJECT
} weft_reuse;

// A running instance of the same id: what then? (Temporal: workflow id
// conflict policy.)
typedef enum weft_conflict {
    WEFT_CONFLICT_FAIL,         // WEFT_EEXISTS
    WEFT_CONFLICT_USE_EXISTING, // answer as if it had been started now
    // Terminate it and start, in one step: nobody sees the id without an
    // instance. Messages it had not handled yet stay its own.
    WEFT_CONFLICT_TERMINATE_EXISTING
} weft_conflict;

// Start from WEFT_START_OPTIONS_INIT and set what differs. All of it holds for
// workflows and for plain actors. Times are in milliseconds; zero timeouts and
// WEFT_FOREVER are none.
typedef struct weft_start_options {
    size_t struct_size;
    weft_reuse reuse;
    weft_conflict conflict;
    // The instance exists at once, and handles its first message after this
    // long. Until then signals wait, a cancellation ends it without running
    // its code, and a signal-with-start or update-with-start lets it begin at
    // once. (Temporal: the same.) WEFT_FOREVER: only that lets it begin.
    uint64_t start_delay_ms;
    // How long the instance may take over all its runs, the pauses between
    // them included, and how long one run may take. Both count from when it
    // may begin. When the time is over, no more of its code runs, and its
    // status is WEFT_STATUS_TIMED_OUT; parking and pausing stop no clock.
    uint64_t execution_timeout_ms;
    uint64_t run_timeout_ms;
    // When a run fails or exceeds run_timeout_ms: begin another one, with the
    // same input, after a pause. All zero: never; else as for activities.
    // total_ms counts from when the instance may begin. The failure of a run
    // that took too long is named "timed_out". Whoever waits for the result
    // learns of the last run only.
    weft_retry_policy retry;
    // The version of a workflow to start on and to stay with, retired or not,
    // whatever the upgrade of newer ones says. 0: the highest that is not
    // retired. WEFT_ENOTFOUND if it is not registered. (Temporal: versioning
    // override, pinned.)
    uint32_t version;
    // What travels along: a trace context ("traceparent"), a tenant. Read with
    // weft_workflow_header and weft_actor_header. An instance gives its headers
    // on to its activities and children and to the signals it sends, and they
    // to theirs. At most 8 KiB in all. (Temporal: context propagation.)
    const weft_pair *headers;
    size_t headers_count;
    // What people should see beside the id: shown by describe and list, changed
    // with weft_workflow_memo_set and weft_actor_memo_set. At most 8 KiB in
    // all. (Temporal: memo.)
    const weft_pair *memo;
    size_t memo_count;
    const weft_attribute *attributes; // that it begins with; limits as there
    size_t attributes_count;
} weft_start_options;

#define WEFT_START_OPTIONS_INIT                                                \
    {                                                                          \
        .struct_size = sizeof(weft_start_options)                              \
    }

#ifdef __cplusplus
}
#endif

#endif
