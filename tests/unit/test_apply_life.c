// SPDX-License-Identifier: Apache-2.0
//
// test_apply_life.c - what begins anew has nothing of what was before: a life,
// a run that was held up, an attempt.

#include "apply_rig.h"
#include "runtime/create.h"
#include "runtime/image.h"
#include "runtime/partition_impl.h"
#include "support/test.h"

enum { NOW_MS = 1000, LATER_MS = 5000 };

// Lives. ----------------------------------------------------------------------

// A turn has failed, and is to be tried again.
static void
fail_turn(struct rig *rig)
{
    rig_put_op(rig, WF_OP_RETRY);
    rig_put_number(rig, 2);
    rig_put_number(rig, LATER_MS);
    rig_put_text(rig, "it failed");
    CHECK(rig_apply(rig));
    rig->actor->crashes = 2;
    CHECK_EQ(rig->actor->failed_attempts, 2);
    CHECK_STR(rig->actor->reason, "it failed");
    CHECK(wf_heap_has(&rig->actor->retry.heap));
}

static void
check_nothing_failed(const struct rig *rig)
{
    CHECK_EQ(rig->actor->failed_attempts, 0);
    CHECK_EQ(rig->actor->crashes, 0);
    CHECK_EQ(rig->actor->retry_due, 0);
    CHECK(!wf_heap_has(&rig->actor->retry.heap));
}

TEST(apply_life, what_was_handled_has_not_failed)
{
    struct rig rig = rig_begin();

    rig_push(&rig);
    fail_turn(&rig);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    check_nothing_failed(&rig);
    rig_push(&rig);
    fail_turn(&rig);
    rig_put_op(&rig, WF_OP_JOURNAL_LETTER);
    CHECK(rig_apply(&rig));
    check_nothing_failed(&rig);
    rig.actor->is_start_pending = true;
    wf_own_bytes(&rig.actor->attributes, weft_text("as they are"));
    fail_turn(&rig);
    rig_put_op(&rig, WF_OP_STARTED);
    CHECK(rig_apply(&rig));
    check_nothing_failed(&rig);
    CHECK(!rig.actor->is_start_pending);
    CHECK_BYTES(rig.actor->attributes_begun, weft_text("as they are"));
    rig_end(&rig);
}

TEST(apply_life, one_that_is_resumed_has_nothing_against_it)
{
    struct rig rig = rig_begin();

    fail_turn(&rig);
    rig.actor->is_parked = true;
    rig.actor->is_paused = true;
    rig_put_op(&rig, WF_OP_RESUME);
    CHECK(rig_apply(&rig));
    check_nothing_failed(&rig);
    CHECK(!rig.actor->is_parked);
    CHECK(!rig.actor->is_paused);
    CHECK_STR(rig.actor->reason, "");
    rig_end(&rig);
}

static void
finish(struct rig *rig)
{
    rig_put_op(rig, WF_OP_FINISH);
    rig_put_number(rig, WEFT_STATUS_COMPLETED);
    rig_put_text(rig, "result");
    for (int i = 0; i < 3; i++) { // failure, message, causes
        rig_put_text(rig, "");
    }
    CHECK(rig_apply(rig));
}

TEST(apply_life, one_that_has_ended_is_not_held_up)
{
    struct rig rig = rig_begin();

    fail_turn(&rig);
    rig.actor->crashes = 0;
    rig.actor->is_parked = true;
    rig.actor->is_paused = true;
    rig.actor->is_start_pending = true;
    finish(&rig);
    CHECK_EQ(rig.actor->status, WEFT_STATUS_COMPLETED);
    CHECK_EQ(rig.actor->finished_at_ms, NOW_MS);
    CHECK_EQ(rig.actor->retry_due, 0);
    CHECK(!wf_heap_has(&rig.actor->retry.heap));
    CHECK(!rig.actor->is_parked);
    CHECK(!rig.actor->is_paused);
    CHECK(!rig.actor->is_start_pending);
    CHECK_STR(rig.actor->reason, "");
    rig_end(&rig);
}

static void
create(struct rig *rig)
{
    rig_put_op(rig, WF_OP_CREATE);
    rig_put_number(rig, 1); // version
    rig_put_number(rig, 7); // run
    rig_put_number(rig, 99);
    rig_put_text(rig, ""); // parent, and its run and call
    rig_put_number(rig, 0);
    rig_put_number(rig, 0);
    rig_put_text(rig, "input");
    rig_put_text(rig, ""); // options
    CHECK(rig_apply(rig));
}

// What operators did, what it showed, what it was asked.
static void
live(struct rig *rig)
{
    struct wf_actor *actor = rig->actor;

    rig_put_op(rig, WF_OP_OPERATED);
    rig_put_text(rig, "who");
    rig_put_text(rig, "why");
    rig_put_text(rig, "what");
    rig_put_op(rig, WF_OP_PUBLISH);
    rig_put_text(rig, "name");
    rig_put_text(rig, "value");
    rig_put_call(rig, 3, "d\0k\0i", 5);
    CHECK(rig_apply(rig));
    CHECK_OK(wf_key_make("default", "parent", "p", &actor->parent));
    actor->parent_run = 3;
    actor->parent_call = 4;
    actor->is_cancel_asked = true;
    actor->is_end_asked = true;
    actor->is_left = true;
    actor->is_parked = true;
    actor->is_paused = true;
    actor->unfit_version = 2;
    wf_own_bytes(&actor->state, weft_text("state"));
    wf_own_bytes(&actor->memo, weft_text("memo"));
    wf_own_bytes(&actor->result, weft_text("result"));
    wf_own_bytes(&actor->attributes, weft_text("attributes"));
    wf_own_bytes(&actor->attributes_begun, weft_text("attributes"));
    wf_own_text(&actor->failure_name, weft_text("Broken"));
    wf_own_text(&actor->failure_message, weft_text("in words"));
    wf_own_bytes(&actor->failure_details, weft_text("details"));
    wf_own_bytes(&actor->failure_causes, weft_text("causes"));
}

TEST(apply_life, a_life_has_nothing_of_the_one_before)
{
    struct rig rig = rig_begin();
    struct wf_actor *actor = rig.actor;

    live(&rig);
    fail_turn(&rig);
    create(&rig);
    check_nothing_failed(&rig);
    CHECK_EQ(actor->run, 7);
    CHECK_EQ(actor->operations.count, 0);
    CHECK_EQ(actor->operations_made, 0);
    CHECK_EQ(actor->published.list.count, 0);
    CHECK_EQ(actor->published.bytes, 0);
    CHECK_EQ(actor->calls.list.count, 0);
    CHECK_EQ(actor->next_id, 0);
    CHECK_EQ(actor->parent.len, 0);
    CHECK_EQ(actor->parent_run, 0);
    CHECK_EQ(actor->parent_call, 0);
    CHECK(!actor->is_cancel_asked && !actor->is_end_asked && !actor->is_left);
    CHECK(!actor->is_parked && !actor->is_paused);
    CHECK_EQ(actor->unfit_version, 0);
    CHECK_EQ(actor->state.len + actor->memo.len + actor->result.len, 0);
    CHECK_EQ(actor->attributes.len + actor->attributes_begun.len, 0);
    CHECK(actor->failure_name == NULL && actor->failure_message == NULL);
    CHECK_EQ(actor->failure_details.len + actor->failure_causes.len, 0);
    CHECK_STR(actor->reason, "");
    rig_end(&rig);
}

// A start that kills the process is asked again: it is parked in the end.
TEST(apply_life, deaths_before_a_life_count_as_its_own)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_REMOVE);
    CHECK(rig_apply(&rig));
    for (int i = 0; i < 2; i++) {
        rig_put_op(&rig, WF_OP_CRASHED);
        rig_put_text(&rig, "a signal");
        CHECK(rig_apply(&rig));
    }
    // What is handled meanwhile is of no life.
    rig_push(&rig);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    create(&rig);
    CHECK_EQ(rig.actor->crashes, 2);
    CHECK_STR(rig.actor->reason, "a signal");
    rig_end(&rig);
}

// What was done outside of one that a log lost would be taken for its doing.
TEST(apply_life, a_life_in_the_place_of_one_that_was_lost_is_another)
{
    struct rig rig = rig_begin();
    uint64_t seed = wf_create_seed(rig.partition, rig.actor);

    CHECK_EQ(wf_create_seed(rig.partition, rig.actor), seed);
    rig.partition->epoch++;
    CHECK(wf_create_seed(rig.partition, rig.actor) != seed);
    rig_end(&rig);
}

static uint64_t
outlived_of_copy(struct rig *rig)
{
    const struct wf_actor *actor = rig->actor;
    struct wf_actor *copy = wf_actor_create(&actor->key, actor->hash);
    struct wf_buf image = {0};
    uint64_t outlived;

    wf_image_pack(rig->actor, &image);
    CHECK(wf_image_unpack(copy, wf_buf_bytes(&image)));
    CHECK_EQ(copy->mailbox.next_seq, actor->mailbox.next_seq);
    outlived = copy->outlived_to;
    wf_actor_destroy(copy);
    wf_buf_fini(&image);
    return outlived;
}

// What was for the life before, to the last letter, and nothing of its own.
TEST(apply_life, a_copy_knows_what_was_for_the_life_before)
{
    struct rig rig = rig_begin();
    uint64_t outlived;

    rig_push(&rig);
    rig_push(&rig);
    rig_put_op(&rig, WF_OP_OUTLIVED);
    CHECK(rig_apply(&rig));
    outlived = rig.actor->outlived_to;
    rig_push(&rig);
    CHECK_EQ(outlived_of_copy(&rig), outlived);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    CHECK_EQ(outlived_of_copy(&rig), outlived);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    CHECK_EQ(outlived_of_copy(&rig), 0);
    rig_end(&rig);
}

// Its parent's word may come before its start was handled, and does not wait
// for its turn.
TEST(apply_life, one_that_is_to_end_is_told_so_when_it_begins)
{
    static const char parent[] = "default\0parent\0p";
    struct rig rig = rig_begin();
    struct wf_buf letter = {0};

    rig.actor->status = WEFT_STATUS_NONE;
    wf_letter_encode(
        &(struct wf_letter){.type = WF_LETTER_TERMINATE,
                            .sender = weft_bytes_of(parent, sizeof(parent) - 1),
                            .sender_run = 3,
                            .call = 4},
        &letter);
    rig_put_op(&rig, WF_OP_PUSH);
    wf_buf_put_bytes(&rig.ops, wf_buf_bytes(&letter));
    CHECK(rig_apply(&rig));
    CHECK(!rig.actor->is_end_asked);
    rig_put_op(&rig, WF_OP_CREATE);
    rig_put_number(&rig, 1); // version
    rig_put_number(&rig, 7); // run
    rig_put_number(&rig, 99);
    wf_buf_put_bytes(&rig.ops, weft_bytes_of(parent, sizeof(parent) - 1));
    rig_put_number(&rig, 3);
    rig_put_number(&rig, 4);
    rig_put_text(&rig, ""); // input, options
    rig_put_text(&rig, "");
    CHECK(rig_apply(&rig));
    CHECK(rig.actor->is_end_asked);
    wf_buf_fini(&letter);
    rig_end(&rig);
}

// A signal with the start ends the delay: all its time counts from then.
TEST(apply_life, one_whose_delay_is_cut_short_begins_then)
{
    struct rig rig = rig_begin();

    rig.actor->begins_at_ms = LATER_MS;
    rig.actor->run_begins_at_ms = LATER_MS;
    rig_put_op(&rig, WF_OP_BEGIN);
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->begins_at_ms, NOW_MS);
    CHECK_EQ(rig.actor->run_begins_at_ms, NOW_MS);
    rig_end(&rig);
}

// Attempts. -------------------------------------------------------------------

static struct wf_command *
open_command(struct rig *rig)
{
    rig_put_op(rig, WF_OP_COMMAND_OPEN);
    rig_put_number(rig, 1);
    rig_put_number(rig, WF_COMMAND_ACTIVITY);
    rig_put_text(rig, "act");
    for (int i = 0; i < 3; i++) { // input, options, headers
        rig_put_text(rig, "");
    }
    CHECK(rig_apply(rig));
    CHECK(wf_actor_find_command(rig->actor, 1) != NULL);
    return wf_actor_find_command(rig->actor, 1);
}

static void
put_attempt(struct rig *rig, uint64_t attempt, uint64_t due)
{
    rig_put_op(rig, WF_OP_COMMAND_ATTEMPT);
    rig_put_number(rig, 1);
    rig_put_number(rig, attempt);
    rig_put_number(rig, 0);
    rig_put_number(rig, due);
    CHECK(rig_apply(rig));
}

static void
offer(struct rig *rig)
{
    rig_put_op(rig, WF_OP_COMMAND_OFFER);
    rig_put_number(rig, 1);
    CHECK(rig_apply(rig));
}

static void
lease(struct rig *rig)
{
    rig_put_op(rig, WF_OP_COMMAND_LEASE);
    rig_put_number(rig, 1);
    rig_put_number(rig, 3000);
    rig_put_text(rig, "worker");
    CHECK(rig_apply(rig));
}

TEST(apply_life, an_attempt_has_nothing_of_the_one_before)
{
    struct rig rig = rig_begin();
    struct wf_command *command = open_command(&rig);

    offer(&rig);
    offer(&rig);
    CHECK_EQ(command->offers, 2);
    CHECK_EQ(command->offered_ms, NOW_MS);
    lease(&rig);
    CHECK(command->is_leased && !command->is_offered);
    CHECK_EQ(command->leased_ms, NOW_MS);
    CHECK_STR(command->worker, "worker");
    command->is_held = true;
    command->is_started = true;
    command->is_deferred = true;
    command->beat_ms = 900;
    put_attempt(&rig, 2, 0);
    CHECK_EQ(command->attempt_ms, NOW_MS);
    CHECK(!command->is_held && !command->is_started && !command->is_deferred);
    CHECK(!command->is_leased && !command->is_offered);
    CHECK_EQ(command->offers + command->offered_ms + command->beat_ms, 0);
    CHECK_EQ(command->leased_ms + command->lease_ms, 0);
    CHECK(command->worker == NULL);
    put_attempt(&rig, 3, LATER_MS);
    CHECK_EQ(command->attempt_ms, LATER_MS);
    command->is_paused = true;
    put_attempt(&rig, 3, LATER_MS);
    CHECK(command->is_held);
    rig_end(&rig);
}

static void
change(struct rig *rig, uint64_t due)
{
    rig_put_op(rig, WF_OP_COMMAND_OPTIONS);
    rig_put_number(rig, 1);
    rig_put_text(rig, "");
    rig_put_number(rig, due);
    CHECK(rig_apply(rig));
}

// An attempt is scheduled for when it may begin.
TEST(apply_life, a_change_moves_an_attempt_with_the_time_of_it)
{
    struct rig rig = rig_begin();
    struct wf_command *command = open_command(&rig);

    put_attempt(&rig, 2, LATER_MS);
    command->attempt_ms = 17;
    change(&rig, LATER_MS);
    CHECK_EQ(command->attempt_ms, 17);
    change(&rig, LATER_MS + 1);
    CHECK_EQ(command->due, LATER_MS + 1);
    CHECK_EQ(command->attempt_ms, LATER_MS + 1);
    rig_end(&rig);
}
