// SPDX-License-Identifier: Apache-2.0
//
// fit.h - does a journal fit the code?
//
// The code is run over the journal as after a crash, on a stack of its own,
// and the stack is dropped. Nothing is recorded, sent or started: a replay only
// compares. The user's function runs, and what it does beside weft, it does.

#ifndef WF_RUNTIME_FIT_H
#define WF_RUNTIME_FIT_H

#include "runtime/definitions.h"

struct wf_actor;
struct wf_partition;

// Replay the journal of a loaded actor against one kind. A live stack of the
// actor is left as it is.
//
// WEFT_EDIVERGED  they do not fit; *out_difference says where, with both
//                 sides, and is to be released with wf_free
// WEFT_ENOMEM     no memory for a stack
weft_err wf_fit_check(struct wf_partition *partition, struct wf_actor *actor,
                      const struct wf_kind *kind, char **out_difference);

// A place to check in where there is no node: a partition that is never opened,
// with stacks. The actor may be of any partition, or of none.
//
// Threads: one at a time, always the same.
struct wf_fit;

// The definitions are borrowed.
struct wf_fit *wf_fit_create(const weft_definitions *definitions);
void wf_fit_destroy(struct wf_fit *fit); // NULL is fine
struct wf_partition *wf_fit_partition(struct wf_fit *fit);

#endif
