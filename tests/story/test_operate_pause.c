// SPDX-License-Identifier: Apache-2.0
//
// What operators do to an open activity: hold it up, and let it go on.

#include "story/busy.h"

static void
tell_pause(struct story *story)
{
    const weft_open_activity *shown;
    size_t before;

    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(3500);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    before = story_count("attempt");
    story_wait_ms(100000);
    CHECK_EQ(story_count("attempt"), before);
    shown = busy_look("a");
    CHECK_EQ(shown->call, 1);
    CHECK_STR(shown->name, "fails");
    CHECK_EQ(shown->is_paused, 1);
    CHECK_EQ(shown->is_running, 0);
    CHECK_STR(shown->failure.name, "Busy");
    CHECK_STR(shown->failure.message, "try later");
    CHECK(shown->failed_at_ms > 0 && shown->opened_at_ms > 0);
    if (story->is_calm) {
        CHECK_EQ(shown->attempt, 5);
        CHECK_EQ(shown->lost, 0);
    }
    busy_failures = 0;
    story_zero();
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    CHECK_RESULT("caller", "a", "in");
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt 5"), 1);
        CHECK(story_now_ms() < 100); // it did not wait for its pause to end
    }
}

TEST(operate, a_paused_activity_begins_no_attempt_until_it_is_resumed)
{
    story_run(busy_every_second, tell_pause);
}

// The same of all that a paused instance has begun.
static void
tell_instance(struct story *story)
{
    size_t before;

    (void)story;
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(3500);
    (void)story_do(WEFT_VERB_PAUSE, "caller", "a", "", NULL);
    before = story_count("attempt");
    CHECK(before > 1);
    story_wait_ms(100000);
    CHECK_EQ(story_count("attempt"), before);
    busy_failures = 0;
    (void)story_do(WEFT_VERB_RESUME, "caller", "a", "", NULL);
    CHECK_RESULT("caller", "a", "in");
}

TEST(operate, a_paused_instance_begins_no_attempt_until_it_is_resumed)
{
    story_run_calm(busy_every_second, tell_instance);
}

static struct world_call *asked;

static void
pause_it(weft_activity *activity)
{
    if (weft_activity_attempt(activity) == 1) {
        CHECK_EQ(weft_activity_is_paused(activity), 0);
        asked = busy_submit(WEFT_VERB_ACTIVITY_PAUSE, "a", 1, NULL);
        story_wait_ms(1000);
        CHECK_EQ(weft_activity_is_paused(activity), 1);
        CHECK_OK(weft_activity_heartbeat(activity, weft_text("half")));
    }
}

static void
tell_pause_running(struct story *story)
{
    (void)story;
    busy_during = pause_it;
    story_start("caller", "a", "fails in");
    CHECK_RESULT("caller", "a", "in");
    CHECK_OK(asked->err);
    CHECK_EQ(story_count("attempt"), 1);
}

static void
tell_pause_running_fails(struct story *story)
{
    const weft_open_activity *shown;

    (void)story;
    busy_during = pause_it;
    busy_failures = 1;
    story_start("caller", "a", "fails in");
    story_wait_ms(60000);
    CHECK_EQ(story_count("attempt"), 1);
    shown = busy_look("a");
    CHECK_EQ(shown->attempt, 2);
    CHECK_EQ(shown->details_len, 4);
    story_crash();
    story_wait_ms(60000);
    CHECK_EQ(story_count("attempt"), 1);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    CHECK_RESULT("caller", "a", "in");
    CHECK_EQ(story_count("attempt 2"), 1);
}

TEST(operate, an_attempt_under_way_goes_on_when_its_activity_is_paused)
{
    story_run_calm(busy_every_second, tell_pause_running);
    story_run_calm(busy_every_second, tell_pause_running_fails);
}

static void
pause_it_and_die(weft_activity *activity)
{
    pause_it(activity);
    busy_during = NULL;
    story_crash();
}

// It was lost once, in the first crash; the attempt that followed was held up.
static void
tell_pause_crashes(struct story *story)
{
    (void)story;
    busy_during = pause_it_and_die;
    story_start("caller", "a", "fails in");
    story_wait_ms(5000);
    for (int i = 0; i < 3; i++) {
        story_crash();
        story_wait_ms(1000);
        CHECK_EQ(busy_look("a")->lost, 1);
        CHECK_EQ(busy_look("a")->attempt, 2);
    }
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    CHECK_RESULT("caller", "a", "in");
}

TEST(operate, an_attempt_that_was_held_up_is_not_lost_in_a_crash)
{
    story_run_calm(busy_every_second, tell_pause_crashes);
}

static weft_definitions *
timed(void)
{
    return busy_definitions(
        &(weft_retry_policy){.initial_interval_ms = 10000, .coefficient = 1},
        &(weft_activity_timeouts){.start_to_close_ms = 1000});
}

// It takes too long, and its worker has it still when its instance goes on.
static void
take_long(weft_activity *activity)
{
    if (weft_activity_attempt(activity) == 1) {
        struct world *world = story_now()->world;

        story_wait_ms(5000);
        (void)world_call(world, WEFT_VERB_PAUSE, "caller", "a", "",
                         weft_nothing());
        story_wait_ms(1000);
        (void)world_call(world, WEFT_VERB_RESUME, "caller", "a", "",
                         weft_nothing());
        story_wait_ms(8000);
        CHECK_EQ(story_count("attempt 2"), 1);
    }
}

static void
tell_held_up_between(struct story *story)
{
    (void)story;
    busy_during = take_long;
    story_start("caller", "a", "fails in");
    CHECK_RESULT("caller", "a", "in");
}

TEST(operate, an_instance_is_held_up_between_two_attempts)
{
    story_run_calm(timed, tell_held_up_between);
}

static weft_err
two_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[2];

    for (int i = 0; i < 2; i++) {
        MUST(weft_workflow_call_async(wf, "alone", input, NULL, &futures[i]),
             WEFT_OK);
    }
    return weft_workflow_await_all(wf, futures, 2);
}

static struct world_call *
submit_second(weft_verb verb)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){"two", "a"};
    request.call = 2;
    request.by = &busy_operator;
    return world_submit(story_now()->world, &request);
}

// The first attempt pauses the other call, which waits for a worker.
static weft_err
alone(weft_activity *activity, weft_bytes input)
{
    (void)input;
    story_note("attempt %u", weft_activity_attempt(activity));
    if (story_count("attempt") == 1) {
        (void)submit_second(WEFT_VERB_ACTIVITY_PAUSE);
        story_wait_ms(1000);
    }
    return WEFT_OK;
}

static weft_definitions *
one_at_a_time(void)
{
    weft_definitions *defs = caller_definitions();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = "alone";
    def.run = alone;
    def.max_parallel = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    story_add_workflow(defs, "two", two_run);
    return defs;
}

static void
tell_pause_queued(struct story *story)
{
    (void)story;
    story_start("two", "a", "");
    story_wait_ms(60000);
    CHECK_EQ(story_count("attempt"), 1);
    CHECK_OK(world_wait(story->world, submit_second(WEFT_VERB_ACTIVITY_RESUME))
                 ->err);
    CHECK_RESULT("two", "a", "");
    CHECK_EQ(story_count("attempt 1"), 2);
}

TEST(operate, one_that_waits_for_a_worker_does_not_begin_when_paused)
{
    story_run_calm(one_at_a_time, tell_pause_queued);
}

static void
tell_pause_times_out(struct story *story)
{
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(1500);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    story_forget_notes();
    story_wait_ms(57000);
    CHECK_EQ(busy_look("a")->is_paused, 1);
    story_wait_ms(3000);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "timeout.schedule_to_close");
    CHECK_EQ(story_count("attempt"), 0);
    (void)story;
}

TEST(operate, a_pause_does_not_stop_the_clock)
{
    story_run(busy_for_a_minute, tell_pause_times_out);
}

static void
tell_two_pauses(struct story *story)
{
    size_t before;

    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(1500);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    before = story_count("attempt");
    story_do(WEFT_VERB_PAUSE, "caller", "a", "", NULL);
    story_wait_ms(10000);
    story_do(WEFT_VERB_RESUME, "caller", "a", "", NULL);
    story_wait_ms(10000);
    CHECK_EQ(story_count("attempt"), before);
    CHECK_EQ(busy_look("a")->is_paused, 1);
    story_do(WEFT_VERB_PAUSE, "caller", "a", "", NULL);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    story_wait_ms(10000);
    CHECK_EQ(story_count("attempt"), before);
    busy_failures = 0;
    story_do(WEFT_VERB_RESUME, "caller", "a", "", NULL);
    CHECK_RESULT("caller", "a", "in");
    (void)story;
}

TEST(operate, pauses_of_an_activity_and_of_its_instance_are_two_things)
{
    story_run(busy_every_second, tell_two_pauses);
}

// By token. -------------------------------------------------------------------

static struct world_call *
by_token(weft_verb verb)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.token = caller_token;
    request.error_name = "Busy";
    request.data = weft_text("done");
    return story_call(&request);
}

static void
tell_deferred(struct story *story)
{
    (void)story;
    story_start("caller", "a", "hand_on");
    story_wait_ms(100);
    CHECK_EQ(busy_look("a")->is_deferred, 1);
    CHECK_EQ(busy_look("a")->is_running, 1);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    CHECK_OK(by_token(WEFT_VERB_HEARTBEAT)->err);
    CHECK_OK(by_token(WEFT_VERB_FAIL)->err);
    story_wait_ms(10000);
    CHECK_EQ(story_count("attempt"), 1);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    story_wait_ms(100);
    CHECK_EQ(story_count("attempt 2"), 1);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESET, "a")->err);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE)->err);
    CHECK_RESULT("caller", "a", "done");
}

TEST(operate, a_token_goes_on_working)
{
    story_run_calm(caller_hands_on, tell_deferred);
}
