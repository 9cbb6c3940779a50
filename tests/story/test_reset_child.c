// SPDX-License-Identifier: Apache-2.0
//
// What becomes of children when their parent goes back to an earlier point:
// they are awaited, used again, started again, or make way.

#include <stdio.h>

#include "base/limits.h"
#include "story/resets.h"
#include "story/story.h"

// A child that goes on, one that ends as the input says, then a signal.
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    weft_future waits;
    weft_bytes word;

    TRY(weft_workflow_child_async(wf, (weft_target){"echo", "waits"},
                                  weft_text("wait"), NULL, &waits));
    TRY(weft_workflow_child(wf, (weft_target){"echo", "ends"}, input, NULL,
                            NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    TRY(weft_workflow_await(wf, waits, &word));
    return weft_workflow_return(wf, word);
}

// Cleans up for ten minutes when it is cancelled.
static weft_err
slow_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;
    weft_err err = weft_workflow_receive(wf, "word", WEFT_FOREVER, &word);

    (void)input;
    if (err == WEFT_ECANCELLED) {
        story_note("cleans up");
        weft_workflow_shield_begin(wf);
        TRY(weft_workflow_sleep(wf, 600000));
        weft_workflow_shield_end(wf);
        story_note("cleaned up");
        return err;
    }
    return err == WEFT_OK ? weft_workflow_return(wf, word) : err;
}

// After a first step, calls a child that becomes what the input says when its
// parent's run ends.
static weft_err
mother_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_bytes word;

    options.parent_close =
        story_is(input, "abandon")     ? WEFT_PARENT_CLOSE_ABANDON
        : story_is(input, "terminate") ? WEFT_PARENT_CLOSE_TERMINATE
                                       : WEFT_PARENT_CLOSE_CANCEL;
    TRY(weft_workflow_call(wf, "act", weft_text("first"), NULL, NULL));
    TRY(weft_workflow_child(wf, (weft_target){"slow", "i/c"}, weft_nothing(),
                            &options, &word));
    return weft_workflow_return(wf, word);
}

// Gives its child up after a signal, unless the code is mended by then.
static weft_err
leaver_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_future child;
    weft_bytes word;

    options.cancellation = WEFT_CANCELLATION_ABANDON;
    options.parent_close = WEFT_PARENT_CLOSE_ABANDON;
    TRY(weft_workflow_child_async(wf, (weft_target){"slow", "i/c"}, input,
                                  &options, &child));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    if (!reset_is_mended) {
        TRY(weft_workflow_cancel(wf, child));
        TRY(weft_workflow_receive(wf, "never", WEFT_FOREVER, NULL));
    }
    TRY(weft_workflow_await(wf, child, &word));
    return weft_workflow_return(wf, word);
}

// Asks its child to stop after a signal, and waits until that has taken notice,
// or until it has ended, if the input says "end".
static weft_err
asker_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_future child;
    weft_err err;

    options.cancellation = story_is(input, "end")
                               ? WEFT_CANCELLATION_WAIT
                               : WEFT_CANCELLATION_WAIT_REQUESTED;
    TRY(weft_workflow_child_async(wf, (weft_target){"slow", "i/c"}, input,
                                  &options, &child));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    TRY(weft_workflow_cancel(wf, child));
    err = weft_workflow_await(wf, child, NULL);
    if (err == WEFT_EUNWIND) {
        return err;
    }
    CHECK_ERR(err, WEFT_ECANCELLED);
    TRY(weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL));
    return weft_workflow_return(wf, weft_nothing());
}

// Returns as what its child was started, and what that gave.
static weft_err
starter_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_future child;
    weft_future started;
    weft_bytes id;
    weft_bytes result;
    char text[64];

    options.tell_started = 1;
    TRY(weft_workflow_child_async(wf, (weft_target){"echo", "ends"}, input,
                                  &options, &child));
    TRY(weft_workflow_child_started(wf, child, &started));
    TRY(weft_workflow_await(wf, started, &id));
    TRY(weft_workflow_await(wf, child, &result));
    (void)snprintf(text, sizeof(text), "%.*s %.*s", (int)id.len,
                   (const char *)id.data, (int)result.len,
                   (const char *)result.data);
    return weft_workflow_return(wf, weft_text(text));
}

// Calls a child, and nothing else.
static weft_err
lone_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    (void)input;
    TRY(weft_workflow_child(wf, (weft_target){"echo", "waits"},
                            weft_text("wait"), NULL, &word));
    return weft_workflow_return(wf, word);
}

// Begins more children than one record holds, then awaits a signal.
static weft_err
crowd_run(weft_workflow *wf, weft_bytes input)
{
    static char large[WF_TURN_BREAK_BYTES / 2 + 1];
    static const char *const ids[] = {"c0", "c1", "c2", "c3"};
    weft_future child;

    (void)input;
    for (int i = 0; i < 4; i++) {
        TRY(weft_workflow_child_async(wf, (weft_target){"waiter", ids[i]},
                                      weft_bytes_of(large, sizeof(large)), NULL,
                                      &child));
    }
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return weft_workflow_await(wf, child, NULL);
}

static weft_err
waiter_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_receive(wf, "word", WEFT_FOREVER, NULL);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    reset_is_mended = false;
    story_add_activity(definitions, "act", reset_act);
    story_add_workflow(definitions, "echo", reset_echo_run);
    story_add_workflow(definitions, "parent", parent_run);
    story_add_workflow(definitions, "lone", lone_run);
    story_add_workflow(definitions, "mother", mother_run);
    story_add_workflow(definitions, "slow", slow_run);
    story_add_workflow(definitions, "leaver", leaver_run);
    story_add_workflow(definitions, "asker", asker_run);
    story_add_workflow(definitions, "starter", starter_run);
    story_add_workflow(definitions, "crowd", crowd_run);
    story_add_workflow(definitions, "waiter", waiter_run);
    return definitions;
}

// Entries: 0 started, 1 the child, 2 a signal that nobody receives.
static void
tell_last(struct story *story)
{
    (void)story;
    story_start("lone", "i", "");
    story_signal("lone", "i", "other", "");
    story_wait_ms(1000);
    CHECK_OK(reset_to("lone", 2)->err);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("echo", "waits")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("echo", "waits")->item.is_cancel_requested, 0);
    story_signal("echo", "waits", "word", "said");
    CHECK_RESULT("lone", "i", "said");
}

TEST(reset, a_child_that_was_called_last_is_still_awaited)
{
    story_run(define, tell_last);
}

// Entries: 0 started, 1 and 2 the children, 3 the result of "ends", 4 receive,
// 5 the signal.
static void
tell_children(struct story *story)
{
    (void)story;
    story_start("parent", "i", "fine");
    story_wait_ms(10000);
    CHECK_OK(reset_to("parent", 3)->err);
    story_signal("parent", "i", "go", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("echo", "ends")->item.run, 1);
    CHECK_EQ(story_describe("echo", "waits")->item.status, WEFT_STATUS_RUNNING);
    story_crash();
    CHECK_OK(reset_to("parent", 5)->err);
    story_signal("echo", "waits", "word", "said");
    CHECK_RESULT("parent", "i", "said");
    CHECK_OK(reset_to("parent", 5)->err);
    CHECK_RESULT("parent", "i", "said");
    CHECK_EQ(story_describe("echo", "waits")->item.run, 1);
}

TEST(reset_child, children_that_run_are_awaited_and_results_are_used_again)
{
    story_run(define, tell_children);
}

static void
tell_child_failed(struct story *story)
{
    (void)story;
    story_start("parent", "i", "bad");
    CHECK_FAILS("parent", "i", WEFT_EFAILED, "Bad");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("echo", "waits")->item.status,
             WEFT_STATUS_CANCELLED);
    reset_retry("parent");
    story_signal("parent", "i", "go", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("echo", "ends")->item.run, 2);
    story_signal("echo", "waits", "word", "said");
    CHECK_RESULT("parent", "i", "said");
    CHECK_EQ(story_describe("echo", "waits")->item.run, 2);
}

TEST(reset_child, a_child_that_failed_is_started_again)
{
    story_run(define, tell_child_failed);
}

// Entries: 0 started, 1 activity, 2 its result, 3 the child.
static void
begin_mother(const char *how)
{
    story_start("mother", "i", how);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.status, WEFT_STATUS_RUNNING);
}

static void
tell_makes_way(struct story *story)
{
    begin_mother("cancel");
    CHECK_OK(reset_to("mother", 2)->err);
    story_wait_ms(10000);
    // It would clean up for minutes, and nobody waits for that.
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 2);
    CHECK_EQ(story_describe("slow", "i/c")->item.is_cancel_requested, 0);
    // Nor for one that is paused.
    (void)story_do(WEFT_VERB_PAUSE, "slow", "i/c", "", "");
    CHECK_OK(reset_to("mother", 2)->err);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 3);
    story_signal("slow", "i/c", "word", "said");
    CHECK_RESULT("mother", "i", "said");
    if (story->is_calm) {
        CHECK_EQ(story_count("cleaned up"), 0);
    }
    CHECK_EQ(story_dead_letters(), 0);
    story_check_audit();
}

TEST(reset_child, a_child_that_is_given_up_makes_way_for_the_next_of_its_id)
{
    story_run(define, tell_makes_way);
    story_run_crowded(define, tell_makes_way);
}

// Entries: 0 to 2 the start and the child, 3 the signal, then that it was given
// up.
static void
tell_wanted_again(struct story *story)
{
    (void)story;
    story_start("leaver", "i", "");
    story_wait_ms(10000);
    story_signal("leaver", "i", "go", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.status, WEFT_STATUS_RUNNING);
    reset_is_mended = true;
    CHECK_OK(reset_to("leaver", 3)->err); // where the signal came
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 1);
    story_signal("slow", "i/c", "word", "said");
    CHECK_RESULT("leaver", "i", "said");
}

TEST(reset_child, a_child_that_was_given_up_after_the_point_is_awaited_again)
{
    story_run(define, tell_wanted_again);
}

static void
tell_ended_then_reset(struct story *story)
{
    (void)story;
    begin_mother("cancel");
    (void)story_do(WEFT_VERB_TERMINATE, "mother", "i", "enough", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.status, WEFT_STATUS_RUNNING);
    CHECK_OK(reset_to("mother", 2)->err);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 2);
    story_signal("slow", "i/c", "word", "said");
    CHECK_RESULT("mother", "i", "said");
}

TEST(reset_child, so_does_one_whose_parent_had_ended)
{
    story_run(define, tell_ended_then_reset);
}

static void
tell_cleans_up(struct story *story)
{
    begin_mother("cancel");
    (void)story_do(WEFT_VERB_PAUSE, "mother", "i", "", "");
    CHECK_OK(reset_to("mother", 2)->err);
    CHECK_FAILS("slow", "i/c", WEFT_ECANCELLED, "cancelled");
    (void)story_do(WEFT_VERB_RESUME, "mother", "i", "", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 2);
    if (story->is_calm) {
        CHECK_EQ(story_count("cleaned up"), 1);
    }
}

TEST(reset_child, a_child_cleans_up_while_its_parent_is_paused)
{
    story_run(define, tell_cleans_up);
}

static void
tell_parent_close(struct story *story)
{
    (void)story;
    begin_mother("terminate");
    CHECK_OK(reset_to("mother", 2)->err);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 2);
    CHECK_EQ(story_count("cleans up"), 0);
    (void)story_do(WEFT_VERB_TERMINATE, "mother", "i", "enough", "");
    story_wait_ms(10000);
    // One that is to go on is left alone, and its id is taken.
    begin_mother("abandon");
    CHECK_OK(reset_to("mother", 2)->err);
    CHECK_FAILS("mother", "i", WEFT_EFAILED, "WEFT_EEXISTS");
    CHECK_EQ(story_describe("slow", "i/c")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("slow", "i/c")->item.is_cancel_requested, 0);
}

TEST(reset_child, what_becomes_of_a_child_is_what_its_call_says)
{
    story_run(define, tell_parent_close);
}

static void
tell_of_child(struct story *story)
{
    static const weft_point beginning = {0};
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    story_start("parent", "i", "fine");
    story_wait_ms(10000);
    story_signal("parent", "i", "go", "");
    story_signal("echo", "waits", "word", "said");
    CHECK_RESULT("parent", "i", "said");
    request.verb = WEFT_VERB_RESET;
    request.target = (weft_target){"echo", "waits"};
    request.point = &beginning;
    request.by = &reset_ada;
    CHECK_OK(story_call(&request)->err);
    CHECK_RESULT("echo", "waits", "said");
    story_wait_ms(10000);
    CHECK_RESULT("parent", "i", "said");
    CHECK_EQ(story_describe("parent", "i")->item.run, 1);
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(reset_child, the_parent_is_not_told_twice)
{
    story_run(define, tell_of_child);
}

// It begins anew although its parent, who ended it, is gone.
static void
tell_of_ended(struct story *story)
{
    static const weft_point beginning = {0};
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    begin_mother("terminate");
    (void)story_do(WEFT_VERB_TERMINATE, "mother", "i", "enough", "");
    CHECK_FAILS("slow", "i/c", WEFT_ETERMINATED, "terminated");
    request.verb = WEFT_VERB_RESET;
    request.target = (weft_target){"slow", "i/c"};
    request.point = &beginning;
    request.by = &reset_ada;
    CHECK_OK(story_call(&request)->err);
    story_signal("slow", "i/c", "word", "said");
    CHECK_RESULT("slow", "i/c", "said");
}

TEST(reset_child, one_that_its_parent_has_ended_may_begin_anew)
{
    story_run(define, tell_of_ended);
}

// Entries: 0 started, 1 and 2 children, 3 that it goes on, 4 the turn in which
// it did, 5 and 6 children, 7 that it goes on, 8, 9 receive.
static void
tell_crowd(struct story *story)
{
    (void)story;
    story_start("crowd", "i", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("crowd", "i")->item.journal_count, 10);
    CHECK_OK(reset_to("crowd", 4)->err);
    story_wait_ms(10000);
    story_signal("waiter", "c3", "word", "");
    story_signal("crowd", "i", "go", "");
    CHECK_RESULT("crowd", "i", "");
}

TEST(reset_child, one_before_which_its_turn_broke_off_is_started_then)
{
    story_run(define, tell_crowd);
}

// Entries: 0 started, 1 the child, 2 receive, 3 the signal, 4 that the child is
// asked, 5 that it has taken notice, 6 receive.
static void
check_heard(uint64_t run)
{
    story_wait_ms(10000);
    CHECK_EQ(story_describe("asker", "i")->item.run, run);
    CHECK_EQ(story_describe("asker", "i")->item.journal_count, 7);
    CHECK_EQ(story_describe("slow", "i/c")->item.status, WEFT_STATUS_RUNNING);
}

static void
tell_asks(struct story *story)
{
    (void)story;
    story_start("asker", "i", "");
    story_signal("asker", "i", "go", "");
    check_heard(1);
    CHECK_OK(reset_to("asker", 3)->err);
    check_heard(2);
    CHECK_OK(reset_to("asker", 5)->err);
    check_heard(3);
    story_signal("asker", "i", "end", "");
    CHECK_RESULT("asker", "i", "");
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 1);
}

TEST(reset_child, a_child_is_asked_again_to_stop_if_its_parent_does_that_again)
{
    story_run(define, tell_asks);
}

// It ended meanwhile, which its parent has not handled: it begins anew, and is
// asked as the one before was. Entry 5 is a signal that nobody receives.
static void
tell_ended_meanwhile(struct story *story)
{
    (void)story;
    story_start("asker", "i", "end");
    story_signal("asker", "i", "go", "");
    story_wait_ms(10000);
    story_signal("asker", "i", "other", "");
    story_wait_ms(10000);
    (void)story_do(WEFT_VERB_PAUSE, "asker", "i", "", "");
    CHECK_FAILS("slow", "i/c", WEFT_ECANCELLED, "cancelled");
    CHECK_OK(reset_to("asker", 5)->err);
    (void)story_do(WEFT_VERB_RESUME, "asker", "i", "", "");
    story_signal("asker", "i", "end", "");
    CHECK_RESULT("asker", "i", "");
    CHECK_EQ(story_describe("slow", "i/c")->item.run, 2);
}

TEST(reset_child, so_is_one_that_begins_anew)
{
    story_run(define, tell_ended_meanwhile);
}

// Entries: 0 started, 1 and 2 the child, 3 that it was started, 4 its result.
// It has ended, and both are told again.
static void
tell_started(struct story *story)
{
    (void)story;
    story_start("starter", "i", "fine");
    CHECK_RESULT("starter", "i", "ends fine");
    CHECK_OK(reset_to("starter", 3)->err);
    CHECK_RESULT("starter", "i", "ends fine");
    CHECK_EQ(story_describe("echo", "ends")->item.run, 1);
}

TEST(reset_child, that_one_was_started_is_told_again_with_its_result)
{
    story_run(define, tell_started);
}

// The same if it has failed: it is started again, and that is told, too.
static void
tell_started_again(struct story *story)
{
    (void)story;
    story_start("starter", "i", "bad");
    CHECK_FAILS("starter", "i", WEFT_EFAILED, "Bad");
    reset_is_mended = true;
    CHECK_OK(reset_to("starter", 3)->err);
    CHECK_RESULT("starter", "i", "ends bad");
    CHECK_EQ(story_describe("echo", "ends")->item.run, 2);
}

TEST(reset_child, one_that_was_started_and_failed_is_started_again)
{
    story_run(define, tell_started_again);
}
