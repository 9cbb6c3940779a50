// SPDX-License-Identifier: Apache-2.0
//
// inside.c - a count for each thread. See inside.h.

#include "runtime/inside.h"

#include "base/assert.h"
#include "base/error.h"

static _Thread_local unsigned depth;

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
