// SPDX-License-Identifier: Apache-2.0
//
// test_apply_forks.c - what a run that a reset begins, or a fork, has of the
// one that it came from, and what it has not.

#include <string.h>

#include "apply_rig.h"
#include "runtime/child.h"
#include "runtime/journal.h"
#include "runtime/letter.h"
#include "runtime/partition_impl.h"
#include "runtime/updates.h"
#include "support/test.h"

enum { NOW_MS = 1000, SEED = 99 };

static void
push(struct rig *rig, const struct wf_letter *letter)
{
    struct wf_buf bytes = {0};

    wf_letter_encode(letter, &bytes);
    rig_put_op(rig, WF_OP_PUSH);
    wf_buf_put_bytes(&rig->ops, wf_buf_bytes(&bytes));
    CHECK(rig_apply(rig));
    wf_buf_fini(&bytes);
}

// One that was handled: it is in the journal.
static void
handle(struct rig *rig, enum wf_letter_type type, uint32_t call)
{
    push(rig, &(struct wf_letter){
                  .type = type, .call = call, .name = weft_text("x")});
    rig_put_op(rig, WF_OP_JOURNAL_LETTER);
    CHECK(rig_apply(rig));
}

static void
reset(struct rig *rig, uint64_t kept)
{
    rig_put_op(rig, WF_OP_RESET);
    rig_put_number(rig, kept);
    rig_put_number(rig, 0);
    CHECK(rig_apply(rig));
}

static void
fork_it(struct rig *rig)
{
    rig_put_op(rig, WF_OP_FORK);
    rig_put_number(rig, SEED);
    CHECK(rig_apply(rig));
}

// Resets. ---------------------------------------------------------------------

// Its timeouts count from now on, and a version that did not fit the journal as
// it was may fit what is left of it.
TEST(apply, a_reset_begins_a_run_of_its_own)
{
    struct rig rig = rig_begin();

    rig.actor->begins_at_ms = 5;
    rig.actor->run_begins_at_ms = 6;
    rig.actor->unfit_version = 3;
    rig.actor->is_parked = true;
    rig.actor->failed_attempts = 2;
    rig.actor->crashes = 2;
    reset(&rig, 0);
    CHECK_EQ(rig.actor->run, 1);
    CHECK_EQ(rig.actor->begins_at_ms, NOW_MS);
    CHECK_EQ(rig.actor->run_begins_at_ms, NOW_MS);
    CHECK_EQ(rig.actor->unfit_version, 0);
    CHECK(!rig.actor->is_parked);
    CHECK_EQ(rig.actor->failed_attempts, 0);
    CHECK_EQ(rig.actor->crashes, 0);
    CHECK(rig.actor->is_start_pending);
    rig_end(&rig);
}

// It is as one that has not ended.
TEST(apply, a_reset_takes_back_how_it_ended)
{
    struct rig rig = rig_begin();
    struct wf_actor *actor = rig.actor;

    actor->status = WEFT_STATUS_FAILED;
    actor->finished_at_ms = 5;
    wf_own_bytes(&actor->result, weft_text("result"));
    wf_own_text(&actor->failure_name, weft_text("Broken"));
    wf_own_text(&actor->failure_message, weft_text("in words"));
    wf_own_bytes(&actor->failure_details, weft_text("details"));
    wf_own_bytes(&actor->failure_causes, weft_text("causes"));
    wf_own_text(&actor->reason, weft_text("why"));
    reset(&rig, 0);
    CHECK_EQ(actor->status, WEFT_STATUS_RUNNING);
    CHECK_EQ(actor->finished_at_ms, 0);
    CHECK_EQ(actor->result.len, 0);
    CHECK(actor->failure_name == NULL && actor->failure_message == NULL);
    CHECK_EQ(actor->failure_details.len, 0);
    CHECK_EQ(actor->failure_causes.len, 0);
    CHECK_STR(actor->reason, "");
    rig_end(&rig);
}

// Their handlers may run on, and would answer for others of their number.
TEST(apply, numbers_of_updates_before_a_point_are_not_given_again)
{
    struct rig rig = rig_begin();

    handle(&rig, WF_LETTER_UPDATE, 2);
    handle(&rig, WF_LETTER_UPDATE, 1); // it came later
    handle(&rig, WF_LETTER_UPDATE, 3); // behind the point
    reset(&rig, 2);
    CHECK_EQ(rig.actor->updates.made, 2);
    rig_end(&rig);
}

// The newest chance that its journal has.
static uint64_t
last_chance(const struct rig *rig)
{
    struct wf_journal_cursor cursor = {.journal = &rig->actor->journal};
    struct wf_entry entry;
    uint64_t seed = 0;

    while (wf_journal_next(&cursor, &entry)) {
        seed = entry.type == WF_ENTRY_CHANCE ? entry.seed : seed;
    }
    return seed;
}

// What a fork sees of chance from its point on is its own, in each of its runs.
TEST(apply, each_reset_of_a_fork_has_its_own_chance)
{
    struct rig rig = rig_begin();
    uint64_t first;

    handle(&rig, WF_LETTER_SIGNAL, 0);
    rig.actor->seed = SEED;
    rig.actor->origin_seed = SEED + 1;
    reset(&rig, 1);
    first = last_chance(&rig);
    CHECK(first != 0);
    CHECK_EQ(rig.actor->journal.count, 2);
    reset(&rig, 1);
    CHECK(last_chance(&rig) != 0);
    CHECK(last_chance(&rig) != first);
    reset(&rig, 0); // from the beginning it has but one
    CHECK_EQ(rig.actor->origin_seed, SEED);
    CHECK_EQ(last_chance(&rig), 0);
    rig_end(&rig);
}

// Forks. ----------------------------------------------------------------------

TEST(apply, a_fork_is_not_held_up_or_asked_to_end)
{
    struct rig rig = rig_begin();

    rig.actor->is_paused = true;
    rig.actor->is_end_asked = true;
    rig.actor->is_left = true;
    rig.actor->parent_run = 3;
    rig.actor->parent_call = 7;
    CHECK_OK(wf_key_make("default", "parent", "p", &rig.actor->parent));
    fork_it(&rig);
    CHECK(!rig.actor->is_paused);
    CHECK(!rig.actor->is_end_asked);
    CHECK(!rig.actor->is_left);
    CHECK_EQ(rig.actor->parent.len, 0);
    CHECK_EQ(rig.actor->parent_run, 0);
    CHECK_EQ(rig.actor->parent_call, 0);
    CHECK_EQ(rig.actor->seed, SEED);
    rig_end(&rig);
}

// What was for an earlier life of the other one is not for its fork.
TEST(apply, a_fork_gets_the_signals_of_its_life)
{
    struct rig rig = rig_begin();

    for (uint32_t i = 0; i < 3; i++) {
        push(&rig, &(struct wf_letter){.type = WF_LETTER_SIGNAL,
                                       .name = weft_text("pay")});
    }
    rig.actor->outlived_to = rig.actor->mailbox.next_seq - 1;
    fork_it(&rig);
    CHECK_EQ(rig.actor->mailbox.letters.count, 1);
    CHECK_EQ(rig.actor->outlived_to, 0);
    rig_end(&rig);
}

// Who asked is answered by the one that was asked.
TEST(apply, a_fork_answers_nobody_for_the_other_one)
{
    static const uint8_t client[16] = "a client";
    const struct wf_waiting *waiting;
    struct rig rig = rig_begin();
    struct wf_letter letter;

    push(&rig, &(struct wf_letter){
                   .type = WF_LETTER_SIGNAL,
                   .name = weft_text("pay"),
                   .client = weft_bytes_of(client, sizeof(client)),
                   .number = 17,
                   .call = 5,
               });
    fork_it(&rig);
    waiting = wf_mailbox_head(&rig.actor->mailbox);
    CHECK(waiting != NULL);
    CHECK(
        wf_letter_decode(weft_bytes_of(waiting->bytes, waiting->len), &letter));
    CHECK_EQ(letter.client.len, 0);
    CHECK_EQ(letter.call, 0);
    CHECK_BYTES(letter.name, weft_text("pay"));
    rig_end(&rig);
}

// The children that are to hear of it are not its own, nor was anything done to
// it yet.
TEST(apply, a_fork_owes_nobody_anything)
{
    struct rig rig = rig_begin();

    rig_put_call(&rig, 1, "d\0k\0i", 5);
    rig_put_op(&rig, WF_OP_CALL_ASK);
    rig_put_number(&rig, 1);
    rig_put_number(&rig, WF_ASK_CANCEL);
    rig_put_op(&rig, WF_OP_OPERATED);
    rig_put_text(&rig, "who");
    rig_put_text(&rig, "why");
    rig_put_text(&rig, "what");
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->orders.list.count, 1);
    CHECK_EQ(rig.actor->operations.count, 1);
    fork_it(&rig);
    CHECK_EQ(rig.actor->orders.list.count, 0);
    CHECK_EQ(rig.actor->calls.list.count, 0);
    CHECK_EQ(rig.actor->operations.count, 0);
    CHECK_EQ(rig.actor->operations_made, 0);
    rig_end(&rig);
}
