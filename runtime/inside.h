// SPDX-License-Identifier: Apache-2.0
//
// inside.h - does this thread run code of a turn: a handler, a workflow, a
// step, a query? And whose: which handle was that code given?
//
// Code of a turn must not wait for the node: it would wait for itself, for
// ever. And a handle - a weft_actor, weft_query, weft_activity, weft_workflow -
// is good only in the code that was given it, on its thread, until it returns.
// Handles are compared here and never looked into, so one that is kept too long
// is found out although its memory is gone. One that lies where a newer one
// lies is taken for that: never worse than the newer one's own.

#ifndef WF_RUNTIME_INSIDE_H
#define WF_RUNTIME_INSIDE_H

#include "weft/error.h"

void wf_inside_begin(void);
void wf_inside_end(void);

// May `what` block here?
//
// WEFT_EINVAL   no; the detail says why
weft_err wf_inside_check(const char *what);

// Around user code that is given this handle: what enter returns, leave is
// given back.
const void *wf_inside_enter(const void *handle);
void wf_inside_leave(const void *before);

// Was the code that runs on this thread given this handle?
//
// WEFT_EINVAL   no; the detail says what to do
weft_err wf_inside_handle(const void *handle, const char *what);

// For public functions, which have to ask before they look into the handle.
#define WF_IS_INSIDE(handle) (wf_inside_handle(handle, __func__) == WEFT_OK)
#define WF_REQUIRE_INSIDE(handle)                                              \
    do {                                                                       \
        if (!WF_IS_INSIDE(handle)) {                                           \
            return WEFT_EINVAL;                                                \
        }                                                                      \
    } while (0)

#endif
