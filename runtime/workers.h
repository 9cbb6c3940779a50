// SPDX-License-Identifier: Apache-2.0
//
// workers.h - the pool of threads that activities run on.
//
// Tasks come from shard threads and go back through `done`. A kind never has
// more attempts running than its max_parallel; what waits for that occupies no
// thread. First in, first out for each kind, and kinds take turns.

#ifndef WF_RUNTIME_WORKERS_H
#define WF_RUNTIME_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "weft/activity.h"
#include "weft/definitions.h"
#include "weft/error.h"

struct wf_activity_kind;
struct wf_beat;
struct wf_task;
struct wf_workers;

// Who watches the threads, for the black box. Each may be NULL. `worker` is 0
// to count + local_count - 1 and names one thread for its whole life. Called on
// that thread.
struct wf_workers_watch {
    void (*thread_begin)(void *ctx, uint32_t worker);
    void (*thread_end)(void *ctx, uint32_t worker);
    // User code begins, and has ended. The task is borrowed for the call.
    void (*begin)(void *ctx, uint32_t worker, const struct wf_task *task);
    void (*end)(void *ctx, uint32_t worker);
    void *ctx;
};

struct wf_workers_options {
    uint32_t count;       // of threads, made as they are needed; default 16
    uint32_t local_count; // the same, beside them, for local ones; default 4
    bool is_manual;       // no threads: only wf_workers_step runs tasks
    const weft_definitions *definitions; // borrowed
    struct wf_clock clock; // wall_ms stamps when tasks begin and beat

    // A task comes back, with its outcome; takes it. From a worker's thread,
    // or from a thread in give, step or stop. Must not block.
    void (*done)(void *ctx, struct wf_task *task);
    // A heartbeat; takes it. From a worker's thread, before its task's done.
    void (*beat)(void *ctx, struct wf_beat *beat);
    void *ctx; // of both
    // As in struct wf_activity_host; or NULL.
    void (*choose_code)(void *ctx, const struct wf_activity_kind *kind,
                        weft_activity_fn **run, void **context);
    void *choose_ctx;
    struct wf_workers_watch watch;
};

// WEFT_EBUSY   not even one thread could be made
weft_err wf_workers_create(const struct wf_workers_options *options,
                           struct wf_workers **out_workers);

// Run the task when its turn comes; takes it. Any thread; never waits. What
// was abandoned or cancelled before it began comes back without having run,
// with WEFT_ECLOSED or WEFT_ECANCELLED, what was paused with WEFT_EBUSY, and
// started_at_ms is 0. After stop
// everything comes back at once, abandoned: it was not run, so whoever gets it
// must not count that as a failed attempt.
void wf_workers_give(struct wf_workers *workers, struct wf_task *task);

// Manual pools: run one waiting task on the caller's thread. False: none can
// run.
bool wf_workers_step(struct wf_workers *workers);

// Of an activity kind, by its index: how many tasks wait for a thread or for
// others of the kind to end, and how many run.
void wf_workers_depth(struct wf_workers *workers, uint32_t kind,
                      uint64_t *out_waiting, uint64_t *out_running);

// Tasks that were given and have not come back.
uint64_t wf_workers_open(const struct wf_workers *workers);

// Wait for what runs, then give back what has not begun, abandoned. Nothing
// runs afterwards; stopping again does nothing.
void wf_workers_stop(struct wf_workers *workers);

// Stopped before, and no thread gives any more. NULL is fine.
void wf_workers_destroy(struct wf_workers *workers);

#endif
