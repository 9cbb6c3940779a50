// SPDX-License-Identifier: Apache-2.0
//
// inside.h - does this thread run code of a turn: a handler, a workflow, a
// step, a query?
//
// Such code must not wait for the node: it would wait for itself, for ever.

#ifndef WF_RUNTIME_INSIDE_H
#define WF_RUNTIME_INSIDE_H

#include <stdbool.h>

#include "weft/error.h"

void wf_inside_begin(void);
void wf_inside_end(void);

// May `what` block here?
//
// WEFT_EINVAL   no; the detail says why
weft_err wf_inside_check(const char *what);

#endif
