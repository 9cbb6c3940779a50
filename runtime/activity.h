// SPDX-License-Identifier: Apache-2.0
//
// activity.h - run one attempt of an activity on the calling thread.

#ifndef WF_RUNTIME_ACTIVITY_H
#define WF_RUNTIME_ACTIVITY_H

#include "base/clock.h"
#include "weft/activity.h"

struct wf_activity_kind;
struct wf_beat;
struct wf_interceptors;
struct wf_task;

// What an attempt needs of its surroundings.
struct wf_activity_host {
    struct wf_clock clock;                         // wall_ms stamps heartbeats
    void (*beat)(void *ctx, struct wf_beat *beat); // takes it
    void *ctx;
    // What is to run for a kind: both may be replaced. NULL: nothing is.
    void (*choose_code)(void *ctx, const struct wf_activity_kind *kind,
                        weft_activity_fn **run, void **context);
    void *choose_ctx;
    const struct wf_interceptors *interceptors; // NULL: none
};

// Call the kind's function and fill in task->outcome. Heartbeats are posted
// before it returns. The task stays the caller's.
void wf_activity_run(struct wf_task *task, const struct wf_activity_host *host);

#endif
