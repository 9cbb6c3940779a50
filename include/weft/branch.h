// SPDX-License-Identifier: Apache-2.0
//
// branch.h - several things at once in one workflow: branches with stacks of
// their own, scopes of cancellation, conditions.
//
// Branches take turns on one thread: one runs until it waits, then the next
// that has something to do, in an order that is the same in every replay. So
// what they share needs no lock. (Temporal: coroutines, workflow.Go,
// CancellationScope, workflow.Await.)
//
// Threads: every function here is called from the workflow's own function or
// a branch of it.

#ifndef WEFT_BRANCH_H
#define WEFT_BRANCH_H

#include "weft/workflow.h"

#ifdef __cplusplus
extern "C" {
#endif

// Branches. -----------------------------------------------------------------

// Returns as a workflow function does. In it, weft_workflow_return, _fail,
// _failure and _defer are about the branch.
typedef weft_err weft_branch_fn(weft_workflow *wf, void *ctx);

typedef struct weft_branch_options {
    size_t struct_size;
    uint32_t stack_bytes; // 16 KiB to 8 MiB; default: that of the workflow
    int is_detached;      // 1: cancelling the workflow does not reach it
} weft_branch_options;

#define WEFT_BRANCH_OPTIONS_INIT                                               \
    {                                                                          \
        .struct_size = sizeof(weft_branch_options)                             \
    }

// Begin fn(wf, ctx) beside the code that calls this; it runs when that code
// waits. It belongs to the scope that is open now. ctx must live until it has
// returned: usually a variable of the function that awaits it. options may be
// NULL. The future is known when fn has returned; awaiting it gives what fn
// set with weft_workflow_return, or WEFT_EFAILED, or WEFT_ECANCELLED.
//
// A workflow function that returns while a branch still runs is parked, with
// the branch's name in the reason: await it, or cancel and await it.
//
// WEFT_EBUSY    1,000 branches run
// WEFT_EINVAL   no name or function, or stack_bytes is out of range
WEFT_API weft_err weft_workflow_branch(weft_workflow *wf, const char *name,
                                       weft_branch_fn *fn, void *ctx,
                                       const weft_branch_options *options,
                                       weft_future *out_future);

// Scopes. -------------------------------------------------------------------

// A stretch of one branch's code with a cancellation of its own: whatever is
// begun between begin and end belongs to it, branches and scopes too. 0 is
// never one.
typedef uint32_t weft_scope;

// timeout_ms after now it ends by itself: waits in it return WEFT_ETIMEDOUT.
// WEFT_FOREVER: it does not. Scopes nest.
WEFT_API weft_err weft_workflow_scope_begin(weft_workflow *wf,
                                            uint64_t timeout_ms,
                                            weft_scope *out_scope);

// Leave the scope that this branch entered last.
//
// WEFT_EINVAL   it is not that one
WEFT_API weft_err weft_workflow_scope_end(weft_workflow *wf, weft_scope scope);

// Waits in it return WEFT_ECANCELLED from now on, but inside shields; what was
// begun in it and is not known is cancelled as by weft_workflow_cancel, all but
// receivers. From any branch; nothing if it was cancelled already.
//
// WEFT_EINVAL   no such scope, or nothing belongs to it any more
WEFT_API weft_err weft_workflow_scope_cancel(weft_workflow *wf,
                                             weft_scope scope);

// Conditions and combinations. ----------------------------------------------

// Looks at variables that branches share. What begins, waits or sets something
// gives WEFT_EINVAL in it.
typedef int weft_condition_fn(void *ctx);

// Wait until condition(ctx) is not 0. It is asked whenever other branches have
// run. timeout_ms may be WEFT_FOREVER.
//
// WEFT_ETIMEDOUT  it was 0 all the time
WEFT_API weft_err weft_workflow_await_condition(weft_workflow *wf,
                                                weft_condition_fn *condition,
                                                void *ctx, uint64_t timeout_ms);

// Wait until one has gone well, and tell which. (JavaScript: Promise.any)
//
// WEFT_EFAILED    all have failed; weft_workflow_failure is the last one's
// WEFT_ETIMEDOUT  none in time
WEFT_API weft_err weft_workflow_await_success(weft_workflow *wf,
                                              const weft_future *futures,
                                              size_t count, uint64_t timeout_ms,
                                              size_t *out_index);

// weft_workflow_await_any, then cancel all the others.
WEFT_API weft_err weft_workflow_race(weft_workflow *wf,
                                     const weft_future *futures, size_t count,
                                     uint64_t timeout_ms, size_t *out_index);

#ifdef __cplusplus
}
#endif

#endif
