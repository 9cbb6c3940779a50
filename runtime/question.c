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

void
wf_question_keep(struct wf_turn *turn, uint32_t id)
{
    const struct wf_letter *asked = &turn->letter;

    turn->question = id;
    wf_buf_put_u8(&turn->ops, WF_OP_QUESTION_KEEP);
    wf_buf_put_varint(&turn->ops, id);
    // Whoever asked, without what was asked.
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

// Its own record is not applied yet.
static bool
is_answered_now(const struct wf_turn *turn, uint32_t id)
{
    struct wf_reader answered =
        wf_reader_of(wf_buf_bytes(&turn->questions_answered));

    while (wf_reader_left(&answered) > 0) {
        if (wf_reader_u32(&answered) == id) {
            return true;
        }
    }
    return false;
}

// The question of an earlier turn that is open still; NULL: there is none.
static const struct wf_question *
find_open(const struct wf_turn *turn, uint32_t id)
{
    struct wf_list_node *node = wf_opened_find(&turn->actor->questions, id);

    return node == NULL || is_answered_now(turn, id)
               ? NULL
               : WF_CONTAINER(node, struct wf_question, node);
}

static void
put_drop(struct wf_turn *turn, uint32_t id)
{
    wf_buf_put_u8(&turn->ops, WF_OP_QUESTION_DROP);
    wf_buf_put_varint(&turn->ops, id);
}

static void
answer(struct wf_turn *turn, const struct wf_question *question, weft_err err,
       weft_bytes data)
{
    struct wf_letter letter;

    put_drop(turn, question->id);
    wf_buf_put_u32(&turn->questions_answered, question->id);
    if (wf_letter_decode(question->letter, &letter)) {
        wf_turn_answer_question(turn, &letter, err, data);
    }
}

bool
wf_question_answer(struct wf_turn *turn, uint32_t id, weft_bytes data)
{
    const struct wf_question *question = find_open(turn, id);

    if (question != NULL) {
        answer(turn, question, WEFT_OK, data);
    }
    return question != NULL;
}

bool
wf_question_is_awaited(const struct wf_turn *turn, uint32_t id)
{
    const struct wf_question *question = find_open(turn, id);
    const struct wf_window *window;
    const struct wf_answer *answer;
    struct wf_letter letter;

    if (question == NULL || !wf_letter_decode(question->letter, &letter)) {
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
        const struct wf_question *question =
            WF_CONTAINER(node, const struct wf_question, node);

        if (!is_answered_now(turn, question->id)) {
            answer(turn, question, WEFT_EFINISHED, weft_nothing());
        }
    }
    if (turn->question != 0) {
        put_drop(turn, turn->question);
        wf_turn_answer_question(turn, &turn->letter, WEFT_EFINISHED,
                                weft_nothing());
    }
}
