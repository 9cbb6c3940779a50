// SPDX-License-Identifier: Apache-2.0
//
// outcome.h - how a run ends: for good, or with another run behind it.
//
// wf_turn_end (turn.h) is for code that ends by itself; what is here ends it
// from outside, without running its code.

#ifndef WF_RUNTIME_OUTCOME_H
#define WF_RUNTIME_OUTCOME_H

#include "runtime/turn.h"

// Why one was terminated that made way for another start.
#define WF_OUTCOME_REPLACED "another start took its place"

// What a parent or a client is told of an instance that ended so.
weft_err wf_outcome_err(weft_status status);

// Write a turn that ends the run from outside, and drop the stack. The turn is
// gone afterwards.
void wf_outcome_commit(struct wf_turn *turn);

// End it now.
void wf_outcome_stop(struct wf_partition *partition, struct wf_actor *actor,
                     weft_status status, const char *name, const char *message);

// Terminate it and begin the request's instance, in one record. draft: sections
// to come after that, for the new one and about the request; it is empty
// afterwards. Who waited for the old one is told, the request is not answered.
void wf_outcome_replace(struct wf_partition *partition, struct wf_actor *actor,
                        const struct wf_request *request,
                        struct wf_draft *draft);

// Set or clear the alarms of its begin and of its timeouts.
void wf_outcome_watch(struct wf_partition *partition, struct wf_actor *actor);
// A DEADLINE alarm: its time is over.
void wf_outcome_time_out(struct wf_partition *partition,
                         struct wf_actor *actor);

#endif
