// SPDX-License-Identifier: Apache-2.0
//
// Workflows go back to an earlier point: of a run that goes on, that is parked,
// that has ended. What becomes of children is in test_reset_child.c.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"
#include "story/resets.h"
#include "story/story.h"
#include "weft/update.h"

// Ends when somebody has its token.
static char token[WEFT_TOKEN_CHARS_MAX];

static weft_err
defer(weft_activity *activity, weft_bytes input)
{
    (void)input;
    story_note("deferred");
    return weft_activity_defer(activity, token, sizeof(token));
}

// One after the other, with chance in the input; the input says the last.
static weft_err
row_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t before = weft_workflow_random(wf);
    char text[100];
    weft_bytes result;

    (void)snprintf(text, sizeof(text), "one %llu.%llu",
                   (unsigned long long)weft_workflow_run(wf),
                   (unsigned long long)(before % 1000));
    TRY(weft_workflow_call(wf, "act", weft_text(text), NULL, NULL));
    TRY(weft_workflow_call(wf, "act", input, NULL, &result));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, &result));
    return weft_workflow_return(wf, result);
}

// So many large results that the journal has rows of its own.
static weft_err
long_run(weft_workflow *wf, weft_bytes input)
{
    static char large[2000];
    uint64_t sum = 0;

    for (unsigned i = 0; i < 10; i++) {
        weft_bytes result;

        (void)snprintf(large, sizeof(large), "%u", i);
        TRY(weft_workflow_call(wf, "act", weft_bytes_of(large, sizeof(large)),
                               NULL, &result));
        sum += result.len;
    }
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return sum == 20000 ? weft_workflow_return(wf, input) : WEFT_EFAILED;
}

static weft_err
slow_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)ctx;
    TRY(weft_workflow_sleep(wf, 20000));
    return weft_workflow_return(wf, input);
}

static weft_err
slower_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)ctx;
    TRY(weft_workflow_sleep(wf, 20000));
    TRY(weft_workflow_sleep(wf, 10000));
    return weft_workflow_return(wf, input);
}

static weft_err
asked_run(weft_workflow *wf, weft_bytes input)
{
    TRY(weft_workflow_on_update(wf, "slow", NULL, slow_update, NULL));
    TRY(weft_workflow_on_update(wf, "slower", NULL, slower_update, NULL));
    TRY(weft_workflow_receive(wf, "one", WEFT_FOREVER, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return weft_workflow_return(wf, input);
}

// What an activity by token and a child give, after two signals.
static weft_err
both_run(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_future activity;
    weft_future child;
    weft_bytes word;
    char text[100];

    options.retry.maximum_attempts = 1;
    TRY(weft_workflow_call_async(wf, "defer", input, &options, &activity));
    TRY(weft_workflow_child_async(wf, (weft_target){"echo", "i/e"},
                                  weft_text("wait"), NULL, &child));
    TRY(weft_workflow_receive(wf, "one", WEFT_FOREVER, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    TRY(weft_workflow_await(wf, activity, &word));
    (void)story_text(word, text, sizeof(text));
    TRY(weft_workflow_await(wf, child, &word));
    (void)story_text(word, text + strlen(text), sizeof(text) - strlen(text));
    return weft_workflow_return(wf, weft_text(text));
}

// What failed first was handled, and what came after it failed too.
static weft_err
twice_run(weft_workflow *wf, weft_bytes input)
{
    MUST(weft_workflow_call(wf, "act", weft_text("bad one"), NULL, NULL),
         reset_is_mended ? WEFT_OK : WEFT_EFAILED);
    TRY(weft_workflow_call(wf, "act", weft_text("bad two"), NULL, NULL));
    return weft_workflow_return(wf, input);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    reset_is_mended = false;
    token[0] = '\0';
    story_add_activity(definitions, "defer", defer);
    story_add_workflow(definitions, "both", both_run);
    story_add_activity(definitions, "act", reset_act);
    story_add_workflow(definitions, "row", row_run);
    story_add_workflow(definitions, "twice", twice_run);
    story_add_workflow(definitions, "fan", flow_fan_run);
    story_add_workflow(definitions, "long", long_run);
    story_add_workflow(definitions, "asked", asked_run);
    story_add_workflow(definitions, "echo", reset_echo_run);
    return definitions;
}

// What failed is tried again. -------------------------------------------------

static void
tell_retry_row(struct story *story)
{
    story_start("row", "i", "bad");
    CHECK_FAILS("row", "i", WEFT_EFAILED, "Bad");
    reset_retry("row");
    CHECK_EQ(story_describe("row", "i")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("row", "i")->item.run, 2);
    CHECK_EQ(story_describe("row", "i")->item.finished_at_ms, 0);
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
    if (story->is_calm) {
        CHECK_EQ(story_count("act one 1."), 1);
        CHECK_EQ(story_count("act bad"), 2);
    }
    CHECK_ERR(reset_submit(WEFT_VERB_RETRY_FAILED, "row", NULL)->err,
              WEFT_EINVAL);
}

TEST(reset, the_failed_step_of_a_failed_workflow_is_done_again)
{
    story_run(define, tell_retry_row);
}

static void
tell_retry_fan(struct story *story)
{
    story_start("fan", "i", "");
    CHECK_FAILS("fan", "i", WEFT_EFAILED, "Bad");
    story_wait_ms(30000);
    reset_retry("fan");
    CHECK_RESULT("fan", "i", "all");
    if (story->is_calm) {
        CHECK_EQ(story_count("act bad"), 2);
        CHECK(story_now_ms() < 61000); // the timer kept its instant
    }
    CHECK_EQ(story_describe("fan", "i")->item.run, 2);
}

TEST(reset, of_steps_at_once_only_those_without_a_result_are_done_again)
{
    story_run(define, tell_retry_fan);
}

// Points. ---------------------------------------------------------------------

// Entries: 0 started, 1 activity, 2 its result, 3 activity, 4 its result,
// 5 receive, 6 the signal.
static void
tell_points(struct story *story)
{
    story_start("row", "i", "two");
    story_wait_ms(100);
    story_forget_notes();
    CHECK_OK(reset_to("row", 2)->err);
    CHECK_EQ(story_describe("row", "i")->item.run, 2);
    story_wait_ms(100);
    if (story->is_calm) {
        CHECK_EQ(story_count("act one"), 0); // its result is used again
        CHECK_EQ(story_count("act two"), 1);
    }
    CHECK_OK(reset_to_type("row", WEFT_POINT_LAST_ACTIVITY)->err);
    story_wait_ms(100);
    if (story->is_calm) {
        CHECK_EQ(story_count("act two"), 2);
    }
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
    CHECK_OK(reset_to_type("row", WEFT_POINT_BEGINNING)->err);
    // The signal comes again.
    CHECK_RESULT("row", "i", "end");
    if (story->is_calm) {
        CHECK_EQ(story_count("act one 4."), 1);
        CHECK_EQ(story_count("act two"), 3);
    }
    CHECK_EQ(story_describe("row", "i")->item.run, 4);
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(reset, a_workflow_goes_back_to_a_point_and_signals_come_again)
{
    story_run(define, tell_points);
}

static void
tell_long(struct story *story)
{
    (void)story;
    story_start("long", "i", "in");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("long", "i")->item.journal_count, 22);
    CHECK_OK(reset_to("long", 8)->err);
    story_crash();
    story_wait_ms(10000);
    CHECK_EQ(story_describe("long", "i")->item.journal_count, 22);
    CHECK_OK(reset_to("long", 20)->err);
    CHECK_OK(reset_to("long", 2)->err);
    story_signal("long", "i", "go", "");
    CHECK_RESULT("long", "i", "in");
    CHECK_OK(reset_to_type("long", WEFT_POINT_LAST_ACTIVITY)->err);
    CHECK_RESULT("long", "i", "in");
}

TEST(reset, a_long_journal_is_cut_anywhere)
{
    story_run(define, tell_long);
    story_run_crowded(define, tell_long);
}

static void
by_token(weft_verb verb, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.token = token;
    request.data = weft_text(data);
    request.error_name = "Bad";
    request.error_message = "by somebody";
    CHECK_OK(world_wait(story_now()->world,
                        world_submit(story_now()->world, &request))
                 ->err);
}

// Entries: 0 started, 1 activity, 2 child, 3 receive, 4 the signal "one",
// 5 receive. Nothing that comes then is handled.
static void
begin_both(void)
{
    story_start("both", "i", "");
    for (int i = 0; i < 100 && token[0] == '\0'; i++) {
        story_wait_ms(10);
    }
    story_signal("both", "i", "one", "");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_PAUSE, "both", "i", "", "");
}

static void
reset_both(void)
{
    story_wait_ms(1000);
    CHECK_OK(reset_to("both", 4)->err);
    story_crash();
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_RESUME, "both", "i", "", "");
    story_wait_ms(1000);
}

static void
tell_not_handled(struct story *story)
{
    begin_both();
    by_token(WEFT_VERB_COMPLETE, "act ");
    story_signal("echo", "i/e", "word", "said");
    reset_both();
    story_signal("both", "i", "go", "");
    CHECK_RESULT("both", "i", "act said");
    CHECK_EQ(story_describe("both", "i")->item.run, 2);
    CHECK_EQ(story_describe("echo", "i/e")->item.run, 1);
    if (story->is_calm) {
        CHECK_EQ(story_count("deferred"), 1);
    }
}

TEST(reset, results_that_were_not_handled_yet_are_used)
{
    story_run(define, tell_not_handled);
}

static void
tell_failed_not_handled(struct story *story)
{
    begin_both();
    by_token(WEFT_VERB_FAIL, "");
    (void)story_do(WEFT_VERB_TERMINATE, "echo", "i/e", "enough", "");
    reset_both();
    story_signal("both", "i", "go", "");
    CHECK_EQ(story_describe("echo", "i/e")->item.run, 2);
    by_token(WEFT_VERB_COMPLETE, "act ");
    story_signal("echo", "i/e", "word", "said");
    CHECK_RESULT("both", "i", "act said");
    if (story->is_calm) {
        CHECK_EQ(story_count("deferred"), 2);
    }
}

TEST(reset, failures_that_were_not_handled_yet_are_tried_again)
{
    story_run(define, tell_failed_not_handled);
}

static void
tell_first_failed(struct story *story)
{
    (void)story;
    story_start("row", "i", "bad");
    CHECK_FAILS("row", "i", WEFT_EFAILED, "Bad");
    reset_is_mended = true;
    CHECK_OK(reset_to_type("row", WEFT_POINT_FIRST_FAILED)->err);
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
    CHECK_ERR(reset_to_type("row", WEFT_POINT_FIRST_FAILED)->err, WEFT_EINVAL);
}

TEST(reset, a_point_can_be_the_first_failure)
{
    story_run(define, tell_first_failed);
}

static void
tell_first_of_two(struct story *story)
{
    (void)story;
    story_start("twice", "i", "in");
    CHECK_FAILS("twice", "i", WEFT_EFAILED, "Bad");
    story_forget_notes();
    reset_is_mended = true;
    CHECK_OK(reset_to_type("twice", WEFT_POINT_FIRST_FAILED)->err);
    CHECK_RESULT("twice", "i", "in");
    CHECK_EQ(story_count("act bad one"), 1);
    CHECK_EQ(story_count("act bad two"), 1);
}

TEST(reset, of_two_failures_the_first_is_the_first)
{
    story_run_calm(define, tell_first_of_two);
}

static void
tell_held(struct story *story)
{
    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    (void)story_do(WEFT_VERB_PAUSE, "row", "i", "", "");
    story_signal("row", "i", "go", "end");
    CHECK_OK(reset_to("row", 4)->err);
    story_wait_ms(10000);
    CHECK_EQ(story_describe("row", "i")->item.is_paused, 1);
    CHECK_EQ(story_describe("row", "i")->item.status, WEFT_STATUS_RUNNING);
    (void)story_do(WEFT_VERB_RESUME, "row", "i", "", "");
    CHECK_RESULT("row", "i", "end");
}

TEST(reset, a_paused_one_stays_paused)
{
    story_run(define, tell_held);
}

static void
tell_ended_otherwise(struct story *story)
{
    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    (void)story_do(WEFT_VERB_CANCEL, "row", "i", "", "");
    CHECK_FAILS("row", "i", WEFT_ECANCELLED, "cancelled");
    CHECK_OK(reset_to("row", 4)->err);
    CHECK_EQ(story_describe("row", "i")->item.is_cancel_requested, 0);
    (void)story_do(WEFT_VERB_TERMINATE, "row", "i", "enough", "");
    CHECK_OK(reset_to("row", 2)->err);
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
}

TEST(reset, a_cancelled_or_terminated_one_goes_on)
{
    story_run(define, tell_ended_otherwise);
}

// Entries: 0 started, 1 receive, 2 the update, 3 its timer, 4 the signal "one".
static void
tell_update(struct story *story)
{
    struct world_call *call;
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    story_start("asked", "i", "in");
    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"asked", "i"};
    request.name = "slow";
    request.update_id = "u";
    call = world_submit(story_now()->world, &request);
    story_wait_ms(5000);
    story_signal("asked", "i", "one", "");
    story_wait_ms(5000);
    CHECK_OK(reset_to("asked", 4)->err);
    CHECK_ERR(world_wait(story_now()->world, call)->err, WEFT_EFINISHED);
    story_wait_ms(60000); // its handler ends, and nobody is told again
    call = story_call(&request);
    CHECK_ERR(call->err, WEFT_EFINISHED);
    story_signal("asked", "i", "go", "");
    CHECK_RESULT("asked", "i", "in");
}

TEST(reset, an_update_under_way_is_answered_once)
{
    story_run(define, tell_update);
}

static struct world_call *
update(const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"asked", "i"};
    request.name = "slower";
    request.data = weft_text(data);
    return world_submit(story_now()->world, &request);
}

// The first one is forgotten when it is answered. Its handler runs once more
// after the reset, and may not answer the second.
static void
tell_number(struct story *story)
{
    struct world_call *call;

    (void)story;
    story_start("asked", "i", "in");
    call = update("one");
    story_wait_ms(5000);
    story_signal("asked", "i", "one", "");
    CHECK_STR(world_wait(story_now()->world, call)->data, "one");
    CHECK_OK(reset_to("asked", 4)->err);
    story_crash();
    CHECK_STR(world_wait(story_now()->world, update("two"))->data, "two");
}

TEST(reset, a_handler_that_runs_again_does_not_answer_for_another)
{
    story_run(define, tell_number);
}

// One by a name of its own is remembered with its answer, and keeps its number.
static void
tell_next_number(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *call;

    story_start("asked", "i", "in");
    call = update("one");
    story_wait_ms(5000);
    story_signal("asked", "i", "one", "");
    CHECK_STR(world_wait(story->world, call)->data, "one");
    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"asked", "i"};
    request.name = "slow";
    request.update_id = "u";
    request.data = weft_text("two");
    CHECK_STR(story_call(&request)->data, "two");
    CHECK_OK(reset_to("asked", 4)->err);
    CHECK_STR(world_wait(story->world, update("three"))->data, "three");
    CHECK_STR(story_call(&request)->data, "two");
}

TEST(reset, numbers_of_updates_go_on)
{
    story_run_calm(define, tell_next_number);
}

// Refusals. -------------------------------------------------------------------

static void
refused(struct world_call *call, weft_err err, const char *detail)
{
    CHECK_ERR(call->err, err);
    CHECK_STR(call->detail, detail);
}

static void
tell_refused(struct story *story)
{
    (void)story;
    refused(reset_to("row", 0), WEFT_ENOTFOUND, "i: no such instance");
    story_start("row", "i", "two");
    story_wait_ms(100);
    refused(reset_to("row", 1), WEFT_EINVAL,
            "i: entry 1 is inside of a turn that begins at entry 0");
    refused(reset_to("row", 6), WEFT_EINVAL,
            "i: its journal has 6 entries, there is no entry 6");
    refused(reset_to("row", UINT64_MAX), WEFT_EINVAL,
            "i: its journal has 6 entries, there is no entry "
            "18446744073709551615");
    refused(reset_to_type("row", WEFT_POINT_FIRST_FAILED), WEFT_EINVAL,
            "i: its journal has no such point");
    refused(reset_submit(WEFT_VERB_RETRY_FAILED, "row", NULL), WEFT_EINVAL,
            "i: it was not ended by an activity or child that failed");
    CHECK_EQ(story_describe("row", "i")->item.run, 1);
}

TEST(reset, points_that_are_none_are_refused_in_words)
{
    story_run(define, tell_refused);
}

static weft_err
other_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    MUST(weft_workflow_sleep(wf, 1), WEFT_OK);
    return weft_workflow_return(wf, weft_text("other"));
}

static weft_definitions *
define_other(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_activity(definitions, "act", reset_act);
    story_add_workflow(definitions, "row", other_run);
    return definitions;
}

static void
tell_other_code(struct story *story)
{
    struct world_call *call;

    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    story_define(define_other);
    story_signal("row", "i", "go", "end");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("row", "i")->item.is_parked, 1);
    call = reset_to("row", 4);
    CHECK_ERR(call->err, WEFT_EDIVERGED);
    CHECK(strstr(call->detail, "the code does not fit") != NULL);
    CHECK_OK(reset_to_type("row", WEFT_POINT_BEGINNING)->err);
    CHECK_RESULT("row", "i", "other");
}

TEST(reset, code_that_does_not_fit_can_begin_anew)
{
    story_run(define, tell_other_code);
}
