// SPDX-License-Identifier: Apache-2.0
//
// update.h - a request to a workflow that is checked, done and answered.
//
//   mailbox --check--> refused: popped, answered, forgotten
//      |
//      +--> accepted: an entry of the journal, a branch that handles it
//               |
//               +--> done: answered, kept if its sender gave it an id
//
// An actor remembers each update from when it comes until it is answered, so
// that it is answered even if no code can be asked: at a terminate, for one.

#ifndef WF_RUNTIME_UPDATE_H
#define WF_RUNTIME_UPDATE_H

#include "runtime/turn.h"
#include "runtime/updates.h"
#include "weft/client.h"

struct weft_workflow;
struct wf_branch;

// Rows and records. The operations are those of record.h.
void wf_update_encode(const struct wf_update *update, struct wf_buf *out);
bool wf_update_decode(struct wf_actor *actor, uint32_t number,
                      struct wf_reader *reader);
// The newest that was accepted has that number. If nothing is known of it any
// more it is not given again, and nobody is answered under it.
void wf_update_reserve(struct wf_actor *actor, uint32_t number);
void wf_update_apply_open(struct wf_actor *actor, struct wf_reader *ops);
void wf_update_apply(struct wf_actor *actor, enum wf_op op,
                     struct wf_reader *ops);

// Is there one of the same id? Then the request is answered, or waits for it.
bool wf_update_joins(struct wf_partition *partition, struct wf_actor *actor,
                     struct wf_request *request);
// The section that puts a client's request into the mailbox of the instance,
// or of the one that it begins; a turn answers it.
void wf_update_put(const struct wf_actor *actor,
                   const struct wf_request *request, struct wf_draft *draft);
// Is the letter's update open in this life, or kept? One of a life before may
// have the number of another.
bool wf_update_is_known(const struct wf_actor *actor,
                        const struct wf_letter *letter);
// It was refused, or has ended with its run, and is forgotten.
void wf_update_put_drop(struct wf_turn *turn, uint32_t number);
// After a record of the actor: answer those who joined.
void wf_update_settle(struct wf_partition *partition, struct wf_actor *actor);
// Fill in the answer of an update from what was stored of it.
void wf_update_answer(struct wf_request *request, weft_err err,
                      weft_bytes data);

// Its letter is the next of the mailbox: may it be done? False: the turn says
// no to its sender, and there is nothing else to do.
bool wf_update_is_fine(struct weft_workflow *wf, struct wf_turn *turn,
                       const struct wf_letter *letter);
// It happens: a branch begins to handle it. Live and in a replay.
void wf_update_begin(struct weft_workflow *wf, const struct wf_letter *letter);
// The branch has returned.
void wf_update_end(struct weft_workflow *wf, const struct wf_branch *branch);
// How one fails whose workflow ends first.
const weft_failure *wf_update_unfinished(void);
// The run ends: those that were accepted are answered all the same. Up to that
// number they stay known by their ids; of the others, a run that follows does
// what it is asked again.
void wf_update_end_all(struct wf_turn *turn, uint32_t known_to);

#endif
