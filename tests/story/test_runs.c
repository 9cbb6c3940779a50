// SPDX-License-Identifier: Apache-2.0
//
// What a run takes over of the one before, and what not: after a restart, a
// retry, and a reset.

#include <stdio.h>

#include "story/resets.h"

// Fails first, then begins anew; gives which attempt that is.
static weft_err
again_run(weft_workflow *wf, weft_bytes input)
{
    char text[16];

    if (story_is(input, "") && weft_workflow_attempt(wf) == 1) {
        return weft_workflow_fail(wf, "Busy", "once", weft_nothing());
    }
    if (story_is(input, "")) {
        return weft_workflow_restart(wf, weft_text("last"));
    }
    (void)snprintf(text, sizeof(text), "%u", weft_workflow_attempt(wf));
    return weft_workflow_return(wf, weft_text(text));
}

// Its first attempt cannot go on.
static weft_err
parked_run(weft_workflow *wf, weft_bytes input)
{
    if (weft_workflow_attempt(wf) == 1) {
        (void)weft_workflow_patched(wf, "");
    }
    return weft_workflow_return(wf, input);
}

// Its start fails as often as it is told to.
static int failures;

static weft_err
failing_receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return failures-- > 0 ? WEFT_EFAILED : WEFT_OK;
}

static weft_definitions *
define_failing(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    def.name = "failing";
    def.receive = failing_receive;
    def.turn_attempts_max = 6;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "again", again_run);
    story_add_workflow(definitions, "parked", parked_run);
    story_add_workflow(definitions, "echo", reset_echo_run);
    return definitions;
}

static void
start(const char *kind, const char *input, const weft_start_options *options)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, "i"};
    request.input = weft_text(input);
    request.start = options;
    CHECK_OK(story_call(&request)->err);
}

static weft_start_options
tried_again(void)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    options.retry.maximum_attempts = 3;
    options.retry.initial_interval_ms = 1000;
    return options;
}

static void
tell_attempts(struct story *story)
{
    weft_start_options options = tried_again();

    (void)story;
    start("again", "", &options);
    CHECK_RESULT("again", "i", "1");
    CHECK_EQ(story_describe("again", "i")->item.run, 3);
}

TEST(runs, attempts_are_counted_anew_after_a_restart)
{
    story_run(define, tell_attempts);
}

static void
tell_parked(struct story *story)
{
    weft_start_options options = tried_again();

    (void)story;
    options.run_timeout_ms = 5000;
    start("parked", "in", &options);
    story_wait_ms(1000);
    CHECK(story_describe("parked", "i")->item.is_parked);
    CHECK_RESULT("parked", "i", "in");
    CHECK_EQ(story_describe("parked", "i")->item.attempt, 2);
}

TEST(runs, the_next_attempt_of_one_that_was_parked_is_not)
{
    story_run(define, tell_parked);
}

static void
tell_paused(struct story *story)
{
    (void)story;
    story_start("echo", "i", "wait");
    (void)story_do(WEFT_VERB_PAUSE, "echo", "i", "", NULL);
    (void)story_do(WEFT_VERB_TERMINATE, "echo", "i", "", NULL);
    CHECK_FAILS("echo", "i", WEFT_ETERMINATED, "terminated");
    CHECK_OK(reset_to_type("echo", WEFT_POINT_BEGINNING)->err);
    story_signal("echo", "i", "word", "said");
    CHECK_RESULT("echo", "i", "said");
}

TEST(runs, one_that_was_ended_while_it_was_paused_runs_after_a_reset)
{
    story_run(define, tell_paused);
}

// Time counts from the reset, that of the run and that of the instance.
static void
check_time(const weft_start_options *options)
{
    start("echo", "wait", options);
    story_wait_ms(8000);
    CHECK_OK(reset_to_type("echo", WEFT_POINT_BEGINNING)->err);
    story_wait_ms(8000);
    CHECK_EQ(story_describe("echo", "i")->item.status, WEFT_STATUS_RUNNING);
    CHECK_FAILS("echo", "i", WEFT_EOVERDUE, "timed_out");
}

static void
tell_time(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    (void)story;
    options.run_timeout_ms = 10000;
    check_time(&options);
    options.run_timeout_ms = 0;
    options.execution_timeout_ms = 10000;
    check_time(&options);
}

TEST(runs, time_counts_from_a_reset)
{
    story_run(define, tell_time);
}

// Five fail, until time is over; then one more.
static void
tell_failures(struct story *story)
{
    weft_start_options options = tried_again();

    (void)story;
    failures = 6;
    options.run_timeout_ms = 2000;
    start("failing", "", &options);
    story_wait_ms(4000);
    CHECK_EQ(failures, -1);
    CHECK_EQ(story_describe("failing", "i")->item.is_parked, 0);
    CHECK_EQ(story_describe("failing", "i")->item.attempt, 2);
}

TEST(runs, turns_that_failed_are_counted_anew)
{
    story_run_once(define_failing, tell_failures);
}
