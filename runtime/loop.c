// SPDX-License-Identifier: Apache-2.0
//
// loop.c - when a workflow that goes on for ever should begin anew.
//
// Markers that only the journal has are not counted: code in a replay comes by
// them later than it did when they were made.

#include "weft/loop.h"

#include "runtime/inside.h"
#include "runtime/workflow_impl.h"

uint64_t
weft_workflow_journal_count(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) ? wf->events + wf->ordinal : 0;
}

int
weft_workflow_restart_suggested(const weft_workflow *wf)
{
    return WF_IS_INSIDE(wf) &&
           (weft_workflow_journal_count(wf) >= WF_RESTART_ENTRIES ||
            wf->bytes >= WF_RESTART_BYTES);
}
