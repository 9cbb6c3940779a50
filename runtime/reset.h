// SPDX-License-Identifier: Apache-2.0
//
// reset.h - a workflow goes back to a point of its journal, and on from there.
//
// One record does it: RESET keeps the beginning of the journal, and what was
// begun there and has no result is begun again by the operations behind it.
// Only the code knows what those were, so it runs over what is kept first.

#ifndef WF_RUNTIME_RESET_H
#define WF_RUNTIME_RESET_H

#include "runtime/partition_impl.h"

struct weft_workflow;
struct wf_turn;

// The operations that let turn->actor go on from the point of the run of `from`
// that a request names. `from` is that actor, or an earlier life of it.
//
// WEFT_EINVAL, WEFT_ENOTFOUND, WEFT_EDIVERGED, WEFT_ETOOBIG  as operate.h says
// WEFT_ENOMEM  no stack
weft_err wf_reset_put(struct wf_turn *turn, const struct wf_actor *from,
                      const struct wf_request *request);

// An operator's reset, or retry of what failed.
void wf_reset_request(struct wf_partition *partition, struct wf_actor *actor,
                      struct wf_request *request);

// Is it a result that is used again, of a call that is kept? One that failed is
// not: the call is made again.
bool wf_reset_keeps(const struct wf_letter *letter, uint32_t ordinal);
// Which calls up to that ordinal have such a result behind the point: an array
// by ordinal, to be freed.
uint8_t *wf_reset_known(const struct wf_actor *actor, uint64_t kept,
                        uint32_t ordinal);

// Where the effect of a command goes. NULL: it has happened, this is a replay.
struct wf_turn *wf_reset_turn(struct weft_workflow *wf);
// The effect of this command was given to that turn.
void wf_reset_note(struct weft_workflow *wf, uint32_t id);
// It was a child that takes the place of one that runs.
void wf_reset_note_replaces(struct weft_workflow *wf);
// It asked what an earlier one has begun to stop.
void wf_reset_note_asks(struct weft_workflow *wf);

#endif
