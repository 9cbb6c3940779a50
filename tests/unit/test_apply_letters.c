// SPDX-License-Identifier: Apache-2.0
//
// test_apply_letters.c - what letters change while they still wait: orders that
// do not wait for their turn, and whom they are meant for.

#include "apply_rig.h"
#include "base/limits.h"
#include "runtime/child.h"
#include "runtime/image.h"
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

// Ends, and beginnings. -------------------------------------------------------

static void
open_child(struct rig *rig, uint64_t id, weft_parent_close close)
{
    rig_put_op(rig, WF_OP_CALL_OPEN);
    rig_put_number(rig, id);
    rig_put_number(rig, WF_CALL_CHILD);
    wf_buf_put_bytes(&rig->ops, weft_bytes_of("d\0k\0i", 5));
    rig_put_number(rig, close);
    rig_put_number(rig, WEFT_CANCELLATION_TRY);
}

// How many orders it owes, each to another child, and what kind is each.
static void
check_order(const struct rig *rig, uint32_t at, uint32_t call,
            enum wf_order_type type)
{
    const struct wf_list *orders = &rig->actor->orders.list;
    const struct wf_list_node *node = wf_list_first(orders);
    const struct wf_order *order;

    while (at-- > 0) {
        node = wf_list_next(orders, node);
    }
    order = WF_CONTAINER(node, struct wf_order, node);
    CHECK_EQ(order->call, call);
    CHECK_EQ(order->type, type);
}

// Who was asked to stop before is not asked once more; it may be terminated.
TEST(apply, a_run_that_ends_tells_each_child_what_its_call_says)
{
    struct rig rig = rig_begin();

    open_child(&rig, 1, WEFT_PARENT_CLOSE_CANCEL);
    open_child(&rig, 2, WEFT_PARENT_CLOSE_CANCEL);
    open_child(&rig, 3, WEFT_PARENT_CLOSE_ABANDON);
    open_child(&rig, 4, WEFT_PARENT_CLOSE_TERMINATE);
    for (uint64_t id = 2; id <= 4; id += 2) {
        rig_put_op(&rig, WF_OP_CALL_ASK);
        rig_put_number(&rig, id);
        rig_put_number(&rig, WF_ASK_CANCEL);
    }
    CHECK(rig_apply(&rig));
    rig_put_op(&rig, WF_OP_RUN_AGAIN);
    rig_put_number(&rig, NOW_MS);
    rig_put_text(&rig, "once more");
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->orders.list.count, 4);
    check_order(&rig, 0, 2, WF_ORDER_CANCEL);
    check_order(&rig, 1, 4, WF_ORDER_CANCEL);
    check_order(&rig, 2, 1, WF_ORDER_CANCEL);
    check_order(&rig, 3, 4, WF_ORDER_TERMINATE);
    CHECK_EQ(rig.actor->calls.list.count, 0);
    rig_end(&rig);
}

// There may be a hundred thousand, and each is a letter of the record that
// tells it. What is owed meanwhile comes behind what is owed already.
TEST(apply, children_are_told_so_many_at_a_time)
{
    enum { CHILDREN = WF_ORDERS_RECORD_MAX + 10 };
    struct rig rig = rig_begin();
    const struct wf_list *orders = &rig.actor->orders.list;
    const struct wf_list_node *node;
    uint32_t last = 0;

    for (uint64_t id = 1; id <= CHILDREN; id++) {
        open_child(&rig, id, WEFT_PARENT_CLOSE_TERMINATE);
    }
    rig_put_op(&rig, WF_OP_RUN_AGAIN);
    rig_put_number(&rig, NOW_MS);
    rig_put_text(&rig, "once more");
    CHECK(rig_apply(&rig));
    CHECK_EQ(orders->count, CHILDREN);
    wf_child_tell(rig.partition, rig.actor);
    CHECK_EQ(orders->count, CHILDREN - WF_ORDERS_RECORD_MAX);
    open_child(&rig, 1, WEFT_PARENT_CLOSE_CANCEL);
    rig_put_op(&rig, WF_OP_CALL_ASK);
    rig_put_number(&rig, 1);
    rig_put_number(&rig, WF_ASK_CANCEL);
    CHECK(rig_apply(&rig));
    for (node = wf_list_first(orders); node != NULL;
         node = wf_list_next(orders, node)) {
        const struct wf_order *order =
            WF_CONTAINER(node, const struct wf_order, node);

        CHECK(order->number > last);
        last = order->number;
    }
    check_order(&rig, CHILDREN - WF_ORDERS_RECORD_MAX, 1, WF_ORDER_CANCEL);
    wf_child_tell(rig.partition, rig.actor);
    CHECK_EQ(orders->count, 0);
    rig_end(&rig);
}

// What its last run had failed at is not held against it.
TEST(apply, a_run_that_is_tried_again_begins_with_nothing_against_it)
{
    struct rig rig = rig_begin();

    rig.actor->attempt = 2;
    rig.actor->failed_attempts = 3;
    rig.actor->crashes = 2;
    rig.actor->is_parked = true;
    rig_put_op(&rig, WF_OP_RUN_AGAIN);
    rig_put_number(&rig, NOW_MS);
    rig_put_text(&rig, "once more");
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->attempt, 3);
    CHECK_EQ(rig.actor->failed_attempts, 0);
    CHECK_EQ(rig.actor->crashes, 0);
    CHECK(!rig.actor->is_parked);
    rig_end(&rig);
}

static void
open_update(struct rig *rig, uint64_t number, const char *id)
{
    static const uint8_t client[16] = {1};

    rig_put_op(rig, WF_OP_UPDATE_OPEN);
    rig_put_number(rig, number);
    rig_put_text(rig, id);
    wf_buf_put(&rig->ops, client, sizeof(client));
    rig_put_number(rig, number);
    rig_put_number(rig, 0);
    rig_put_op(rig, WF_OP_UPDATE_DONE);
    rig_put_number(rig, number);
    rig_put_number(rig, WEFT_OK);
    rig_put_text(rig, "done");
    CHECK(rig_apply(rig));
}

// Those without an id have nothing to be found by, and take nobody's place.
TEST(apply, only_updates_with_an_id_are_remembered)
{
    struct rig rig = rig_begin();

    open_update(&rig, 1, "u");
    for (uint64_t i = 2; i <= WF_UPDATES_KEPT_MAX + 10; i++) {
        open_update(&rig, i, "");
        CHECK(wf_updates_find(&rig.actor->updates, (uint32_t)i) == NULL);
    }
    CHECK(wf_updates_find_id(&rig.actor->updates, "u") != NULL);
    CHECK(wf_updates_find_id(&rig.actor->updates, "u")->is_done);
    rig_end(&rig);
}

// The queue of the store that it comes to knows nothing of it.
TEST(apply, what_was_offered_is_not_offered_where_it_is_imported)
{
    struct rig rig = rig_begin();
    struct wf_command *command;
    struct wf_buf image = {0};

    rig_put_op(&rig, WF_OP_COMMAND_OPEN);
    rig_put_number(&rig, 1);
    rig_put_number(&rig, WF_COMMAND_ACTIVITY);
    rig_put_text(&rig, "act");
    for (int i = 0; i < 3; i++) { // input, options, headers
        rig_put_text(&rig, "");
    }
    CHECK(rig_apply(&rig));
    command = wf_actor_find_command(rig.actor, 1);
    CHECK(command != NULL);
    command->is_offered = true;
    command->offers = 5;
    command->offered_ms = NOW_MS;
    wf_image_pack(rig.actor, &image);
    rig_put_op(&rig, WF_OP_IMPORT);
    wf_buf_put_bytes(&rig.ops, wf_buf_bytes(&image));
    CHECK(rig_apply(&rig));
    command = wf_actor_find_command(rig.actor, 1);
    CHECK(command != NULL);
    CHECK(!command->is_offered);
    CHECK_EQ(command->offers, 0);
    CHECK_EQ(command->offered_ms, 0);
    wf_buf_fini(&image);
    rig_end(&rig);
}
