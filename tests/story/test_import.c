// SPDX-License-Identifier: Apache-2.0
//
// Instances that come back as capsules.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/forks.h"

// The first attempt fails, and the next one is a second later.
static weft_err
later(weft_activity *activity, weft_bytes input)
{
    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) == 1) {
        return weft_activity_fail_after(activity, "Later", "", weft_nothing(),
                                        1000);
    }
    return weft_activity_return(activity, input);
}

// A second, an activity that is repeated, and a signal that it returns.
static weft_err
order_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    TRY(weft_workflow_sleep(wf, 1000));
    TRY(weft_workflow_call(wf, "later", input, NULL, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, &word));
    return weft_workflow_return(wf, word);
}

static weft_definitions *
orders(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_activity(definitions, "later", later);
    story_add_workflow(definitions, "order", order_run);
    return definitions;
}

static struct world_call *
begin_import(const struct story *story, const char *id, weft_bytes capsule)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_IMPORT;
    request.target = (weft_target){"order", id};
    request.data = capsule;
    return world_submit(story->world, &request);
}

// Started, and gone after so much time.
static weft_bytes
take_away(const char *id, uint64_t after_ms)
{
    weft_bytes capsule;

    story_start("order", id, "parcel");
    story_wait_ms(after_ms);
    capsule = fork_export("order", id);
    story_do(WEFT_VERB_TERMINATE, "order", id, "", NULL);
    return capsule;
}

static void
tell_back(struct story *story)
{
    // While it sleeps; while an activity waits for its second attempt.
    for (uint64_t after_ms = 500; after_ms <= 1500; after_ms += 1000) {
        const char *id = after_ms == 500 ? "a" : "b";
        weft_bytes capsule = take_away(id, after_ms);
        struct world_call *call;

        story_wait_ms(100);
        call = world_wait(story->world, begin_import(story, id, capsule));
        CHECK_OK(call->err);
        CHECK_ERR(
            world_wait(story->world, begin_import(story, id, capsule))->err,
            WEFT_EEXISTS);
        story_wait_ms(3000);
        CHECK_OK(fork_operate(WEFT_VERB_PARK, "order", id)->err);
        CHECK_ERR(
            world_wait(story->world, begin_import(story, id, capsule))->err,
            WEFT_EEXISTS);
        story_do(WEFT_VERB_RESUME, "order", id, "", NULL);
        story_signal("order", id, "go", "gone");
        CHECK_RESULT("order", id, "gone");
        if (story->is_calm) {
            CHECK_EQ(story_count("attempt 2"), after_ms == 500 ? 1 : 2);
        }
    }
    story_check_audit();
}

TEST(import, one_that_comes_back_goes_on_where_it_was)
{
    story_run(orders, tell_back);
}

// An attempt comes due while the import is being written. If it is lost in a
// crash, nothing was done that it tells of.
static void
tell_written(struct story *story)
{
    char id[8];

    for (uint64_t before_ms = 0; before_ms < 8; before_ms++) {
        struct world_call *call;
        weft_bytes capsule;

        (void)snprintf(id, sizeof(id), "w%u", (unsigned)before_ms);
        story_forget_notes();
        capsule = take_away(id, 1500);
        CHECK_EQ(story_count("attempt"), 1);
        story_wait_ms(1000 - before_ms - story_now_ms());
        call = begin_import(story, id, capsule);
        for (int i = 0; i < 100 && story_count("attempt") == 1; i++) {
            story_wait_ms(1);
        }
        CHECK_EQ(story_count("attempt"), 2);
        world_withdraw(story->world, call);
        story_crash();
        CHECK_EQ(story_describe("order", id)->item.status, WEFT_STATUS_RUNNING);
    }
}

TEST(import, nothing_is_done_before_it_is_durable)
{
    story_run_calm(orders, tell_written);
}

static weft_definitions *
early_orders(void)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_activity(definitions, "later", later);
    def.name = "order";
    def.run = order_run;
    def.early_signals = WEFT_EARLY_KEEP;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
    return definitions;
}

// They were accepted: they are for whatever begins there.
static void
tell_early(struct story *story)
{
    weft_bytes capsule;

    story_start("order", "a", "parcel");
    story_wait_ms(500);
    story_signal("order", "a", "other", "own");
    capsule = fork_export("order", "a");
    story_do(WEFT_VERB_TERMINATE, "order", "a", "", NULL);
    CHECK_OK(story_ask(WEFT_VERB_DELETE, "order", "a", "", "")->err);
    story_signal("order", "a", "go", "early");
    story_signal("order", "a", "go", "late");
    CHECK_OK(world_wait(story->world, begin_import(story, "a", capsule))->err);
    CHECK_RESULT("order", "a", "early");
}

TEST(import, signals_that_waited_for_a_start_come_to_it)
{
    story_run(early_orders, tell_early);
}

// More of them than a record takes are refused with it, and wait on.
static void
tell_too_many_early(struct story *story)
{
    static char large[WF_PAYLOAD_BYTES_MAX];
    weft_bytes capsule;

    story_start("order", "a", "parcel");
    story_wait_ms(500);
    capsule = fork_export("order", "a");
    story_do(WEFT_VERB_TERMINATE, "order", "a", "", NULL);
    CHECK_OK(story_ask(WEFT_VERB_DELETE, "order", "a", "", "")->err);
    for (int i = 0; i < 5; i++) {
        CHECK_OK(world_ask(story->world, WEFT_VERB_SIGNAL, "order", "a", "go",
                           weft_bytes_of(large, sizeof(large)))
                     ->err);
    }
    CHECK_ERR(world_wait(story->world, begin_import(story, "a", capsule))->err,
              WEFT_ETOOBIG);
    story_signal("order", "b", "go", ""); // nothing of it is done to another
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "order", "b", "", NULL)->err,
              WEFT_ENOTFOUND);
    story_start("order", "a", "parcel");
    CHECK_OK(story_result("order", "a")->err);
}

TEST(import, too_many_signals_that_wait_for_a_start_keep_it_away)
{
    story_run_once(early_orders, tell_too_many_early);
}

// Where nobody of that id has been, and no letter. What it did not receive is
// put back when it ends.
static void
tell_elsewhere(struct story *story)
{
    weft_bytes capsule;

    story_start("order", "a", "parcel");
    story_wait_ms(500);
    for (int i = 0; i < 6; i++) {
        story_signal("order", "a", "other", "");
    }
    story_wait_ms(100);
    capsule = fork_export("order", "a");
    CHECK_OK(world_wait(story->world, begin_import(story, "b", capsule))->err);
    story_signal("order", "b", "go", "there");
    CHECK_RESULT("order", "b", "there");
    story_wait_ms(100);
    CHECK_EQ(story_describe("order", "b")->item.mailbox_count, 0);
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 6);
    }
}

TEST(import, it_ends_where_nobody_was_before_it)
{
    story_run(orders, tell_elsewhere);
}

// Nothing happens between these: the life before has its message still, which
// the capsule has too.
static void
tell_left_over(struct story *story)
{
    struct world_call *calls[3];
    weft_bytes capsule;

    story_start("order", "a", "parcel");
    story_signal("order", "a", "go", "once");
    story_wait_ms(500);
    capsule = fork_export("order", "a");
    calls[0] = world_call(story->world, WEFT_VERB_TERMINATE, "order", "a", "",
                          weft_nothing());
    calls[1] = begin_import(story, "a", capsule);
    calls[2] = world_call(story->world, WEFT_VERB_TERMINATE, "order", "a", "",
                          weft_nothing());
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_OK(world_wait(story->world, calls[1])->err);
    CHECK_ERR(world_wait(story->world, calls[2])->err, WEFT_EFINISHED);
    CHECK_EQ(story_describe("order", "a")->item.mailbox_count, 0);
    CHECK_EQ(story_dead_letters(), 1);
    CHECK_RESULT("order", "a", "once");
}

TEST(import, what_the_life_before_left_is_not_for_it)
{
    story_run_calm(orders, tell_left_over);
}

// What the life before has received is not for it.
static void
tell_over_finished(struct story *story)
{
    weft_bytes capsule;

    story_start("order", "a", "parcel");
    story_wait_ms(500);
    capsule = fork_export("order", "a");
    story_signal("order", "a", "go", "first");
    CHECK_RESULT("order", "a", "first");
    CHECK_OK(world_wait(story->world, begin_import(story, "a", capsule))->err);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("order", "a")->item.status, WEFT_STATUS_RUNNING);
    story_signal("order", "a", "go", "second");
    CHECK_RESULT("order", "a", "second");
}

TEST(import, one_that_has_finished_is_replaced)
{
    story_run_calm(orders, tell_over_finished);
}

// Lives that were here, one of which left a message to the next.
static void
tell_after_others(struct story *story)
{
    struct world_call *calls[2];
    weft_bytes capsule;

    story_start("order", "a", "parcel");
    story_do(WEFT_VERB_PAUSE, "order", "a", "", NULL);
    story_signal("order", "a", "go", "its own");
    capsule = fork_export("order", "a");
    calls[0] = world_call(story->world, WEFT_VERB_TERMINATE, "order", "a", "",
                          weft_nothing());
    calls[1] = world_call(story->world, WEFT_VERB_START, "order", "a", "",
                          weft_text("parcel"));
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_OK(world_wait(story->world, calls[1])->err);
    story_wait_ms(100);
    CHECK_EQ(story_dead_letters(), 1);
    story_do(WEFT_VERB_TERMINATE, "order", "a", "", NULL);
    CHECK_OK(world_wait(story->world, begin_import(story, "a", capsule))->err);
    story_do(WEFT_VERB_RESUME, "order", "a", "", NULL);
    CHECK_RESULT("order", "a", "its own");
    CHECK_EQ(story_dead_letters(), 1);
}

TEST(import, it_has_the_messages_that_it_brings_whoever_was_here_before)
{
    story_run_calm(orders, tell_after_others);
}
