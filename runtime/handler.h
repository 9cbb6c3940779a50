// SPDX-License-Identifier: Apache-2.0
//
// handler.h - a turn of a plain actor, as workflow.h is of a workflow.

#ifndef WF_RUNTIME_HANDLER_H
#define WF_RUNTIME_HANDLER_H

#include <stdbool.h>

struct wf_actor;
struct wf_letter;
struct wf_partition;

// Give the letter to the actor's handler. is_start: it is not in the mailbox.
void wf_handler_turn(struct wf_partition *partition, struct wf_actor *actor,
                     const struct wf_letter *letter, bool is_start);

#endif
