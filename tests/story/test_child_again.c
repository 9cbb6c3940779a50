// SPDX-License-Identifier: Apache-2.0
//
// Children whose runs are begun again when they fail, until their parent has
// asked them to stop.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/puppet.h"

// Calls "c" of the kind that its input names, and asks it to stop when it is
// told to; ends with how that went.
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    char kind[20];
    weft_target child = {story_text(input, kind, sizeof(kind)), "c"};
    weft_future future;
    weft_err err;

    options.start = &start;
    options.cancellation = WEFT_CANCELLATION_WAIT;
    start.retry.maximum_attempts = 5;
    start.retry.initial_interval_ms = 3600000;
    start.retry.maximum_interval_ms = 3600000;
    MUST(
        weft_workflow_child_async(wf, child, weft_nothing(), &options, &future),
        WEFT_OK);
    MUST(weft_workflow_receive(wf, "stop", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(weft_workflow_cancel(wf, future), WEFT_OK);
    err = weft_workflow_await(wf, future, NULL);
    if (err == WEFT_EUNWIND) {
        return err;
    }
    return weft_workflow_return(wf, weft_text(weft_err_name(err)));
}

// It fails when it is told to, and when it is to stop.
static weft_err
failing_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    if (weft_workflow_receive(wf, "fail", WEFT_FOREVER, NULL) == WEFT_EUNWIND) {
        return WEFT_EUNWIND;
    }
    return weft_workflow_fail(wf, "Broken", "", weft_nothing());
}

static weft_definitions *
define(void)
{
    weft_definitions *defs = puppet_definitions();

    story_add_workflow(defs, "parent", parent_run);
    story_add_workflow(defs, "failing", failing_run);
    return defs;
}

static void
begin(const char *kind)
{
    story_start("parent", "p", kind);
    for (int i = 0;
         i < 100 && story_ask(WEFT_VERB_DESCRIBE, kind, "c", "", NULL)->err ==
                        WEFT_ENOTFOUND;
         i++) {
        story_wait_ms(100);
    }
}

static void
tell_actor(struct story *story)
{
    (void)story;
    begin("started");
    story_signal("parent", "p", "stop", "");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("started", "c")->item.is_cancel_requested, 1);
    puppet_do("started", "c", "stop_failed Broken text details");
    CHECK_FAILS("started", "c", WEFT_EFAILED, "Broken");
    CHECK_RESULT("parent", "p", "WEFT_EFAILED");
}

TEST(child, an_actor_that_fails_when_it_is_to_stop_does_not_begin_again)
{
    story_run(define, tell_actor);
}

static void
tell_workflow(struct story *story)
{
    (void)story;
    begin("failing");
    story_signal("parent", "p", "stop", "");
    CHECK_RESULT("parent", "p", "WEFT_EFAILED");
    CHECK_FAILS("failing", "c", WEFT_EFAILED, "Broken");
}

TEST(child, a_workflow_that_fails_when_it_is_to_stop_does_not_begin_again)
{
    story_run(define, tell_workflow);
}

// It cleans up before it fails, when its turn to stop is long over.
static weft_err
cleaning_run(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_sleep(wf, WEFT_FOREVER);

    (void)input;
    if (err == WEFT_EUNWIND) {
        return err;
    }
    weft_workflow_shield_begin(wf);
    TRY(weft_workflow_sleep(wf, 20000));
    weft_workflow_shield_end(wf);
    return weft_workflow_fail(wf, "Broken", "", weft_nothing());
}

static weft_definitions *
define_cleaning(void)
{
    weft_definitions *defs = define();

    story_add_workflow(defs, "cleaning", cleaning_run);
    return defs;
}

static void
tell_cleaning(struct story *story)
{
    (void)story;
    begin("cleaning");
    story_signal("parent", "p", "stop", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("cleaning", "c")->item.is_cancel_requested, 1);
    CHECK_RESULT("parent", "p", "WEFT_EFAILED");
    CHECK_EQ(story_describe("cleaning", "c")->item.run, 1);
}

TEST(child, nor_does_one_that_fails_when_it_has_cleaned_up)
{
    story_run(define_cleaning, tell_cleaning);
}

// The run fails before its turn to stop comes.
static void
tell_before(struct story *story)
{
    (void)story;
    begin("failing");
    (void)story_do(WEFT_VERB_PAUSE, "failing", "c", "", NULL);
    story_signal("failing", "c", "fail", "");
    story_signal("parent", "p", "stop", "");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_RESUME, "failing", "c", "", NULL);
    CHECK_RESULT("parent", "p", "WEFT_EFAILED");
}

TEST(child, one_that_was_asked_to_stop_before_it_failed_does_not_begin_again)
{
    story_run(define, tell_before);
}

// The same, when so many others came between that its order is in no memory.
static void
tell_behind_many(struct story *story)
{
    struct world_call *last = NULL;

    begin("failing");
    (void)story_do(WEFT_VERB_PAUSE, "failing", "c", "", NULL);
    story_signal("failing", "c", "fail", "");
    for (int i = 0; i < WF_MAILBOX_MEMORY_MAX; i++) {
        last = world_call(story->world, WEFT_VERB_SIGNAL, "failing", "c",
                          "other", weft_nothing());
    }
    CHECK_OK(world_wait(story->world, last)->err);
    story_signal("parent", "p", "stop", "");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_RESUME, "failing", "c", "", NULL);
    CHECK_RESULT("parent", "p", "WEFT_EFAILED");
    CHECK_EQ(story_describe("failing", "c")->item.run, 1);
}

TEST(child, so_does_one_to_which_many_others_came_before_that)
{
    story_run_calm(define, tell_behind_many);
}
