// SPDX-License-Identifier: Apache-2.0
//
// absent.c - letters for an instance that is not there, or no more.
//
// One may create the instance, or be kept until it is created. Any other is
// answered or becomes a dead letter: nothing vanishes.

#include "runtime/absent.h"

#include "runtime/child.h"
#include "runtime/create.h"
#include "runtime/turn.h"
#include "runtime/update.h"

static void
put_dead_letter(struct wf_turn *turn, weft_bytes letter, const char *reason)
{
    struct wf_buf *ops = &turn->sends.ops;
    size_t opened;

    wf_buf_put_u8(ops, WF_OP_LETTER);
    opened = wf_buf_open(ops);
    wf_buf_put_bytes(ops, wf_key_bytes(&turn->actor->key));
    wf_buf_put_bytes(ops, letter);
    wf_buf_put_text(ops, reason);
    wf_buf_close(ops, opened);
    wf_draft_partition(&turn->sends);
    if (turn->partition->options.tally != NULL) {
        wf_counter_add(&turn->partition->options.tally->dead_letters, 1);
    }
    wf_note(turn->partition, &turn->actor->key, "dead", "signal %.*s: %s",
            (int)turn->letter.name.len, (const char *)turn->letter.name.data,
            reason);
}

void
wf_absent_refuse(struct wf_partition *partition, struct wf_actor *actor,
                 const struct wf_letter *letter, weft_bytes bytes, weft_err err,
                 const char *reason)
{
    struct wf_turn turn;

    wf_turn_init(&turn, partition, actor);
    turn.letter = *letter;
    wf_buf_put_u8(&turn.ops, WF_OP_POP);
    if (letter->type == WF_LETTER_CHILD && wf_turn_is_of_call(actor, letter)) {
        wf_turn_call_close(&turn, letter->call); // it was given up
    } else if (letter->type == WF_LETTER_START) {
        struct wf_key sender;

        if (wf_key_decode(letter->sender, &sender)) {
            wf_turn_send(&turn, &sender,
                         &(struct wf_letter){
                             .type = WF_LETTER_CHILD,
                             .sender = wf_key_bytes(&actor->key),
                             .sender_run = letter->sender_run,
                             .call = letter->call,
                             .err = WEFT_EFAILED,
                             .name = weft_text(weft_err_name(err)),
                             .text = weft_text(reason),
                         });
            wf_key_fini(&sender);
        }
    } else if (letter->client.len > 0 ||
               (letter->type == WF_LETTER_SIGNAL && letter->call != 0)) {
        if (letter->type == WF_LETTER_UPDATE &&
            wf_update_is_known(actor, letter)) {
            wf_update_put_drop(&turn, letter->call);
        }
        wf_turn_answer(&turn, letter, err, weft_nothing());
    } else if (letter->type == WF_LETTER_SIGNAL) {
        put_dead_letter(&turn, bytes, reason);
    }
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
}

// It came before the start, and is kept for it, where the signals of a run are
// kept that nobody received.
static void
keep_early(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_buf ops = {0};

    wf_buf_put_u8(&ops, WF_OP_JOURNAL_LETTER);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
}

void
wf_absent_take(struct wf_partition *partition, struct wf_actor *actor,
               const struct wf_letter *letter, weft_bytes bytes)
{
    bool is_new = actor->status == WEFT_STATUS_NONE;
    bool is_start = letter->type == WF_LETTER_START;
    const char *why;
    weft_err err;

    if (actor->kind == NULL) {
        wf_absent_refuse(partition, actor, letter, bytes, WEFT_ENOTFOUND,
                         "its kind is not registered here");
        return;
    }
    err = is_start ? wf_child_may_start(actor, letter->options, &why) : WEFT_OK;
    if (err != WEFT_OK) {
        wf_absent_refuse(partition, actor, letter, bytes, err, why);
    } else if (is_start || (letter->type == WF_LETTER_SIGNAL &&
                            wf_actor_is_made_by_message(actor))) {
        wf_create_by_letter(partition, actor, letter);
    } else if (letter->type == WF_LETTER_SIGNAL && letter->call == 0 &&
               letter->client.len == 0 && wf_actor_keeps_early(actor)) {
        keep_early(partition, actor);
    } else {
        wf_absent_refuse(partition, actor, letter, bytes,
                         is_new ? WEFT_ENOTFOUND : WEFT_EFINISHED,
                         is_new ? "no such instance"
                                : "the instance has finished");
    }
}
