// SPDX-License-Identifier: Apache-2.0
//
// apply_impl.h - what the files that apply operations to an actor share, and
// nobody else.

#ifndef WF_RUNTIME_APPLY_IMPL_H
#define WF_RUNTIME_APPLY_IMPL_H

#include "runtime/partition_impl.h"

// The operations of one section, being applied.
struct wf_apply {
    struct wf_partition *partition;
    struct wf_actor *actor;
    uint64_t record;
    uint64_t now_ms;
    struct wf_reader ops;
};

// apply_actor.c
void wf_apply_remove_call(struct wf_apply *apply, struct wf_call *call);
// Its timers, activities and steps.
void wf_apply_remove_own_waits(struct wf_apply *apply);
// And its calls: what an instance was waiting for, when it waits no more.
void wf_apply_remove_waits(struct wf_apply *apply);
void wf_apply_end_retry(struct wf_apply *apply);
// What came right behind the start that made it.
void wf_apply_look_for_orders(struct wf_apply *apply);
void wf_apply_put_first(struct wf_apply *apply, weft_bytes bytes);

// apply_life.c
void wf_apply_life(struct wf_apply *apply, enum wf_op op);

// apply_reset.c
void wf_apply_reset(struct wf_apply *apply);
void wf_apply_fork(struct wf_apply *apply);

// apply_command.c
void wf_apply_command_open(struct wf_apply *apply);
// Any other operation of an activity or a step.
void wf_apply_command(struct wf_apply *apply, enum wf_op op);
void wf_apply_command_remove(struct wf_apply *apply,
                             struct wf_command *command);

#endif
