// SPDX-License-Identifier: Apache-2.0
//
// What a call, or a failure, may say against the activity's definition.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story/caller.h"

// Fails so often, each time asking for a pause of so long; then gives its input
// back. 0: it does not ask.
static unsigned failures;
static uint64_t pause_ms;

static weft_err
fails(weft_activity *activity, weft_bytes input)
{
    uint32_t attempt = weft_activity_attempt(activity);

    story_note("attempt %u", attempt);
    if (attempt > failures) {
        return weft_activity_return(activity, input);
    }
    return weft_activity_fail_after(activity, "Busy", "try later",
                                    weft_nothing(), pause_ms);
}

// Limits in every field.
static weft_definitions *
limited(void)
{
    static const char *const names[] = {"Busy", NULL};
    weft_definitions *defs = caller_definitions();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    failures = 0;
    pause_ms = 0;
    def.name = "fails";
    def.run = fails;
    def.retry.initial_interval_ms = 1000;
    def.retry.coefficient = 1;
    def.retry.maximum_attempts = 3;
    def.retry.total_ms = 10000;
    def.retry.jitter = 1;
    def.retry.non_retryable = names;
    def.timeouts.schedule_to_close_ms = 20000;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    return defs;
}

static void
tell_taken_back(struct story *story)
{
    static const char *const none[] = {NULL};

    failures = 30;
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    call_options.retry.non_retryable = none;
    call_options.retry.jitter = WEFT_NO_JITTER;
    story_start("caller", "b", "fails in");
    CHECK_FAILS("caller", "b", WEFT_EFAILED, "Busy");
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt"), 4);
    }
    call_options.retry.maximum_attempts = WEFT_UNLIMITED;
    call_options.retry.total_ms = WEFT_FOREVER;
    call_options.timeouts.schedule_to_close_ms = WEFT_FOREVER;
    story_forget_notes();
    story_zero();
    story_start("caller", "c", "fails in");
    CHECK_RESULT("caller", "c", "in");
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt"), 31);
        CHECK_EQ(story_count("attempt 31"), 1);
    }
}

TEST(activity, a_call_may_take_back_every_limit_of_the_definition)
{
    story_run(limited, tell_taken_back);
}

static weft_definitions *
plain(void)
{
    weft_definitions *defs = caller_definitions();

    failures = 0;
    pause_ms = 0;
    caller_add(defs, "fails", fails, NULL, NULL);
    return defs;
}

static void
tell_names(struct story *story)
{
    static const char *const names[] = {"Other", "Busy", NULL};

    failures = 30;
    call_options.retry.non_retryable = names;
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    (void)story;
}

TEST(activity, a_call_may_name_failures_that_are_not_repeated)
{
    story_run(plain, tell_names);
}

// The failure's own pause. ----------------------------------------------------

static void
tell_pause(struct story *story)
{
    failures = 2;
    pause_ms = 7000;
    story_start("caller", "a", "fails in");
    CHECK_RESULT("caller", "a", "in");
    if (story->is_calm) {
        CHECK_NOTES("[0] attempt 1\n"
                    "[7000] attempt 2\n"
                    "[14000] attempt 3\n");
    }
}

static void
tell_pause_limits(struct story *story)
{
    (void)story;
    // It counts as an attempt, and against the time there is.
    failures = 9;
    pause_ms = 1;
    call_options.retry.maximum_attempts = 4;
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 4);
    CHECK_EQ(story_count("attempt 4"), 1);
    pause_ms = 5001;
    call_options.retry.total_ms = 10000;
    story_forget_notes();
    story_start("caller", "b", "fails in");
    CHECK_FAILS("caller", "b", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 2);
    // For ever is not too long to be waited for.
    pause_ms = WEFT_FOREVER;
    call_options.retry.total_ms = 0;
    story_start("caller", "c", "fails in");
    story_wait_ms(86400000);
    CHECK_EQ(story_describe("caller", "c")->item.status, WEFT_STATUS_RUNNING);
    story_crash();
    story_wait_ms(86400000);
    CHECK_EQ(story_count("attempt"), 3);
}

TEST(activity, a_failure_may_say_when_to_try_again)
{
    story_run(plain, tell_pause);
    story_run_calm(plain, tell_pause_limits);
}

static void
tell_token_pause(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    story_start("caller", "a", "hand_on");
    story_wait_ms(100);
    request.verb = WEFT_VERB_FAIL;
    request.token = caller_token;
    request.error_name = "Busy";
    request.retry_after_ms = 5000;
    CHECK_OK(story_call(&request)->err);
    story_wait_ms(4900);
    CHECK_EQ(story_count("attempt"), 1);
    story_wait_ms(200);
    CHECK_EQ(story_count("attempt 2"), 1);
}

TEST(activity, a_failure_by_token_may_say_when_to_try_again)
{
    story_run_calm(caller_hands_on, tell_token_pause);
}

// Lost attempts. --------------------------------------------------------------

static weft_err
die_once(weft_activity *activity, weft_bytes input)
{
    (void)input;
    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) == 1) {
        story_crash();
    }
    return weft_activity_return(activity, weft_text("done"));
}

static weft_definitions *
losing(void)
{
    weft_definitions *defs = caller_definitions();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = "kept";
    def.run = die_once;
    def.retry.maximum_attempts = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    def.name = "counted";
    def.fail_when_lost = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    return defs;
}

static void
tell_lost(struct story *story)
{
    (void)story;
    call_options.on_lost = WEFT_ON_LOST_FAIL;
    story_start("caller", "a", "kept");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "lost");
    call_options.on_lost = WEFT_ON_LOST_REPEAT;
    story_start("caller", "b", "counted");
    CHECK_RESULT("caller", "b", "done");
}

TEST(activity, a_call_may_say_what_a_lost_attempt_counts)
{
    story_run_calm(losing, tell_lost);
}

// Bad options. ----------------------------------------------------------------

static weft_call_options
good(void)
{
    return (weft_call_options)WEFT_CALL_OPTIONS_INIT;
}

static void
try_call(weft_workflow *wf, weft_call_options options)
{
    weft_future future;
    weft_err err = weft_workflow_call_async(wf, "fails", weft_nothing(),
                                            &options, &future);

    CHECK_ERR(err, WEFT_EINVAL);
    story_note("%s", weft_err_detail());
}

static weft_err
wrong_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"", NULL};
    weft_call_options options = good();

    (void)input;
    options.retry.coefficient = 0.5;
    try_call(wf, options);
    options = good();
    options.retry.jitter = 1.5;
    try_call(wf, options);
    options.retry.jitter = -0.5;
    try_call(wf, options);
    options = good();
    options.cancellation = (weft_cancellation)3;
    try_call(wf, options);
    options = good();
    options.on_lost = (weft_on_lost)-1;
    try_call(wf, options);
    options = good();
    options.is_local = 2;
    try_call(wf, options);
    options = good();
    options.retry.non_retryable = names;
    try_call(wf, options);
    return WEFT_OK;
}

static weft_definitions *
wrong(void)
{
    weft_definitions *defs = plain();

    story_add_workflow(defs, "wrong", wrong_run);
    return defs;
}

static void
tell_wrong(struct story *story)
{
    (void)story;
    story_start("wrong", "a", "");
    CHECK_RESULT("wrong", "a", "");
    CHECK_NOTES("[0] call options: coefficient is not 1 to 1000\n"
                "[0] call options: jitter is not 0 to 1\n"
                "[0] call options: jitter is not 0 to 1\n"
                "[0] call options: cancellation is 3, which is none\n"
                "[0] call options: on_lost is -1, which is none\n"
                "[0] call options: is_local is not 0 or 1\n"
                "[0] call options: a non_retryable name is missing\n");
}

TEST(activity, options_that_mean_nothing_are_refused)
{
    story_run_once(wrong, tell_wrong);
}

// Nobody who would run it. ----------------------------------------------------

static weft_err
never_works(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_EIO;
}

static weft_definitions *
with_runner(void)
{
    weft_definitions *definitions = caller_definitions();

    call_options.timeouts.schedule_to_close_ms = 100000;
    caller_add(definitions, "act", never_works, NULL, NULL);
    return definitions;
}

static weft_definitions *
without_runner(void)
{
    weft_definitions *definitions = caller_definitions();

    call_options.timeouts.schedule_to_close_ms = 100000;
    return definitions;
}

static void
tell_missing(struct story *story)
{
    (void)story;
    story_start("caller", "c", "act x");
    story_wait_ms(10000);
    story_define(without_runner);
    story_wait_ms(60000);
    CHECK_EQ(story_describe("caller", "c")->item.status, WEFT_STATUS_RUNNING);
    CHECK_FAILS("caller", "c", WEFT_EFAILED, "timeout.schedule_to_close");
}

TEST(activity, one_that_nobody_would_run_has_its_time_all_the_same)
{
    story_run(with_runner, tell_missing);
}
