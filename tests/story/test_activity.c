// SPDX-License-Identifier: Apache-2.0
//
// Activities that fail and are tried again: when, how often, and with what.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story/caller.h"

// Fails so often, then gives its input back. `failure` is what it fails with.
static unsigned failures;
static const char *failure;

static weft_err
flaky(weft_activity *activity, weft_bytes input)
{
    uint32_t attempt = weft_activity_attempt(activity);

    story_note("attempt %u", attempt);
    if (attempt > failures) {
        return weft_activity_return(activity, input);
    }
    if (strcmp(failure, "for good") == 0) {
        return weft_activity_fail_for_good(activity, failure, "never",
                                           weft_text("at all"));
    }
    if (strcmp(failure, "EIO") == 0) {
        return WEFT_EIO;
    }
    return weft_activity_fail(activity, failure, "try later",
                              weft_text("please"));
}

static weft_definitions *
flaky_with(const weft_retry_policy *retry)
{
    weft_definitions *defs = caller_definitions();

    failures = 0;
    failure = "Busy";
    caller_add(defs, "flaky", flaky, retry, NULL);
    return defs;
}

static weft_definitions *
flaky_default(void)
{
    return flaky_with(NULL);
}

// Results. --------------------------------------------------------------------

static void
tell_result(struct story *story)
{
    story_start("caller", "a", "flaky some input");
    CHECK_RESULT("caller", "a", "some input");
    story_start("caller", "b", "flaky");
    CHECK_RESULT("caller", "b", "");
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt"), 2);
    }
}

TEST(activity, its_result_is_what_the_caller_gets)
{
    story_run(flaky_default, tell_result);
}

static weft_err
look_around(weft_activity *activity, weft_bytes input)
{
    char text[200];

    (void)input;
    (void)snprintf(text, sizeof(text), "%s %s %zu %d",
                   weft_activity_caller_id(activity),
                   (const char *)weft_activity_context(activity),
                   weft_activity_last_details(activity).len,
                   weft_activity_is_cancelled(activity));
    return weft_activity_return(activity, weft_text(text));
}

static weft_definitions *
lookers(void)
{
    static char context[] = "context";
    weft_definitions *defs = caller_definitions();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = "look";
    def.run = look_around;
    def.context = context;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    return defs;
}

static void
tell_look(struct story *story)
{
    (void)story;
    story_start("caller", "a", "look");
    CHECK_RESULT("caller", "a", "default/caller/a context 0 0");
}

TEST(activity, it_knows_who_called)
{
    story_run(lookers, tell_look);
}

// Retries. --------------------------------------------------------------------

static void
tell_retries(struct story *story)
{
    failures = 8;
    story_start("caller", "a", "flaky in");
    CHECK_RESULT("caller", "a", "in");
    if (story->is_calm) {
        CHECK_NOTES("[0] attempt 1\n"
                    "[1000] attempt 2\n"
                    "[3000] attempt 3\n"
                    "[7000] attempt 4\n"
                    "[15000] attempt 5\n"
                    "[31000] attempt 6\n"
                    "[63000] attempt 7\n"
                    "[127000] attempt 8\n"
                    "[227000] attempt 9\n");
    }
}

TEST(activity, a_failed_attempt_is_repeated_after_1_2_4_seconds_up_to_100)
{
    story_run(flaky_default, tell_retries);
}

static weft_definitions *
flaky_slower(void)
{
    return flaky_with(&(weft_retry_policy){
        .initial_interval_ms = 100,
        .coefficient = 3,
        .maximum_interval_ms = 1000,
        .maximum_attempts = 6,
    });
}

static void
tell_policy(struct story *story)
{
    const struct world_call *call;

    failures = 100;
    story_start("caller", "a", "flaky in");
    call = story_result("caller", "a");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Busy");
    CHECK_STR(call->message, "try later");
    CHECK_STR(call->details, "please");
    if (story->is_calm) {
        CHECK_NOTES("[0] attempt 1\n"
                    "[100] attempt 2\n"
                    "[400] attempt 3\n"
                    "[1300] attempt 4\n"
                    "[2300] attempt 5\n"
                    "[3300] attempt 6\n");
    } else {
        CHECK(story_count("attempt") <= 8);
    }
}

TEST(activity, its_policy_says_when_and_how_often)
{
    story_run(flaky_slower, tell_policy);
}

static void
tell_options(struct story *story)
{
    (void)story;
    failures = 100;
    call_options.retry.coefficient = 1;
    call_options.retry.maximum_attempts = 3;
    story_start("caller", "a", "flaky in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    // The rest is the definition's.
    CHECK_NOTES("[0] attempt 1\n"
                "[100] attempt 2\n"
                "[200] attempt 3\n");
    story_forget_notes();
    call_options.retry.initial_interval_ms = 5000;
    call_options.retry.maximum_interval_ms = WEFT_FOREVER;
    call_options.retry.coefficient = 1.5;
    call_options.retry.maximum_attempts = 4;
    story_start("caller", "b", "flaky in");
    CHECK_FAILS("caller", "b", WEFT_EFAILED, "Busy");
    CHECK_NOTES("[0] attempt 1\n"
                "[5000] attempt 2\n"
                "[12500] attempt 3\n"
                "[23750] attempt 4\n");
}

TEST(activity, a_call_may_override_parts_of_the_policy)
{
    story_run_calm(flaky_slower, tell_options);
}

static weft_definitions *
flaky_names(void)
{
    static const char *const names[] = {"Declined", "WEFT_EIO", NULL};

    return flaky_with(&(weft_retry_policy){.non_retryable = names});
}

static void
tell_non_retryable(struct story *story)
{
    static const char *const more[] = {"Closed", NULL};

    failures = 3;
    failure = "Declined";
    story_start("caller", "a", "flaky in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Declined");
    failure = "EIO";
    story_start("caller", "b", "flaky in");
    CHECK_FAILS("caller", "b", WEFT_EFAILED, "WEFT_EIO");
    failure = "for good";
    story_start("caller", "c", "flaky in");
    CHECK_FAILS("caller", "c", WEFT_EFAILED, "for good");
    call_options.retry.non_retryable = more;
    failure = "Closed";
    story_start("caller", "d", "flaky in");
    CHECK_FAILS("caller", "d", WEFT_EFAILED, "Closed");
    CHECK_EQ(story->is_calm ? story_count("attempt") : 4, 4);
    failure = "Declines";
    story_start("caller", "e", "flaky in");
    CHECK_RESULT("caller", "e", "in");
}

TEST(activity, some_failures_are_not_retried)
{
    story_run(flaky_names, tell_non_retryable);
}

static weft_definitions *
flaky_total(void)
{
    return flaky_with(&(weft_retry_policy){.total_ms = 10000});
}

static void
tell_total(struct story *story)
{
    (void)story;
    failures = 100;
    story_start("caller", "a", "flaky in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Busy");
    // The next would have been at 15000.
    CHECK_NOTES("[0] attempt 1\n"
                "[1000] attempt 2\n"
                "[3000] attempt 3\n"
                "[7000] attempt 4\n");
    CHECK(story_now_ms() < 8000);
}

TEST(activity, no_attempt_begins_after_the_total_time)
{
    story_run_calm(flaky_total, tell_total);
}

static weft_definitions *
flaky_jitter(void)
{
    return flaky_with(&(weft_retry_policy){
        .initial_interval_ms = 1000, .coefficient = 1, .jitter = 0.25});
}

static void
tell_jitter(struct story *story)
{
    const char *line;
    unsigned long long before = 0;
    unsigned long long least = UINT64_MAX;
    unsigned long long most = 0;

    (void)story;
    failures = 200;
    story_start("caller", "a", "flaky in");
    CHECK_RESULT("caller", "a", "in");
    line = strchr(story_notes(), '\n') + 1;
    for (int i = 0; i < 200; i++) {
        unsigned long long at = 0;

        CHECK_EQ(sscanf(line, "[%llu]", &at), 1);
        least = at - before < least ? at - before : least;
        most = at - before > most ? at - before : most;
        before = at;
        line = strchr(line, '\n') + 1;
    }
    CHECK(least >= 750);
    CHECK(least < 775);
    CHECK(most <= 1000);
    CHECK(most > 975);
}

TEST(activity, jitter_takes_up_to_its_share_off_each_interval)
{
    story_run_once(flaky_jitter, tell_jitter);
}

// Keys. -----------------------------------------------------------------------

enum { KEYS_MAX = 64 };

static char keys[KEYS_MAX][40]; // "input key"
static size_t keys_count;

static weft_err
keep_key(weft_activity *activity, weft_bytes input)
{
    CHECK(keys_count < KEYS_MAX);
    CHECK_EQ(strlen(weft_activity_key(activity)), 32);
    CHECK_EQ(strspn(weft_activity_key(activity), "0123456789abcdef"), 32);
    (void)snprintf(keys[keys_count++], sizeof(keys[0]), "%.*s%s",
                   (int)input.len, (const char *)input.data,
                   weft_activity_key(activity));
    if (weft_activity_attempt(activity) < 3) {
        return weft_activity_fail(activity, "Busy", "", weft_nothing());
    }
    return WEFT_OK;
}

static weft_err
two_keys_run(weft_workflow *wf, weft_bytes input)
{
    char text[2] = {0};
    weft_err err;

    (void)story_text(input, text, sizeof(text));
    err = weft_workflow_call(wf, "key", weft_text(text), NULL, NULL);
    text[0]++;
    return err != WEFT_OK
               ? err
               : weft_workflow_call(wf, "key", weft_text(text), NULL, NULL);
}

static weft_definitions *
key_kinds(void)
{
    weft_definitions *defs = caller_definitions();

    keys_count = 0;
    story_add_activity(defs, "key", keep_key);
    story_add_workflow(defs, "two", two_keys_run);
    return defs;
}

static void
tell_keys(struct story *story)
{
    (void)story;
    // The same id twice: another life, so other calls.
    story_start("two", "a", "A");
    CHECK_RESULT("two", "a", "");
    story_start("two", "a", "C");
    CHECK_RESULT("two", "a", "");
    story_start("two", "b", "E");
    CHECK_RESULT("two", "b", "");
    CHECK(keys_count >= 12); // a crash may skip a number
    for (size_t i = 0; i < keys_count; i++) {
        for (size_t j = 0; j < i; j++) {
            bool is_same_call = keys[i][0] == keys[j][0];
            bool is_same_key = strcmp(keys[i] + 1, keys[j] + 1) == 0;

            CHECK_EQ(is_same_key, is_same_call);
        }
    }
}

TEST(activity, all_attempts_of_a_call_have_its_key_and_no_others)
{
    story_run(key_kinds, tell_keys);
}

// Lost attempts. --------------------------------------------------------------

// Its process dies while the first attempt runs.
static weft_err
lose_first(weft_activity *activity, weft_bytes input)
{
    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) == 1) {
        CHECK_OK(weft_activity_heartbeat(activity, weft_text("half done")));
        story_wait_ms(100); // by then the details are durable
        story_crash();
        // What goes on here is nobody's any more.
        story_wait_ms(1);
        CHECK_ERR(weft_activity_heartbeat(activity, weft_text("more")),
                  WEFT_ETIMEDOUT);
        return weft_activity_return(activity, weft_text("late"));
    }
    story_note("details %.*s", (int)weft_activity_last_details(activity).len,
               (const char *)weft_activity_last_details(activity).data);
    return weft_activity_return(activity, input);
}

// The first is lost, and the second fails.
static weft_err
lose_and_fail(weft_activity *activity, weft_bytes input)
{
    if (weft_activity_attempt(activity) == 2) {
        story_note("attempt 2");
        return weft_activity_fail(activity, "Failed", "", weft_nothing());
    }
    return lose_first(activity, input);
}

static weft_definitions *
lost_kinds(void)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_definitions *defs = caller_definitions();

    def.name = "lost";
    def.run = lose_first;
    def.retry.maximum_attempts = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    def.name = "fragile";
    def.fail_when_lost = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    def.name = "brittle";
    def.retry.maximum_attempts = 2;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    def.name = "weak";
    def.run = lose_and_fail;
    def.fail_when_lost = 0;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    return defs;
}

static void
tell_lost(struct story *story)
{
    (void)story;
    story_start("caller", "a", "lost in");
    CHECK_RESULT("caller", "a", "in");
    CHECK_EQ(story_count("attempt"), 2);
    CHECK_EQ(story_count("attempt 2"), 1);
    CHECK_EQ(story_count("details half done"), 1);
    // Of two attempts there is one left when the second has failed.
    story_start("caller", "b", "weak in");
    CHECK_RESULT("caller", "b", "in");
    CHECK_EQ(story_count("attempt 3"), 1);
}

TEST(activity, an_attempt_lost_with_its_process_does_not_count)
{
    story_run_calm(lost_kinds, tell_lost);
}

static void
tell_fragile(struct story *story)
{
    (void)story;
    story_start("caller", "a", "fragile in");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "lost");
    CHECK_EQ(story_count("attempt"), 1);
    story_start("caller", "b", "brittle in");
    CHECK_RESULT("caller", "b", "in");
    CHECK_EQ(story_count("attempt 2"), 1);
}

TEST(activity, a_lost_attempt_counts_when_its_kind_says_so)
{
    story_run_calm(lost_kinds, tell_fragile);
}

// Repeated attempts and the clock. --------------------------------------------

static bool has_died;

// Fails once. The process of the second attempt dies, and the next one's clock
// is behind when it waited.
static weft_err
lose_second(weft_activity *activity, weft_bytes input)
{
    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) == 1) {
        return weft_activity_fail(activity, "Busy", "try later",
                                  weft_nothing());
    }
    if (!has_died) {
        has_died = true;
        story_crash_jump(-10000);
    }
    return weft_activity_return(activity, input);
}

static weft_definitions *
lost_second_kinds(void)
{
    weft_definitions *defs = caller_definitions();

    caller_add(defs, "lost", lose_second, NULL, NULL);
    return defs;
}

static void
tell_lost_second(struct story *story)
{
    has_died = false;
    story_start("caller", "a", "lost in");
    CHECK_RESULT("caller", "a", "in");
    for (unsigned i = 1; i <= 5; i++) {
        char note[20];

        (void)snprintf(note, sizeof(note), "attempt %u", i);
        CHECK(story_count(note) <= 1);
    }
    CHECK(!story->is_calm || story_count("attempt") == 3);
}

TEST(activity, a_repeated_attempt_has_its_number_for_itself_on_any_clock)
{
    story_run(lost_second_kinds, tell_lost_second);
}

static void
tell_waits_over_a_crash(struct story *story)
{
    (void)story;
    failures = 1;
    story_start("caller", "a", "flaky in");
    story_wait_ms(500);
    story_crash();
    story_wait_ms(100);
    story_crash_jump(10000); // its time is over when they open
    CHECK_RESULT("caller", "a", "in");
    CHECK_NOTES("[0] attempt 1\n"
                "[600] attempt 2\n");
}

TEST(activity, an_attempt_that_waits_is_not_lost_in_a_crash)
{
    story_run_calm(flaky_default, tell_waits_over_a_crash);
}

// What a clock that was wrong leaves behind holds up nothing.
static void
tell_year_ahead(struct story *story)
{
    const int64_t year_ms = 365LL * 86400000;
    uint64_t began_ms;

    (void)story;
    failures = 1;
    story_start("caller", "a", "flaky in");
    story_crash_jump(year_ms);
    CHECK_RESULT("caller", "a", "in");
    story_crash_jump(-year_ms);
    began_ms = story_now_ms();
    story_start("caller", "b", "flaky in");
    CHECK_RESULT("caller", "b", "in");
    CHECK(story_now_ms() - began_ms >= 1000);
    CHECK(story_now_ms() - began_ms < 1100);
}

TEST(activity, a_clock_that_was_a_year_ahead_stops_nothing)
{
    story_run_calm(flaky_default, tell_year_ahead);
}
