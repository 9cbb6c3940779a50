// SPDX-License-Identifier: Apache-2.0
//
// child.h - children: how they start, and what becomes of them when their
// parent gives them up, ends or begins again.
//
// Workflows call what is here, plain actors weft_actor_spawn (actor.h). NULL
// stands for all default options.

#ifndef WEFT_CHILD_H
#define WEFT_CHILD_H

#include <stddef.h>

#include "weft/activity.h"
#include "weft/actor.h"
#include "weft/start.h"
#include "weft/workflow.h"

#ifdef __cplusplus
extern "C" {
#endif

// What becomes of a child that is open when its parent ends, however it ends,
// or begins again. (Temporal: parent close policy, which terminates by
// default.)
typedef enum weft_parent_close {
    // It is asked to stop, and may clean up. If a later run of the parent
    // starts a child of its id before it has ended, it is terminated.
    WEFT_PARENT_CLOSE_CANCEL,
    // It ends at once, parked, paused and delayed too; no more of its code
    // runs.
    WEFT_PARENT_CLOSE_TERMINATE,
    WEFT_PARENT_CLOSE_ABANDON // it goes on, and nobody waits for its result
} weft_parent_close;

// Start from WEFT_CHILD_OPTIONS_INIT and set what differs.
struct weft_child_options {
    size_t struct_size;
    // How it starts, as for a client (start.h), borrowed for the call; NULL:
    // the defaults. Policies for an id in use that refuse it make the child
    // fail, by the name "WEFT_EEXISTS". An instance that runs is never adopted:
    // WEFT_CONFLICT_USE_EXISTING is WEFT_EINVAL. The child gets the headers of
    // its parent and these; of two of one name, this one.
    const weft_start_options *start;
    weft_parent_close parent_close;
    // What weft_workflow_cancel, a cancelled scope and weft_actor_call_cancel
    // do to it. (Temporal: the four cancellation types of children, of which
    // WEFT_CANCELLATION_WAIT is its default.)
    weft_cancellation cancellation;
    // 1: the parent learns when the child has been started, with
    // weft_workflow_child_started or as WEFT_MESSAGE_STARTED.
    int tell_started;
};

#define WEFT_CHILD_OPTIONS_INIT                                                \
    {                                                                          \
        .struct_size = sizeof(weft_child_options)                              \
    }

// What workflows call. -------------------------------------------------------

// Start a child workflow or actor and wait for its result. Runs that are
// retried or begun again are one child. options may be NULL.
//
// WEFT_EFAILED  it failed, was cancelled, terminated, or exists already;
//               weft_workflow_failure has the reason
// WEFT_EINVAL   an option is out of range; the detail names it
WEFT_API weft_err weft_workflow_child(weft_workflow *wf, weft_target child,
                                      weft_bytes input,
                                      const weft_child_options *options,
                                      weft_bytes *out_result);
WEFT_API weft_err weft_workflow_child_async(weft_workflow *wf,
                                            weft_target child, weft_bytes input,
                                            const weft_child_options *options,
                                            weft_future *out_future);

// For a child whose options say tell_started: a future that is known once the
// instance exists, its code may still have to wait; its result is the child's
// id. If the start was refused it fails, as the child's own future does.
//
// WEFT_EINVAL  no such future, or its options did not say so
WEFT_API weft_err weft_workflow_child_started(weft_workflow *wf,
                                              weft_future child,
                                              weft_future *out_started);

#ifdef __cplusplus
}
#endif

#endif
