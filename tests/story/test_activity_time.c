// SPDX-License-Identifier: Apache-2.0
//
// Activities and time: timeouts, heartbeats, being asked to stop, and results
// that come later, by token.
//
// An activity that takes time waits inside its function: the world goes on
// around it.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story/caller.h"

// Timeouts. -------------------------------------------------------------------

// Takes as many milliseconds as its input says; the second number is for later
// attempts. Gives its attempt back.
static weft_err
take_time(weft_activity *activity, weft_bytes input)
{
    uint32_t attempt = weft_activity_attempt(activity);
    unsigned long first = 0;
    unsigned long later = 0;
    char text[64];

    (void)sscanf(story_text(input, text, sizeof(text)), "%lu %lu", &first,
                 &later);
    story_note("attempt %u", attempt);
    story_wait_ms(attempt == 1 ? first : later);
    story_note("attempt %u ends%s", attempt,
               weft_activity_is_cancelled(activity) ? " too late" : "");
    (void)snprintf(text, sizeof(text), "%u", attempt);
    return weft_activity_return(activity, weft_text(text));
}

static weft_definitions *
timed(const weft_activity_timeouts *timeouts, uint32_t attempts_max)
{
    weft_definitions *defs = caller_definitions();

    caller_add(defs, "take", take_time,
               &(weft_retry_policy){.maximum_attempts = attempts_max},
               timeouts);
    return defs;
}

static weft_definitions *
timed_5s(void)
{
    return timed(&(weft_activity_timeouts){.start_to_close_ms = 5000}, 2);
}

static void
tell_start_to_close(struct story *story)
{
    (void)story;
    story_start("caller", "a", "take 4999");
    CHECK_RESULT("caller", "a", "1");
    story_start("caller", "b", "take 10000 1000");
    CHECK_RESULT("caller", "b", "2");
    story_start("caller", "c", "take 10000 10000");
    CHECK_FAILS("caller", "c", WEFT_EFAILED, "timeout.start_to_close");
}

TEST(activity, an_attempt_that_takes_too_long_is_repeated)
{
    story_run_calm(timed_5s, tell_start_to_close);
}

static void
tell_late_result(struct story *story)
{
    story_start("caller", "a", "take 5500 3000");
    CHECK_RESULT("caller", "a", "2");
    CHECK_NOTES("[0] attempt 1\n"
                "[5500] attempt 1 ends too late\n"
                "[6000] attempt 2\n"
                "[9000] attempt 2 ends\n");
    (void)story;
}

TEST(activity, the_late_result_of_an_attempt_that_timed_out_is_dropped)
{
    story_run_calm(timed_5s, tell_late_result);
}

static weft_definitions *
timed_default(void)
{
    return timed(NULL, 1);
}

static void
tell_default(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("caller", "a", "take 59000");
    CHECK_RESULT("caller", "a", "1");
    story_start("caller", "b", "take 61000");
    call = story_result("caller", "b");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "timeout.start_to_close");
    CHECK_STR(call->message, "the attempt took too long");
    call_options.timeouts.start_to_close_ms = WEFT_FOREVER;
    story_start("caller", "c", "take 3000000");
    CHECK_RESULT("caller", "c", "1");
}

TEST(activity, an_attempt_has_a_minute_unless_something_else_is_said)
{
    story_run_calm(timed_default, tell_default);
}

// Calls "take" twice; the second one waits behind the first, at most 3 s.
static weft_err
two_run(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_future futures[2];
    weft_bytes first;

    (void)input;
    options.timeouts.schedule_to_start_ms = 3000;
    MUST(weft_workflow_call_async(wf, "take", weft_text("10000"), &options,
                                  &futures[0]),
         WEFT_OK);
    MUST(weft_workflow_call_async(wf, "take", weft_text("1000"), &options,
                                  &futures[1]),
         WEFT_OK);
    MUST(weft_workflow_await(wf, futures[1], NULL), WEFT_EFAILED);
    CHECK_STR(weft_workflow_failure(wf)->name, "timeout.schedule_to_start");
    MUST(weft_workflow_publish(wf, "second", weft_text("failed")), WEFT_OK);
    MUST(weft_workflow_await(wf, futures[0], &first), WEFT_OK);
    return weft_workflow_return(wf, first);
}

static weft_definitions *
one_at_a_time(void)
{
    weft_definitions *defs = caller_definitions();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = "take";
    def.run = take_time;
    def.max_parallel = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    story_add_workflow(defs, "two", two_run);
    return defs;
}

static void
tell_schedule_to_start(struct story *story)
{
    (void)story;
    story_start("two", "a", "");
    CHECK_RESULT("two", "a", "1");
    CHECK_STR(story_query("two", "a", "second"), "failed");
    CHECK_NOTES("[0] attempt 1\n"
                "[10000] attempt 1 ends\n");
}

TEST(activity, one_that_finds_no_worker_in_time_fails_and_does_not_run)
{
    story_run_calm(one_at_a_time, tell_schedule_to_start);
}

static weft_err
fail_slowly(weft_activity *activity, weft_bytes input)
{
    char text[20];

    story_note("attempt %u", weft_activity_attempt(activity));
    story_wait_ms((uint64_t)atoi(story_text(input, text, sizeof(text))));
    return weft_activity_fail(activity, "Busy", "", weft_nothing());
}

static weft_definitions *
overall(void)
{
    weft_definitions *defs = caller_definitions();

    caller_add(defs, "fail", fail_slowly, NULL,
               &(weft_activity_timeouts){.schedule_to_close_ms = 10000});
    return defs;
}

static void
tell_schedule_to_close(struct story *story)
{
    (void)story;
    // 0, 1, 3, 7: the next one would begin at 15 s.
    story_start("caller", "a", "fail 0");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 4);
    CHECK(story_now_ms() <= 10010);
    // 0 to 3, 4 to 7, 9 to 12.
    story_forget_notes();
    story_start("caller", "b", "fail 3000");
    CHECK_FAILS("caller", "b", WEFT_EFAILED, "timeout.schedule_to_close");
    CHECK_NOTES("[0] attempt 1\n"
                "[4000] attempt 2\n"
                "[9000] attempt 3\n");
}

TEST(activity, all_attempts_together_have_a_limit)
{
    story_run_calm(overall, tell_schedule_to_close);
}

// Heartbeats. -----------------------------------------------------------------

// Beats every so often, so many times, then falls silent for a minute. Each
// beat says how far it is; a later attempt goes on from there and ends.
static weft_err
beat(weft_activity *activity, weft_bytes input)
{
    unsigned long every = 0;
    unsigned long times = 0;
    char text[64];
    char before[64];

    (void)sscanf(story_text(input, text, sizeof(text)), "%lu %lu", &every,
                 &times);
    (void)story_text(weft_activity_last_details(activity), before,
                     sizeof(before));
    story_note("attempt %u after '%s'", weft_activity_attempt(activity),
               before);
    if (weft_activity_attempt(activity) > 1) {
        return weft_activity_return(activity, weft_text(before));
    }
    for (unsigned long i = 1; i <= times; i++) {
        weft_err err;

        story_wait_ms(every);
        (void)snprintf(text, sizeof(text), "step %lu", i);
        err = weft_activity_heartbeat(activity, weft_text(text));
        if (err != WEFT_OK) {
            story_note("beat: %s", weft_err_name(err));
            return err;
        }
    }
    story_wait_ms(60000);
    story_note("wakes: %s", weft_err_name(weft_activity_heartbeat(
                                activity, weft_text("zombie"))));
    return weft_activity_return(activity, weft_text("first"));
}

static weft_definitions *
beating(void)
{
    weft_definitions *defs = caller_definitions();

    caller_add(defs, "beat", beat, NULL,
               &(weft_activity_timeouts){.heartbeat_ms = 2000,
                                         .start_to_close_ms = WEFT_FOREVER});
    caller_add(defs, "deaf", beat, NULL,
               &(weft_activity_timeouts){.start_to_close_ms = WEFT_FOREVER});
    return defs;
}

static void
tell_heartbeats(struct story *story)
{
    (void)story;
    story_start("caller", "a", "beat 1500 10");
    CHECK_RESULT("caller", "a", "step 10");
    // Silent from 15000 on.
    CHECK_NOTES("[0] attempt 1 after ''\n"
                "[18000] attempt 2 after 'step 10'\n"
                "[75000] wakes: WEFT_ETIMEDOUT\n");
}

TEST(activity, one_that_falls_silent_is_repeated_with_its_last_details)
{
    story_run_calm(beating, tell_heartbeats);
}

static void
tell_slow_heartbeats(struct story *story)
{
    (void)story;
    story_start("caller", "a", "beat 2001 3");
    CHECK_RESULT("caller", "a", "");
    CHECK_NOTES("[0] attempt 1 after ''\n"
                "[2001] beat: WEFT_ETIMEDOUT\n"
                "[3000] attempt 2 after ''\n");
}

TEST(activity, a_heartbeat_that_comes_too_late_is_told_so)
{
    story_run_calm(beating, tell_slow_heartbeats);
}

// Being asked to stop. --------------------------------------------------------

// Cancels or terminates its caller, then waits to be told.
static weft_err
saw_off(weft_activity *activity, weft_bytes input)
{
    weft_verb verb =
        story_is(input, "cancel") ? WEFT_VERB_CANCEL : WEFT_VERB_TERMINATE;

    (void)world_call(story_now()->world, verb, "caller", "a", "",
                     weft_nothing());
    story_wait_ms(1000);
    story_note("beat: %s %d",
               weft_err_name(weft_activity_heartbeat(activity, weft_text("x"))),
               weft_activity_is_cancelled(activity));
    return WEFT_ECANCELLED;
}

static weft_definitions *
sawing(void)
{
    weft_definitions *defs = beating();

    caller_add(defs, "saw", saw_off, NULL, NULL);
    return defs;
}

static void
tell_cancel_seen(struct story *story)
{
    (void)story;
    story_start("caller", "a", "saw cancel");
    CHECK_FAILS("caller", "a", WEFT_ECANCELLED, "cancelled");
    story_wait_ms(2000);
    CHECK_NOTES("[0] beat: WEFT_ECANCELLED 1\n");
    story_forget_notes();
    story_start("caller", "a", "saw terminate");
    CHECK_FAILS("caller", "a", WEFT_ETERMINATED, "terminated");
    story_wait_ms(2000);
    CHECK_NOTES("[0] beat: WEFT_ECANCELLED 1\n");
}

TEST(activity, a_heartbeat_says_that_the_caller_gave_up)
{
    story_run_calm(sawing, tell_cancel_seen);
}

// Gives up the second of two calls while it waits behind the first.
static weft_err
giving_up_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[2];
    weft_bytes first;

    (void)input;
    for (int i = 0; i < 2; i++) {
        MUST(weft_workflow_call_async(wf, "take", weft_text("5000"), NULL,
                                      &futures[i]),
             WEFT_OK);
    }
    MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
    MUST(weft_workflow_cancel(wf, futures[1]), WEFT_OK);
    MUST(weft_workflow_await(wf, futures[0], &first), WEFT_OK);
    return weft_workflow_return(wf, first);
}

static weft_definitions *
giving_up(void)
{
    weft_definitions *defs = one_at_a_time();

    story_add_workflow(defs, "giver", giving_up_run);
    return defs;
}

static void
tell_given_up(struct story *story)
{
    (void)story;
    story_start("giver", "a", "");
    CHECK_RESULT("giver", "a", "1");
    story_wait_ms(20000);
    CHECK_NOTES("[0] attempt 1\n"
                "[5000] attempt 1 ends\n");
}

TEST(activity, one_that_was_given_up_before_it_began_does_not_run)
{
    story_run_calm(giving_up, tell_given_up);
}

// Paused. ---------------------------------------------------------------------

// Pauses its caller and takes time.
static weft_err
pause_caller(weft_activity *activity, weft_bytes input)
{
    char text[20];

    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) > 1) {
        return weft_activity_return(activity, weft_text("again"));
    }
    (void)world_call(story_now()->world, WEFT_VERB_PAUSE, "caller", "a", "",
                     weft_nothing());
    story_wait_ms((uint64_t)atoi(story_text(input, text, sizeof(text))));
    return weft_activity_return(activity, weft_text("first"));
}

static weft_definitions *
pausing(void)
{
    weft_definitions *defs = caller_definitions();

    caller_add(defs, "pause", pause_caller, NULL,
               &(weft_activity_timeouts){.start_to_close_ms = 5000});
    return defs;
}

static void
tell_paused(struct story *story)
{
    (void)story;
    story_start("caller", "a", "pause 1000");
    story_wait_ms(3000);
    CHECK_EQ(story_describe("caller", "a")->item.is_paused, 1);
    CHECK_EQ(story_describe("caller", "a")->item.activities_count, 0);
    CHECK_EQ(story_describe("caller", "a")->item.status, WEFT_STATUS_RUNNING);
    story_do(WEFT_VERB_RESUME, "caller", "a", "", NULL);
    CHECK_RESULT("caller", "a", "first");
}

TEST(activity, the_result_for_a_paused_caller_is_kept)
{
    story_run_calm(pausing, tell_paused);
}

// The story sleeps inside the activity: its caller is resumed from there.
static weft_err
pause_and_resume(weft_activity *activity, weft_bytes input)
{
    struct world *world = story_now()->world;

    (void)input;
    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) > 1) {
        return weft_activity_return(activity, weft_text("again"));
    }
    (void)world_call(world, WEFT_VERB_PAUSE, "caller", "a", "", weft_nothing());
    story_wait_ms(7000); // past its timeout
    (void)world_call(world, WEFT_VERB_RESUME, "caller", "a", "",
                     weft_nothing());
    story_wait_ms(60000);
    return weft_activity_return(activity, weft_text("first"));
}

static weft_definitions *
resuming(void)
{
    weft_definitions *defs = caller_definitions();

    caller_add(defs, "pause", pause_and_resume, NULL,
               &(weft_activity_timeouts){.start_to_close_ms = 5000});
    return defs;
}

static void
tell_resumed(struct story *story)
{
    (void)story;
    story_start("caller", "a", "pause");
    CHECK_RESULT("caller", "a", "again");
    CHECK_NOTES("[0] attempt 1\n"
                "[8000] attempt 2\n");
}

TEST(activity, a_timeout_that_passed_while_paused_strikes_at_resume)
{
    story_run_calm(resuming, tell_resumed);
}
