// SPDX-License-Identifier: Apache-2.0
//
// When an attempt that failed is repeated, to the moment, and when not any
// more.

#include "story/busy.h"

static void
tell_total(struct story *story)
{
    (void)story;
    busy_failures = 1000;
    call_options.retry.total_ms = 2000;
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_NOTES("[0] attempt 1\n[1000] attempt 2\n[2000] attempt 3\n");
}

// One that could not even begin is not begun.
static void
tell_close(struct story *story)
{
    (void)story;
    busy_failures = 1000;
    call_options.timeouts.schedule_to_close_ms = 2000;
    story_start("caller", "a", "fails in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    CHECK_NOTES("[0] attempt 1\n[1000] attempt 2\n");
}

TEST(activity, the_last_attempt_begins_when_its_time_is_just_not_over)
{
    story_run_calm(busy_every_second, tell_total);
    story_run_calm(busy_every_second, tell_close);
}

// A pause without an end, rather than one that has wrapped around.
static weft_err
fail_for_ever(weft_activity *activity, weft_bytes input)
{
    (void)input;
    story_note("attempt %u", weft_activity_attempt(activity));
    return weft_activity_fail_after(activity, "Busy", "not again",
                                    weft_nothing(), UINT64_MAX - 5);
}

static weft_definitions *
define_for_ever(void)
{
    weft_definitions *definitions = caller_definitions();

    caller_add(definitions, "for_ever", fail_for_ever, NULL, NULL);
    return definitions;
}

static void
tell_for_ever(struct story *story)
{
    (void)story;
    story_start("caller", "a", "for_ever in");
    story_wait_ms(100000000);
    CHECK_EQ(story_count("attempt"), 1);
    CHECK_EQ(busy_look("a")->attempt, 2);
    story_do(WEFT_VERB_TERMINATE, "caller", "a", "enough", NULL);
}

TEST(activity, a_pause_that_is_longer_than_time_does_not_end)
{
    story_run_calm(define_for_ever, tell_for_ever);
}

// Two that fail at the same moment do not both come back at another one.
static uint64_t second_at_ms[2];

static weft_err
fail_once(weft_activity *activity, weft_bytes input)
{
    int at = story_is(input, "one") ? 1 : 0;

    if (weft_activity_attempt(activity) == 1) {
        return weft_activity_fail(activity, "Busy", "", weft_nothing());
    }
    second_at_ms[at] = world_now_ms(story_now()->world);
    return WEFT_OK;
}

static weft_err
two_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[2];

    (void)input;
    MUST(weft_workflow_call_async(wf, "once", weft_text("zero"), NULL,
                                  &futures[0]),
         WEFT_OK);
    MUST(weft_workflow_call_async(wf, "once", weft_text("one"), NULL,
                                  &futures[1]),
         WEFT_OK);
    return weft_workflow_await_all(wf, futures, 2);
}

static weft_definitions *
define_two(void)
{
    weft_definitions *definitions = caller_definitions();

    caller_add(definitions, "once", fail_once,
               &(weft_retry_policy){.initial_interval_ms = 100000, .jitter = 1},
               NULL);
    story_add_workflow(definitions, "two", two_run);
    return definitions;
}

static void
tell_two(struct story *story)
{
    (void)story;
    story_start("two", "a", "");
    CHECK_RESULT("two", "a", "");
    CHECK(second_at_ms[0] != second_at_ms[1]);
}

TEST(activity, jitter_sets_those_apart_that_failed_together)
{
    story_run_calm(define_two, tell_two);
}
