// SPDX-License-Identifier: Apache-2.0
//
// loop.h - workflows that never end, as loops that begin anew in time.
//
// A journal has no limit, but a stack that was dropped is rebuilt from all of
// it. So a loop hands what it must not forget to its next run:
//
//     for (;;) {
//         if (weft_workflow_restart_suggested(wf)) {
//             return weft_workflow_restart(wf, state);
//         }
//         err = weft_workflow_receive(wf, "use", WEFT_FOREVER, &data);
//         ...
//     }
//
// A restart keeps the id, the signals that were not received, published values,
// memo and attributes. docs/loops.md is the tutorial.

#ifndef WEFT_LOOP_H
#define WEFT_LOOP_H

#include "weft/workflow.h"

#ifdef __cplusplus
extern "C" {
#endif

// What this run has in its journal up to here: what the code did, and what
// happened to it. The same in a replay, so code may decide by it. (Temporal:
// GetInfo().GetCurrentHistoryLength.)
WEFT_API uint64_t weft_workflow_journal_count(const weft_workflow *wf);

// 1 once that is 20,000, or holds 4 MiB of data: rebuilding such a run takes
// some ten milliseconds. Nothing happens if it goes on; there is no limit.
// (Temporal: GetContinueAsNewSuggested.)
WEFT_API int weft_workflow_restart_suggested(const weft_workflow *wf);

#ifdef __cplusplus
}
#endif

#endif
