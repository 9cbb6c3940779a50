// SPDX-License-Identifier: Apache-2.0
//
// What operators do to an open activity: see it, count its attempts from the
// beginning, change its options.

#include "story/busy.h"

// Reset. ----------------------------------------------------------------------

static weft_definitions *
three_times(void)
{
    return busy_definitions(&(weft_retry_policy){.initial_interval_ms = 10000,
                                                 .coefficient = 1,
                                                 .maximum_attempts = 3,
                                                 .total_ms = 30000},
                            NULL);
}

static void
tell_reset(struct story *story)
{
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(15000);
    busy_failures = 0;
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESET, "a")->err);
    CHECK_RESULT("caller", "a", "in");
    CHECK(story_now_ms() < 15100);
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt 1"), 2);
        CHECK_EQ(story_count("attempt 2"), 1);
    }
}

static void
tell_reset_counts(struct story *story)
{
    (void)story;
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(15000);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    story_wait_ms(85000);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESET, "a")->err);
    story_wait_ms(100);
    CHECK_EQ(busy_look("a")->attempt, 2);
    CHECK_EQ(busy_look("a")->is_paused, 0);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 5);
    CHECK_EQ(story_count("attempt 1"), 2);
    CHECK_EQ(story_count("attempt 3"), 1);
    CHECK(story_now_ms() >= 120000 && story_now_ms() < 120100);
}

TEST(operate, a_reset_activity_has_all_its_attempts_and_its_time_again)
{
    story_run(three_times, tell_reset);
    story_run_calm(three_times, tell_reset_counts);
}

static struct world_call *asked;

static void
reset_it(weft_activity *activity)
{
    if (story_count("attempt") == 2) {
        asked = busy_submit(WEFT_VERB_ACTIVITY_RESET, "a", 1, NULL);
        story_wait_ms(1000);
        CHECK_EQ(weft_activity_attempt(activity), 2);
    }
}

static void
tell_reset_running(struct story *story)
{
    (void)story;
    busy_during = reset_it;
    busy_failures = 4;
    story_start("caller", "a", "fails in");
    CHECK_RESULT("caller", "a", "in");
    CHECK_OK(asked->err);
    // 0, 10 s, and 1 s later the first of three more, 10 s apart.
    CHECK_EQ(story_count("attempt"), 5);
    CHECK_EQ(story_count("attempt 1"), 2);
    CHECK_EQ(story_count("attempt 3"), 1);
    CHECK(story_now_ms() >= 31000 && story_now_ms() < 31100);
}

static void
tell_reset_running_result(struct story *story)
{
    (void)story;
    busy_during = reset_it;
    busy_failures = 1;
    story_start("caller", "a", "fails in");
    CHECK_RESULT("caller", "a", "in");
    CHECK_EQ(story_count("attempt"), 2);
}

TEST(operate, an_attempt_under_way_goes_on_when_its_activity_is_reset)
{
    story_run_calm(three_times, tell_reset_running);
    story_run_calm(three_times, tell_reset_running_result);
}

static void
reset_and_die(weft_activity *activity)
{
    (void)activity;
    if (story_count("attempt") == 1) {
        asked = busy_submit(WEFT_VERB_ACTIVITY_RESET, "a", 1, NULL);
        story_wait_ms(1000);
        story_crash();
    }
}

static void
tell_reset_lost(struct story *story)
{
    (void)story;
    busy_during = reset_and_die;
    busy_failures = 4; // that of the process that died does not count
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 4);
    CHECK_EQ(story_count("attempt 1"), 2);
    CHECK_EQ(story_count("attempt 3"), 1);
}

TEST(operate, an_attempt_lost_after_a_reset_costs_none)
{
    story_run_calm(three_times, tell_reset_lost);
}

static void
die_then_reset(weft_activity *activity)
{
    (void)activity;
    if (story_count("attempt") == 1) {
        story_crash();
    } else if (story_count("attempt") == 2) {
        asked = busy_submit(WEFT_VERB_ACTIVITY_RESET, "a", 1, NULL);
        story_wait_ms(1000);
    }
}

// The one that was lost, the one that was reset, and three more.
static void
tell_lost_reset(struct story *story)
{
    (void)story;
    busy_during = die_then_reset;
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 5);
}

TEST(operate, an_attempt_lost_before_a_reset_is_forgotten)
{
    story_run_calm(three_times, tell_lost_reset);
}

// Options. --------------------------------------------------------------------

static void
change(const char *id, const weft_call_options *options)
{
    CHECK_OK(busy_ask(WEFT_VERB_ACTIVITY_CHANGE, id, 1, options)->err);
}

static weft_definitions *
every_hour(void)
{
    return busy_definitions(
        &(weft_retry_policy){.initial_interval_ms = 3600000, .coefficient = 1},
        NULL);
}

static void
tell_change_interval(struct story *story)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    busy_failures = 2;
    story_start("caller", "a", "fails in");
    story_wait_ms(5000);
    options.timeouts.heartbeat_ms = 77; // says nothing about the pause
    change("a", &options);
    story_wait_ms(100000);
    CHECK(story_count("attempt") >= 1);
    options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    options.retry.initial_interval_ms = 200000;
    change("a", &options);
    CHECK_RESULT("caller", "a", "in");
    if (story->is_calm) {
        CHECK_NOTES("[0] attempt 1\n"
                    "[200000] attempt 2\n"
                    "[400000] attempt 3\n");
    }
}

static void
tell_change_overdue(struct story *story)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    (void)story;
    busy_failures = 1;
    story_start("caller", "a", "fails in");
    story_wait_ms(5000);
    options.retry.initial_interval_ms = 1000;
    change("a", &options);
    CHECK_RESULT("caller", "a", "in");
    CHECK_EQ(story_count("attempt 2"), 1);
    CHECK(story_now_ms() < 5100);
}

TEST(operate, a_changed_interval_measures_the_pause_anew)
{
    story_run(every_hour, tell_change_interval);
    story_run_calm(every_hour, tell_change_overdue);
}

static void
tell_change_attempts(struct story *story)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(3500);
    options.retry.maximum_attempts = 6;
    change("a", &options);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story->is_calm ? story_count("attempt") : 6, 6);
}

// It is for good by then, whatever it was before.
static void
tell_change_names(struct story *story)
{
    static const char *const names[] = {"Busy", NULL};
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    (void)story;
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(3500);
    options.retry.non_retryable = names;
    change("a", &options);
    story_forget_notes();
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_EQ(story_count("attempt"), 1);
}

TEST(operate, a_changed_limit_holds_from_the_next_failure)
{
    story_run_calm(busy_every_second, tell_change_names);
    story_run(busy_every_second, tell_change_attempts);
}

static void
give_time(weft_activity *activity)
{
    static weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    options.timeouts.start_to_close_ms = 300000;
    if (weft_activity_attempt(activity) == 1) {
        asked = busy_submit(WEFT_VERB_ACTIVITY_CHANGE, "a", 1, &options);
        story_wait_ms(200000);
    }
}

static void
tell_change_running(struct story *story)
{
    (void)story;
    busy_during = give_time;
    story_start("caller", "a", "fails in");
    CHECK_RESULT("caller", "a", "in");
    CHECK_OK(asked->err);
    CHECK_EQ(story_count("attempt"), 1);
}

TEST(operate, an_attempt_under_way_can_be_given_more_time)
{
    story_run_calm(busy_every_second, tell_change_running);
}

static void
take_time(weft_activity *activity)
{
    static weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    options.timeouts.start_to_close_ms = 1000;
    if (weft_activity_attempt(activity) == 1) {
        asked = busy_submit(WEFT_VERB_ACTIVITY_CHANGE, "a", 1, &options);
        story_wait_ms(20000);
    }
}

// What it has left is over then, and not when it would have been.
static void
tell_change_less(struct story *story)
{
    (void)story;
    busy_during = take_time;
    story_start("caller", "a", "fails in");
    story_wait_ms(10000);
    CHECK_OK(asked->err);
    CHECK_EQ(story_count("attempt 2"), 1);
    CHECK_RESULT("caller", "a", "in");
}

TEST(operate, an_attempt_under_way_can_be_given_less_time)
{
    story_run_calm(busy_every_second, tell_change_less);
}

static void
tell_change_paused(struct story *story)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    (void)story;
    busy_failures = 1000;
    story_start("caller", "a", "fails in");
    story_wait_ms(1500);
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
    options.timeouts.schedule_to_close_ms = WEFT_FOREVER;
    change("a", &options);
    story_wait_ms(100000);
    CHECK_EQ(busy_look("a")->is_paused, 1);
    options.timeouts.schedule_to_close_ms = 200000;
    change("a", &options);
    story_wait_ms(100000);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "timeout.schedule_to_close");
}

TEST(operate, a_paused_activity_can_be_given_more_time_or_less)
{
    story_run(busy_for_a_minute, tell_change_paused);
}

// Plain actors, many activities, and what cannot be. --------------------------

static weft_err
boss_receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t call;

    (void)state;
    if (message->type == WEFT_MESSAGE_ACTIVITY) {
        return weft_actor_publish(actor, "heard", message->data);
    }
    return weft_actor_call(actor, "fails", message->data, NULL, &call);
}

static weft_definitions *
bosses(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    busy_add(defs, &(weft_retry_policy){.initial_interval_ms = 3600000}, NULL);
    story_add_actor(defs, "caller", 0, boss_receive);
    return defs;
}

static void
tell_actor(struct story *story)
{
    uint32_t call;

    (void)story;
    busy_failures = 3;
    story_signal("caller", "a", "go", "in");
    story_wait_ms(10);
    call = busy_look("a")->call;
    busy_failures = 0;
    CHECK_OK(busy_ask(WEFT_VERB_ACTIVITY_RESET, "a", call, NULL)->err);
    story_wait_ms(10);
    CHECK_STR(story_query("caller", "a", "heard"), "in");
}

TEST(operate, activities_of_plain_actors_are_the_same)
{
    story_run(bosses, tell_actor);
}

// Opens so many, every tenth of them large.
static weft_err
opens_run(weft_workflow *wf, weft_bytes input)
{
    static char large[5000];
    weft_future future = 0;

    (void)input;
    for (int i = 0; i < 250; i++) {
        MUST(weft_workflow_call_async(
                 wf, "fails",
                 weft_bytes_of(large, i % 10 == 0 ? sizeof(large) : 1), NULL,
                 &future),
             WEFT_OK);
    }
    return weft_workflow_await(wf, future, NULL);
}

static weft_definitions *
openers(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    busy_add(defs, &(weft_retry_policy){.initial_interval_ms = 3600000}, NULL);
    busy_failures = 100000;
    story_add_workflow(defs, "caller", opens_run);
    return defs;
}

static void
tell_pages(struct story *story)
{
    uint32_t after = 0;
    size_t count = 0;

    (void)story;
    story_start("caller", "a", "");
    story_wait_ms(100);
    story_forget_notes();
    story_crash();
    story_wait_ms(100);
    for (int page = 0; page < 3; page++) {
        struct world_call *call =
            busy_ask(WEFT_VERB_ACTIVITIES, "a", after, NULL);

        CHECK_EQ(call->activities_count, page < 2 ? 100 : 50);
        CHECK_EQ(call->activity.call, after + 1);
        count += call->activities_count;
        after += (uint32_t)call->activities_count;
    }
    CHECK_EQ(count, 250);
}

TEST(operate, open_activities_come_in_pages_and_in_order)
{
    story_run_calm(openers, tell_pages);
}

static weft_err
do_nothing(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    (void)out_result;
    return WEFT_OK;
}

static weft_err
waits_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    MUST(weft_workflow_step(wf, "step", do_nothing, NULL, NULL), WEFT_OK);
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

static weft_definitions *
waiters(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "caller", waits_run);
    return defs;
}

static void
refused(weft_verb verb, uint32_t call, weft_err err, const char *detail)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    struct world_call *answer;

    options.retry.maximum_attempts = 1;
    answer = busy_ask(verb, "a", call, &options);
    CHECK_ERR(answer->err, err);
    CHECK_STR(answer->detail, detail);
}

static void
tell_refused(struct story *story)
{
    static const weft_verb verbs[] = {
        WEFT_VERB_ACTIVITY_PAUSE, WEFT_VERB_ACTIVITY_RESUME,
        WEFT_VERB_ACTIVITY_RESET, WEFT_VERB_ACTIVITY_CHANGE};

    (void)story;
    for (int i = 0; i < 4; i++) {
        refused(verbs[i], 1, WEFT_ENOTFOUND, "a: no such instance");
    }
    refused(WEFT_VERB_ACTIVITIES, 0, WEFT_ENOTFOUND, "a: no such instance");
    story_start("caller", "a", "");
    story_wait_ms(10);
    for (int i = 0; i < 4; i++) {
        refused(verbs[i], 1, WEFT_ENOTFOUND,
                "a: call 1 is not an open activity");
        refused(verbs[i], 77, WEFT_ENOTFOUND,
                "a: call 77 is not an open activity");
    }
    refused(WEFT_VERB_ACTIVITIES, 0, WEFT_OK, "");
    story_signal("caller", "a", "end", "");
    CHECK_RESULT("caller", "a", "");
    for (int i = 0; i < 4; i++) {
        refused(verbs[i], 1, WEFT_EFINISHED, "a: the instance has finished");
    }
    refused(WEFT_VERB_ACTIVITIES, 0, WEFT_OK, "");
}

TEST(operate, what_is_not_open_is_refused_in_words)
{
    story_run(waiters, tell_refused);
}

// Nothing to do. --------------------------------------------------------------

static unsigned paused;

// While its first attempt runs.
static void
pause_and_resume(weft_activity *activity)
{
    if (weft_activity_attempt(activity) == 1) {
        CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_PAUSE, "a")->err);
        paused += busy_look("a")->is_paused != 0;
        CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    }
}

static void
tell_resumes(struct story *story)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    (void)story;
    paused = 0;
    busy_failures = 1;
    busy_during = pause_and_resume;
    story_start("caller", "a", "fails in");
    story_wait_ms(500);
    CHECK_EQ(paused, 1);
    CHECK_EQ(busy_look("a")->attempt, 2);
    // It is not paused: that changes nothing, not even when it begins.
    CHECK_OK(busy_operate(WEFT_VERB_ACTIVITY_RESUME, "a")->err);
    CHECK_EQ(story_count("attempt"), 1);
    options.retry.initial_interval_ms = UINT64_MAX / 2; // beyond all time
    CHECK_OK(busy_ask(WEFT_VERB_ACTIVITY_CHANGE, "a", 1, &options)->err);
    story_wait_ms(3600000);
    CHECK_EQ(story_count("attempt"), 1);
    options.retry.initial_interval_ms = 1;
    CHECK_OK(busy_ask(WEFT_VERB_ACTIVITY_CHANGE, "a", 1, &options)->err);
    CHECK_RESULT("caller", "a", "in");
}

TEST(operate, what_goes_on_is_not_resumed)
{
    story_run_once(busy_every_second, tell_resumes);
}
