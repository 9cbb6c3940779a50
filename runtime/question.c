// SPDX-License-Identifier: Apache-2.0
//
// question.c - questions that are answered later. See question.h.

#include "runtime/question.h"

#include "base/alloc.h"
#include "runtime/partition_impl.h"

struct wf_question *
wf_question_create(uint32_t id, weft_bytes letter)
{
    struct wf_question *question = wf_calloc(sizeof(*question));

    question->id = id;
    wf_own_bytes(&question->letter, letter);
    return question;
}

void
wf_question_destroy(struct wf_question *question)
{
    wf_own_bytes(&question->letter, weft_nothing());
    wf_free(question);
}

uint32_t
wf_question_id(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct wf_question, node)->id;
}

// Records. ------------------------------------------------------------------

void
wf_question_apply_keep(struct wf_actor *actor, struct wf_reader *ops)
{
    uint32_t id = (uint32_t)wf_reader_varint(ops);
    weft_bytes letter = wf_reader_bytes(ops);

    if (wf_opened_find(&actor->questions, id) != NULL) {
        ops->failed = true;
        return;
    }
    wf_opened_add(&actor->questions, &wf_question_create(id, letter)->node);
    if (id >= actor->next_id) {
        actor->next_id = id + 1;
    }
}

void
wf_question_apply_drop(struct wf_actor *actor, struct wf_reader *ops)
{
    struct wf_list_node *node =
        wf_opened_find(&actor->questions, (uint32_t)wf_reader_varint(ops));

    if (node != NULL) {
        wf_opened_remove(&actor->questions, node);
        wf_question_destroy(WF_CONTAINER(node, struct wf_question, node));
    }
}

// Turns. --------------------------------------------------------------------

// Whoever asked, without what was asked.
void
wf_question_keep(struct wf_turn *turn, uint32_t id)
{
    const struct wf_letter *asked = &turn->letter;

    wf_buf_put_u8(&turn->ops, WF_OP_QUESTION_KEEP);
    wf_buf_put_varint(&turn->ops, id);
    wf_letter_put(
        &(struct wf_letter){
            .type = WF_LETTER_SIGNAL,
            .sender = asked->sender,
            .sender_run = asked->sender_run,
            .call = asked->call,
            .client = asked->client,
            .number = asked->number,
        },
        &turn->ops);
}

static void
answer(struct wf_turn *turn, const struct wf_question *question, weft_err err,
       weft_bytes data)
{
    struct wf_letter letter;

    wf_buf_put_u8(&turn->ops, WF_OP_QUESTION_DROP);
    wf_buf_put_varint(&turn->ops, question->id);
    if (wf_letter_decode(question->letter, &letter)) {
        wf_turn_answer_question(turn, &letter, err, data);
    }
}

bool
wf_question_answer(struct wf_turn *turn, uint32_t id, weft_bytes data)
{
    struct wf_list_node *node = wf_opened_find(&turn->actor->questions, id);

    if (node == NULL) {
        return false;
    }
    answer(turn, WF_CONTAINER(node, struct wf_question, node), WEFT_OK, data);
    return true;
}

bool
wf_question_is_awaited(const struct wf_turn *turn, uint32_t id)
{
    struct wf_list_node *node = wf_opened_find(&turn->actor->questions, id);
    const struct wf_window *window;
    const struct wf_answer *answer;
    struct wf_letter letter;

    if (node == NULL ||
        !wf_letter_decode(WF_CONTAINER(node, struct wf_question, node)->letter,
                          &letter)) {
        return false;
    }
    if (letter.client.len == 0) {
        return true; // an actor
    }
    window = wf_window_find(turn->partition, letter.client.data);
    answer =
        window == NULL ? NULL : wf_window_find_answer(window, letter.number);
    return answer != NULL && answer->request != NULL &&
           !atomic_load(&answer->request->is_withdrawn);
}

void
wf_question_end_all(struct wf_turn *turn)
{
    const struct wf_list *list = &turn->actor->questions.list;
    const struct wf_list_node *node = wf_list_first(list);

    for (; node != NULL; node = wf_list_next(list, node)) {
        answer(turn, WF_CONTAINER(node, const struct wf_question, node),
               WEFT_EFINISHED, weft_nothing());
    }
}
