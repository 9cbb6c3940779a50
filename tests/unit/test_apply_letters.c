// SPDX-License-Identifier: Apache-2.0
//
// test_apply_letters.c - what letters change while they still wait: orders that
// do not wait for their turn, and whom they are meant for.

#include "apply_rig.h"
#include "runtime/letter.h"
#include "runtime/partition_impl.h"
#include "support/test.h"

enum { RUN = 3, CALL = 7, SEED = 99, NOW_MS = 1000 };

// A child, of call 7 in run 3 of its parent.
static struct rig
begin_child(void)
{
    struct rig rig = rig_begin();

    CHECK_OK(wf_key_make("default", "parent", "p", &rig.actor->parent));
    rig.actor->parent_run = RUN;
    rig.actor->parent_call = CALL;
    rig.actor->seed = SEED;
    return rig;
}

// parent NULL: a client's.
static void
push(struct rig *rig, enum wf_letter_type type, const char *parent,
     uint64_t run, uint32_t call)
{
    struct wf_letter letter = {.type = type, .sender_run = run, .call = call};
    struct wf_key key = {0};
    struct wf_buf bytes = {0};

    if (parent != NULL) {
        CHECK_OK(wf_key_make("default", "parent", parent, &key));
        letter.sender = wf_key_bytes(&key);
    }
    wf_letter_encode(&letter, &bytes);
    rig_put_op(rig, WF_OP_PUSH);
    wf_buf_put_bytes(&rig->ops, wf_buf_bytes(&bytes));
    CHECK(rig_apply(rig));
    wf_buf_fini(&bytes);
    wf_key_fini(&key);
}

TEST(apply, only_its_own_life_is_terminated_by_a_letter)
{
    struct rig rig = begin_child();

    push(&rig, WF_LETTER_TERMINATE, "p", RUN - 1, CALL);
    push(&rig, WF_LETTER_TERMINATE, "p", RUN, CALL + 1);
    push(&rig, WF_LETTER_TERMINATE, "q", RUN, CALL);
    push(&rig, WF_LETTER_TERMINATE, NULL, SEED + 1, 0);
    CHECK(!rig.actor->is_end_asked);
    push(&rig, WF_LETTER_TERMINATE, "p", RUN, CALL);
    CHECK(rig.actor->is_end_asked);
    rig_end(&rig);
    rig = begin_child();
    push(&rig, WF_LETTER_TERMINATE, NULL, SEED, 0);
    CHECK(rig.actor->is_end_asked);
    rig_end(&rig);
}

// One that its parent has asked to stop makes way for what a later run of its
// parent starts, and for nothing else.
TEST(apply, who_was_left_makes_way_for_the_next_run_of_its_parent)
{
    struct rig rig = begin_child();

    push(&rig, WF_LETTER_START, "p", RUN + 1, CALL);
    CHECK(!rig.actor->is_end_asked);
    push(&rig, WF_LETTER_CANCEL, NULL, SEED, 0);
    CHECK(!rig.actor->is_left); // a client asked, not its parent
    push(&rig, WF_LETTER_CANCEL, "p", RUN - 1, CALL);
    CHECK(!rig.actor->is_left);
    push(&rig, WF_LETTER_CANCEL, "p", RUN, CALL);
    CHECK(rig.actor->is_left);
    push(&rig, WF_LETTER_START, "p", RUN, CALL + 1);
    push(&rig, WF_LETTER_START, "q", RUN + 1, CALL);
    push(&rig, WF_LETTER_START, NULL, 0, 0);
    CHECK(!rig.actor->is_end_asked);
    push(&rig, WF_LETTER_START, "p", RUN + 1, CALL);
    CHECK(rig.actor->is_end_asked);
    rig_end(&rig);
}

// One that is under way hears of it in its turn.
TEST(apply, a_cancellation_of_what_has_not_begun_does_not_wait)
{
    struct rig rig = begin_child();

    push(&rig, WF_LETTER_CANCEL, "p", RUN, CALL);
    CHECK(!rig.actor->is_cancel_asked);
    rig.actor->is_start_pending = true;
    rig.actor->run_begins_at_ms = NOW_MS + 1;
    push(&rig, WF_LETTER_CANCEL, NULL, SEED + 1, 0); // another life
    CHECK(!rig.actor->is_cancel_asked);
    push(&rig, WF_LETTER_CANCEL, NULL, SEED, 0);
    CHECK(rig.actor->is_cancel_asked);
    rig_end(&rig);
}

// Letters that wait for one that is not there yet are refused one by one, while
// the code of its start ends processes.
TEST(apply, crashes_of_a_start_are_forgotten_once_it_has_begun)
{
    struct rig rig = rig_begin();

    rig.actor->status = WEFT_STATUS_NONE;
    rig.actor->crashes = 2;
    push(&rig, WF_LETTER_SIGNAL, NULL, 0, 0);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->crashes, 2);
    rig.actor->status = WEFT_STATUS_RUNNING;
    push(&rig, WF_LETTER_SIGNAL, NULL, 0, 0);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->crashes, 0);
    rig_end(&rig);
}

static void
set_timer(struct rig *rig, uint64_t due)
{
    rig_put_op(rig, WF_OP_TIMER_SET);
    rig_put_number(rig, 1);
    rig_put_number(rig, due);
    rig_put_text(rig, "tick");
    CHECK(rig_apply(rig));
}

// Its letter waits; it stays, to be cleared, and does not come due again.
TEST(apply, a_timer_that_came_due_has_no_alarm)
{
    struct rig rig = rig_begin();
    const struct wf_timer *timer;

    set_timer(&rig, 5000);
    timer = wf_actor_find_timer(rig.actor, 1);
    CHECK(timer != NULL);
    CHECK(wf_heap_has(&timer->alarm.heap));
    set_timer(&rig, 0);
    CHECK(wf_actor_find_timer(rig.actor, 1) == timer);
    CHECK(!wf_heap_has(&timer->alarm.heap));
    rig_end(&rig);
}
