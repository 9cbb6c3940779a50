// SPDX-License-Identifier: Apache-2.0
//
// task.h - one attempt of an activity, on its way to a worker and back.
//
// The partition makes it and frees it. While a worker has it, the partition
// may only read and set the atomics. A task whose partition was rebuilt
// meanwhile comes back to the new one, which knows it by its incarnation and
// frees it.

#ifndef WF_RUNTIME_TASK_H
#define WF_RUNTIME_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/key.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "runtime/request.h"

struct wf_activity_kind;

// How an attempt ended. Strings and bytes are owned.
struct wf_outcome {
    weft_err err;    // WEFT_OK, WEFT_EFAILED, WEFT_ECANCELLED, WEFT_EDEFERRED
    char *name;      // of the failure; or NULL
    char *message;   // or NULL
    weft_bytes data; // result, or details of the failure
    bool is_final;   // not to be retried
    uint64_t retry_after_ms; // before the next attempt; 0: as the policy says
};

void wf_outcome_fini(struct wf_outcome *outcome); // leaves it zero

struct wf_task {
    struct wf_mpsc_node queue; // between threads
    struct wf_list_node node;  // in a list of the partition or the workers
    uint32_t partition;
    uint64_t incarnation; // of the partition that made it

    struct wf_key caller; // owned
    struct wf_token token;
    uint32_t attempt; // as its code sees it: from 1, also after a reset
    const struct wf_activity_kind *kind; // borrowed from the definitions
    bool is_local;                       // it has a share of the workers
    weft_bytes input;                    // owned
    weft_bytes details; // owned: last heartbeat of an earlier attempt
    weft_bytes headers; // owned: of the caller, as options (start.h)
    char key[33];       // idempotency key

    // Set by the partition, read by the worker.
    atomic_bool is_cancelled; // the caller asks it to stop
    atomic_bool is_abandoned; // timed out: the result will be dropped
    atomic_bool is_paused;    // an operator holds the activity up
    // When it was handed out, on the partition's clock and on the workers'.
    // What workers stamp is counted from there, so that a jump of the wall
    // clock times nothing out.
    uint64_t given_at_ms;
    uint64_t given_ns;
    // Set by the worker, read by the partition. 0: not yet.
    _Atomic uint64_t started_at_ms;
    _Atomic uint64_t beat_at_ms;
    // Of the workers' clock, for who counts when it is back; 0: it did not run.
    uint64_t began_ns;
    uint64_t ended_ns;

    struct wf_outcome outcome; // set by the worker before it gives it back
};

struct wf_task *wf_task_create(void); // zeroed
// Now, on the clock of the partition that made it.
uint64_t wf_task_now_ms(const struct wf_task *task,
                        const struct wf_clock *clock);
void wf_task_destroy(struct wf_task *task); // NULL is fine

// A heartbeat on its way from a worker to the partition, which frees it.
struct wf_beat {
    struct wf_mpsc_node queue;
    uint32_t partition;
    uint64_t incarnation;
    struct wf_key caller; // owned
    struct wf_token token;
    weft_bytes details; // owned
};

void wf_beat_destroy(struct wf_beat *beat);

#endif
