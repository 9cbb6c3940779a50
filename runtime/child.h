// SPDX-License-Identifier: Apache-2.0
//
// child.h - between parents and children: how one is started, and what a
// parent has to tell those that it gives up or leaves behind.
//
// A turn never tells them itself: it may be a hundred thousand. What it owes
// them becomes a list in the actor, when its record is applied; letters are
// sent from there, a batch a record, before the actor handles anything else.
// The list outlives the run and the instance.
//
// A child that was asked to cancel makes way for one of its id that a later run
// of its parent starts: that start ends it, when it comes into the mailbox.

#ifndef WF_RUNTIME_CHILD_H
#define WF_RUNTIME_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/child.h"
#include "weft/error.h"

struct wf_actor;
struct wf_key;
struct wf_letter;
struct wf_partition;
struct wf_turn;

// What a parent may have to tell a child. Values are part of the stored format.
enum wf_order_type {
    WF_ORDER_CANCEL = 1,
    WF_ORDER_CANCEL_AND_TELL, // and say when it has taken notice
    WF_ORDER_TERMINATE,
    WF_ORDER_COUNT
};

// Operations CALL_ASK say this of a call.
#define WF_ASK_CANCEL 1   // the child is asked to stop
#define WF_ASK_TELL 2     // and tells when it has taken notice
#define WF_ASK_GIVEN_UP 4 // its result is dropped when it comes
#define WF_ASK_WANTED 8   // or not any more

// The parent's side. ----------------------------------------------------------

// Take options over: *out_options, and the options of its start with the
// headers that it inherits, and its attributes, which only the letter has.
//
// WEFT_EINVAL, WEFT_ETOOBIG   the detail names the option
weft_err wf_child_options(const weft_child_options *given, weft_bytes headers,
                          weft_child_options *out_options,
                          struct wf_buf *out_start);
// Open the call and send the start.
void wf_child_start(struct wf_turn *turn, uint32_t id, const struct wf_key *key,
                    const weft_child_options *options, weft_bytes start,
                    weft_bytes input);
// Give it up, in one of the four ways.
void wf_child_give_up(struct wf_turn *turn, uint32_t id, weft_cancellation how);
// It has taken notice.
void wf_child_drop_result(struct wf_turn *turn, uint32_t id);

// It was given up in what a reset takes back: its result is wanted again.
void wf_child_want(struct wf_turn *turn, uint32_t id);

// The run ends: what its open children, of calls above `after`, are to be told
// is owed from now on. For apply_actor.c.
void wf_child_owe_all(struct wf_actor *actor, uint32_t after);
// CALL_ASK is applied.
void wf_child_apply_ask(struct wf_actor *actor, uint32_t id, uint64_t how);
// So many letters were sent.
bool wf_child_apply_told(struct wf_actor *actor, uint64_t count);
// Send the next letters that it owes. It owes some.
void wf_child_tell(struct wf_partition *partition, struct wf_actor *actor);

// The child's side. -----------------------------------------------------------

// An instance has begun with this start, or its cancellation was handled: tell
// the parent, if it wants to know.
void wf_child_answer(struct wf_turn *turn, const struct wf_letter *letter);
// Its parent ends it. letter: it is the first in the mailbox.
void wf_child_end(struct wf_partition *partition, struct wf_actor *actor,
                  bool has_letter);
// May a start by a parent begin a new life of this instance, which is not
// running, or is to make way for it? Else why not.
weft_err wf_child_may_start(const struct wf_actor *actor, weft_bytes options,
                            const char **out_why);
// Does it want the instance that runs out of its way?
bool wf_child_replaces(weft_bytes options);

#endif
