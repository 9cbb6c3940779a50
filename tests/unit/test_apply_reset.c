// SPDX-License-Identifier: Apache-2.0
//
// test_apply_reset.c - what is left of an actor when it goes back to a point,
// begins under another id, or ends.

#include "apply_rig.h"
#include "runtime/actor.h"
#include "runtime/child.h"
#include "runtime/journal.h"
#include "support/test.h"

static void
journal(struct rig *rig, struct wf_letter letter)
{
    struct wf_buf bytes = {0};
    struct wf_buf entry = {0};

    wf_letter_encode(&letter, &bytes);
    wf_entry_encode(&(struct wf_entry){.type = WF_ENTRY_LETTER,
                                       .letter = letter.type == 0
                                                     ? weft_text("none")
                                                     : wf_buf_bytes(&bytes)},
                    &entry);
    rig_put_op(rig, WF_OP_JOURNAL);
    wf_buf_put_bytes(&rig->ops, wf_buf_bytes(&entry));
    CHECK(rig_apply(rig));
    wf_buf_fini(&bytes);
    wf_buf_fini(&entry);
}

static bool
reset(struct rig *rig, uint64_t kept, uint64_t ordinal)
{
    rig_put_op(rig, WF_OP_RESET);
    rig_put_number(rig, kept);
    rig_put_number(rig, ordinal);
    return rig_apply(rig);
}

// So many letters were there once, so that there is room before those to come.
static void
use_numbers(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        rig_push(rig);
        rig_put_op(rig, WF_OP_POP);
        CHECK(rig_apply(rig));
    }
}

TEST(apply_reset, a_reset_puts_all_signals_back_that_came_later)
{
    struct rig rig = rig_begin();

    use_numbers(&rig, 30);
    journal(&rig, (struct wf_letter){.type = WF_LETTER_CANCEL});
    journal(&rig, (struct wf_letter){.type = WF_LETTER_UPDATE, .call = 4});
    journal(&rig, (struct wf_letter){.type = WF_LETTER_UPDATE, .call = 2});
    journal(&rig, (struct wf_letter){0}); // does not decode
    for (int i = 0; i < 20; i++) {
        journal(&rig, (struct wf_letter){.type = WF_LETTER_SIGNAL});
    }
    journal(&rig, (struct wf_letter){0});
    // Of a call that is not known any more, and of one that is to come.
    journal(&rig, (struct wf_letter){.type = WF_LETTER_STARTED, .call = 1});
    journal(&rig, (struct wf_letter){.type = WF_LETTER_STARTED, .call = 9});
    CHECK(reset(&rig, 4, 2));
    CHECK_EQ(wf_mailbox_count(&rig.actor->mailbox), 20);
    CHECK(rig.actor->is_cancel_asked);
    CHECK(wf_updates_find(&rig.actor->updates, 4) != NULL);
    // Nobody waits for an answer to that.
    CHECK(wf_updates_find(&rig.actor->updates, 4)->is_accepted);
    CHECK(wf_updates_find(&rig.actor->updates, 4)->is_done);
    CHECK(wf_updates_find(&rig.actor->updates, 2) == NULL);
    CHECK_EQ(rig.actor->run, 1);
    CHECK_EQ(rig.actor->journal.count, 4);
    rig_end(&rig);
}

// The child that is kept told its parent in the run before.
TEST(apply_reset, a_reset_lets_a_child_that_runs_tell_again_that_it_has_started)
{
    struct rig rig = rig_begin();
    struct wf_letter letter;
    const struct wf_waiting *waiting;

    use_numbers(&rig, 3);
    rig_put_call(&rig, 1, "d\0k\0i", 5);
    CHECK(rig_apply(&rig));
    journal(&rig, (struct wf_letter){.type = WF_LETTER_STARTED, .call = 1});
    CHECK(reset(&rig, 0, 1));
    waiting = wf_mailbox_head(&rig.actor->mailbox);
    CHECK(waiting != NULL);
    CHECK(
        wf_letter_decode(weft_bytes_of(waiting->bytes, waiting->len), &letter));
    CHECK_EQ(letter.sender_run, wf_actor_find_call(rig.actor, 1)->run);
    rig_end(&rig);
}

TEST(apply_reset, a_reset_without_room_for_the_letters_is_refused)
{
    struct rig rig = rig_begin();

    for (int i = 0; i < 3; i++) {
        journal(&rig, (struct wf_letter){.type = WF_LETTER_SIGNAL});
    }
    CHECK(!reset(&rig, 0, 0));
    rig_end(&rig);
}

TEST(apply_reset, a_fork_keeps_the_signals_of_its_life)
{
    struct rig rig = rig_begin();

    rig_put_call(&rig, 1, "d\0k\0i", 5);
    rig_put_op(&rig, WF_OP_CALL_ASK); // so that something is owed
    rig_put_number(&rig, 1);
    rig_put_number(&rig, WF_ASK_CANCEL);
    CHECK(rig_apply(&rig));
    rig_put_op(&rig, WF_OP_OPERATED);
    rig_put_text(&rig, "ada");
    rig_put_text(&rig, "why");
    rig_put_text(&rig, "what");
    CHECK(rig_apply(&rig));
    rig_push(&rig);
    rig.actor->outlived_to = rig.actor->mailbox.next_seq; // was for another
    rig_push(&rig);
    rig_put_op(&rig, WF_OP_PUSH);
    rig_put_letter(&rig, WF_LETTER_TIMER);
    rig_put_op(&rig, WF_OP_PUSH);
    rig_put_text(&rig, "none");
    rig_put_op(&rig, WF_OP_FORK);
    rig_put_number(&rig, 77);
    CHECK(rig_apply(&rig));
    CHECK_EQ(wf_mailbox_count(&rig.actor->mailbox), 1);
    CHECK_EQ(rig.actor->seed, 77);
    CHECK_EQ(rig.actor->operations_made, 0);
    CHECK_EQ(rig.actor->operations.count, 0);
    CHECK_EQ(rig.actor->orders.list.count, 0);
    CHECK(wf_actor_find_call(rig.actor, 1) == NULL);
    rig_end(&rig);
}

TEST(apply_reset, a_life_that_ends_tells_children_and_not_who_was_asked)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_CALL_OPEN);
    rig_put_number(&rig, 1);
    rig_put_number(&rig, WF_CALL_ASK);
    wf_buf_put_bytes(&rig.ops, weft_bytes_of("d\0k\0i", 5));
    rig_put_number(&rig, WEFT_PARENT_CLOSE_CANCEL);
    rig_put_number(&rig, WEFT_CANCELLATION_TRY);
    rig_put_op(&rig, WF_OP_FINISH);
    rig_put_number(&rig, WEFT_STATUS_COMPLETED);
    for (int i = 0; i < 4; i++) {
        rig_put_text(&rig, "");
    }
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->status, WEFT_STATUS_COMPLETED);
    CHECK_EQ(rig.actor->orders.list.count, 0);
    rig_end(&rig);
}

// A child hears once that it is to stop.
TEST(apply_reset, a_life_that_ends_tells_no_child_twice)
{
    struct rig rig = rig_begin();

    rig_put_call(&rig, 1, "d\0k\0i", 5);
    rig_put_op(&rig, WF_OP_CALL_ASK);
    rig_put_number(&rig, 1);
    rig_put_number(&rig, WF_ASK_CANCEL);
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->orders.list.count, 1);
    wf_actor_find_call(rig.actor, 1)->close = WEFT_PARENT_CLOSE_CANCEL;
    rig_put_op(&rig, WF_OP_FINISH);
    rig_put_number(&rig, WEFT_STATUS_COMPLETED);
    for (int i = 0; i < 4; i++) {
        rig_put_text(&rig, "");
    }
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->orders.list.count, 1);
    rig_end(&rig);
}
