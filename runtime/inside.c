// SPDX-License-Identifier: Apache-2.0
//
// inside.c - a count and a handle for each thread. See inside.h.

#include "runtime/inside.h"

#include <stddef.h>

#include "base/assert.h"
#include "base/error.h"

static _Thread_local unsigned depth;
static _Thread_local const void *current; // what user code was given last

void
wf_inside_begin(void)
{
    depth++;
}

void
wf_inside_end(void)
{
    WF_ASSERT(depth > 0);
    depth--;
}

weft_err
wf_inside_check(const char *what)
{
    if (depth == 0) {
        return WEFT_OK;
    }
    return wf_error(WEFT_EINVAL,
                    "%s: called from a handler or workflow, it would wait for "
                    "itself; do it in an activity",
                    what);
}

const void *
wf_inside_enter(const void *handle)
{
    const void *before = current;

    current = handle;
    return before;
}

void
wf_inside_leave(const void *before)
{
    current = before;
}

weft_err
wf_inside_handle(const void *handle, const char *what)
{
    if (handle != NULL && handle == current) {
        return WEFT_OK;
    }
    if (handle == NULL) {
        return wf_error(WEFT_EINVAL,
                        "%s: the handle is NULL: pass the one that the "
                        "function was given",
                        what);
    }
    return wf_error(WEFT_EINVAL,
                    "%s: the handle is not that of the code which runs on this "
                    "thread: use the one that the function was given, on its "
                    "own thread, and only until it returns",
                    what);
}
