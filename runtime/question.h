// SPDX-License-Identifier: Apache-2.0
//
// question.h - questions that a plain actor answers in a later turn. The actor
// remembers who asked until it has answered, so that all of them are answered,
// whatever becomes of it.

#ifndef WF_RUNTIME_QUESTION_H
#define WF_RUNTIME_QUESTION_H

#include "runtime/turn.h"

// One question, durable.
struct wf_question {
    struct wf_list_node node; // in actor->questions
    uint32_t id;
    weft_bytes letter; // owned: who asked, and with which number
};

// Takes a copy of the letter.
struct wf_question *wf_question_create(uint32_t id, weft_bytes letter);
void wf_question_destroy(struct wf_question *question);
uint32_t wf_question_id(const struct wf_list_node *node);

// The operations of record.h.
void wf_question_apply_keep(struct wf_actor *actor, struct wf_reader *ops);
void wf_question_apply_drop(struct wf_actor *actor, struct wf_reader *ops);

// The letter of this turn is to be answered later, as question `id`.
void wf_question_keep(struct wf_turn *turn, uint32_t id);
// Answer one of an earlier turn. False: it is not open.
bool wf_question_answer(struct wf_turn *turn, uint32_t id, weft_bytes data);
// Is there somebody who waits for its answer, now, as far as is known here?
bool wf_question_is_awaited(const struct wf_turn *turn, uint32_t id);
// The run ends, and the turn has done all it does: all are told that are still
// open, also whoever sent the letter of this turn.
void wf_question_end_all(struct wf_turn *turn);

#endif
