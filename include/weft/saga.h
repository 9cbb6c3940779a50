// SPDX-License-Identifier: Apache-2.0
//
// saga.h - undo what was done, in reverse, when the rest cannot be done.
//
//     weft_saga *saga = weft_saga_create(wf);
//     err = weft_workflow_call(wf, "reserve", ...);
//     if (err == WEFT_OK) err = weft_saga_add(saga, "release", order, NULL);
//     if (err == WEFT_OK) err = weft_workflow_call(wf, "charge", ...);
//     ...
//     return weft_saga_end(saga, err);
//
// As durable as the workflow: after a crash, undoing goes on where it was.
// (Temporal: Saga; the pattern of the same name.)
//
// Threads: every function here is called from a workflow's own function or a
// branch of it. With NULL, or a saga of other code, those that return an error
// return WEFT_EINVAL and do nothing.

#ifndef WEFT_SAGA_H
#define WEFT_SAGA_H

#include "weft/workflow.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_saga weft_saga;

// In memory of the workflow: nothing to free. NULL only when called outside of
// the workflow's function, or out of memory.
WEFT_API weft_saga *weft_saga_create(weft_workflow *wf);

// Remember an activity that undoes what was just done. All copied, but
// options, which must outlive the saga; it may be NULL.
//
// WEFT_EINVAL   no such activity
// WEFT_ETOOBIG  the input is over 2 MiB
WEFT_API weft_err weft_saga_add(weft_saga *saga, const char *activity,
                                weft_bytes input,
                                const weft_call_options *options);

// The same with code, which may wait and call as a workflow does.
typedef weft_err weft_saga_fn(weft_workflow *wf, void *ctx);
WEFT_API weft_err weft_saga_add_fn(weft_saga *saga, weft_saga_fn *undo,
                                   void *ctx);

// Undo everything, last added first, also when the workflow is being
// cancelled. One that fails does not stop the others. Each is undone once.
//
// WEFT_EFAILED  some could not be undone; weft_workflow_failure is the last's
WEFT_API weft_err weft_saga_undo(weft_saga *saga);

// If err is WEFT_OK, forget the undo steps; else undo them, unless it is
// WEFT_EUNWIND. Returns err, or WEFT_EINVAL if it is no saga of this code. The
// failure that the workflow ends with is the one from before undoing.
WEFT_API weft_err weft_saga_end(weft_saga *saga, weft_err err);

#ifdef __cplusplus
}
#endif

#endif
