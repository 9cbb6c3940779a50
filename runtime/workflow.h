// SPDX-License-Identifier: Apache-2.0
//
// workflow.h - run sequential workflow code over a journal.
//
// An activation is a workflow's live stack with what the code has seen so far.
// It is a cache: it can be dropped at any time and is rebuilt by running the
// code again over the journal, event by event, while every command the code
// gives is compared with the one recorded.

#ifndef WF_RUNTIME_WORKFLOW_H
#define WF_RUNTIME_WORKFLOW_H

#include "runtime/partition_impl.h"

// Handle one letter (NULL: the start, or code goes on after a break): rebuild
// the stack if it was dropped, record the event, run the code until it waits or
// ends, commit.
void wf_workflow_turn(struct wf_partition *partition, struct wf_actor *actor,
                      const struct wf_letter *letter);

struct wf_step_result {
    weft_err err;
    const char *name; // of the error; "" if it went well
    struct wf_buf data;
};

// Run the inline step that the code waits for. False: the code does not fit
// its journal, and the instance was parked.
bool wf_workflow_step(struct wf_partition *partition, struct wf_actor *actor,
                      const struct wf_command *command,
                      struct wf_step_result *out_result);

// Drop the stack, if there is one: its code gets WEFT_EUNWIND and cleans up.
void wf_workflow_drop(struct wf_partition *partition, struct wf_actor *actor);
// The same, running no user code: what it held is gone with its stack.
void wf_workflow_kill(struct wf_partition *partition, struct wf_actor *actor);

// Drop stacks that were idle longest while there are too many.
void wf_workflow_trim(struct wf_partition *partition);

#endif
