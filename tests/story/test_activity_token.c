// SPDX-License-Identifier: Apache-2.0
//
// Activities that complete later: their function hands a token on and returns,
// and somebody completes, fails or keeps them alive by it.

#include <stdio.h>
#include <string.h>

#include "story/caller.h"

// The token of the newest attempt, and of the one before.
static char token[WEFT_TOKEN_CHARS_MAX];
static char old_token[WEFT_TOKEN_CHARS_MAX];

static weft_err
defer(weft_activity *activity, weft_bytes input)
{
    char details[64];

    (void)input;
    memcpy(old_token, token, sizeof(token));
    CHECK_ERR(weft_activity_defer(activity, token, sizeof(token) - 1),
              WEFT_EINVAL);
    story_note("attempt %u '%s'", weft_activity_attempt(activity),
               story_text(weft_activity_last_details(activity), details,
                          sizeof(details)));
    return weft_activity_defer(activity, token, sizeof(token));
}

static weft_definitions *
deferring(void)
{
    weft_definitions *defs = caller_definitions();

    token[0] = '\0';
    caller_add(defs, "defer", defer,
               &(weft_retry_policy){.maximum_attempts = 3},
               &(weft_activity_timeouts){.start_to_close_ms = 100000});
    return defs;
}

static weft_definitions *
nothing_deferred(void)
{
    return caller_definitions();
}

static struct world_call *
by_token(weft_verb verb, const char *which, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.token = which;
    request.data = weft_text(data);
    request.error_name = "Refused";
    request.error_message = "by somebody";
    return story_call(&request);
}

// Start a call and wait until its token is there.
static void
start_deferred(const char *id)
{
    story_start("caller", id, "defer in");
    for (int i = 0; i < 100 && token[0] == '\0'; i++) {
        story_wait_ms(10);
    }
    story_wait_ms(10);
    CHECK(token[0] != '\0');
}

static void
tell_complete(struct story *story)
{
    start_deferred("a");
    CHECK_EQ(story_describe("caller", "a")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("caller", "a")->item.activities_count, 1);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "result")->err);
    CHECK_RESULT("caller", "a", "result");
    CHECK_ERR(by_token(WEFT_VERB_COMPLETE, token, "again")->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(by_token(WEFT_VERB_FAIL, token, "again")->err, WEFT_ENOTFOUND);
    CHECK_ERR(by_token(WEFT_VERB_HEARTBEAT, token, "again")->err,
              WEFT_ENOTFOUND);
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt"), 1);
    }
}

TEST(activity, a_deferred_attempt_completes_by_its_token_once)
{
    story_run(deferring, tell_complete);
}

// Whoever fails it says so in these words, but nobody had asked it to stop.
static void
tell_cancelled_unasked(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    start_deferred("a");
    request.verb = WEFT_VERB_FAIL;
    request.token = token;
    request.error_name = "WEFT_ECANCELLED";
    request.error_message = "so it says";
    request.is_for_good = 1;
    CHECK_OK(story_call(&request)->err);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "WEFT_ECANCELLED");
}

TEST(activity, an_attempt_that_nobody_asked_to_stop_is_not_cancelled)
{
    story_run(deferring, tell_cancelled_unasked);
}

static void
tell_complete_after_crash(struct story *story)
{
    (void)story;
    start_deferred("a");
    story_crash();
    story_wait_ms(20000);
    story_crash();
    CHECK_EQ(story_describe("caller", "a")->item.activities_count, 1);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "result")->err);
    story_crash();
    CHECK_RESULT("caller", "a", "result");
    CHECK_EQ(story_count("attempt"), 1);
}

static void
tell_newest_details(struct story *story)
{
    (void)story;
    start_deferred("a");
    CHECK_OK(by_token(WEFT_VERB_HEARTBEAT, token, "one")->err);
    CHECK_OK(by_token(WEFT_VERB_HEARTBEAT, token, "two")->err);
    story_wait_ms(100);
    CHECK_OK(by_token(WEFT_VERB_FAIL, token, "")->err);
    story_wait_ms(5000);
    CHECK_EQ(story_count("attempt 2 'two'"), 1);
}

TEST(activity, the_next_attempt_is_given_the_newest_details)
{
    story_run_calm(deferring, tell_newest_details);
}

// Of one that was there before, whose token is that of nobody now.
static void
tell_life_before(struct story *story)
{
    char before[WEFT_TOKEN_CHARS_MAX];

    (void)story;
    start_deferred("a");
    memcpy(before, token, sizeof(before));
    (void)story_do(WEFT_VERB_TERMINATE, "caller", "a", "", NULL);
    CHECK_OK(story_ask(WEFT_VERB_DELETE, "caller", "a", "", "")->err);
    token[0] = '\0';
    start_deferred("a");
    CHECK(strcmp(before, token) != 0);
    CHECK_ERR(by_token(WEFT_VERB_COMPLETE, before, "old")->err, WEFT_ENOTFOUND);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "new")->err);
    CHECK_RESULT("caller", "a", "new");
}

TEST(activity, a_token_of_a_life_before_is_of_no_use)
{
    story_run(deferring, tell_life_before);
}

TEST(activity, a_deferred_attempt_outlives_its_process)
{
    story_run_calm(deferring, tell_complete_after_crash);
}

static void
tell_fail(struct story *story)
{
    start_deferred("a");
    CHECK_OK(by_token(WEFT_VERB_FAIL, token, "")->err);
    story_wait_ms(1010);
    CHECK_ERR(by_token(WEFT_VERB_COMPLETE, old_token, "")->err, WEFT_ENOTFOUND);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "second")->err);
    CHECK_RESULT("caller", "a", "second");
    CHECK_NOTES("[0] attempt 1 ''\n"
                "[1010] attempt 2 ''\n");
    (void)story;
}

static void
tell_fail_for_good(struct story *story)
{
    const struct world_call *call;

    start_deferred("a");
    for (int i = 1; i <= 3; i++) {
        CHECK_OK(by_token(WEFT_VERB_FAIL, token, "details")->err);
        story_wait_ms(5000);
    }
    call = story_result("caller", "a");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Refused");
    CHECK_STR(call->message, "by somebody");
    CHECK_STR(call->details, "details");
    CHECK_EQ(story->is_calm ? story_count("attempt") : 3, 3);
}

TEST(activity, a_deferred_attempt_that_fails_is_repeated)
{
    story_run_calm(deferring, tell_fail);
    story_run(deferring, tell_fail_for_good);
}

// Under one number, which the first of them used: its answer was lost.
static void
check_repeated(weft_verb verb, uint64_t number)
{
    char which[WEFT_TOKEN_CHARS_MAX];
    weft_request request = WEFT_REQUEST_INIT;

    memcpy(which, token, sizeof(which));
    request.verb = verb;
    request.token = which;
    request.error_name = "Refused";
    request.data = weft_text("result");
    for (int i = 0; i < 3; i++) {
        request.number = number;
        CHECK_OK(story_call(&request)->err);
        request.number = number + 1;
        CHECK_ERR(story_call(&request)->err, WEFT_ENOTFOUND);
        story_crash();
    }
}

static void
tell_repeated(struct story *story)
{
    uint64_t number = world_next_number(story->world) + 1000;

    start_deferred("a");
    check_repeated(WEFT_VERB_FAIL, number);
    token[0] = '\0';
    for (int i = 0; i < 100 && token[0] == '\0'; i++) {
        story_wait_ms(100);
    }
    story_wait_ms(10);
    check_repeated(WEFT_VERB_COMPLETE, number + 2);
    CHECK_RESULT("caller", "a", "result");
    if (story->is_calm) {
        CHECK_EQ(story_count("attempt"), 2); // it failed once
    }
}

TEST(activity, what_a_token_did_is_answered_the_same_again)
{
    story_run(deferring, tell_repeated);
}

static void
tell_early(struct story *story)
{
    (void)story;
    story_start("caller", "a", "early in");
    CHECK_RESULT("caller", "a", "before it returned");
    story_wait_ms(100000);
}

// Its token is used before it returns.
static weft_err
defer_early(weft_activity *activity, weft_bytes input)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_err err = weft_activity_defer(activity, token, sizeof(token));

    (void)input;
    request.verb = WEFT_VERB_COMPLETE;
    request.token = token;
    request.data = weft_text("before it returned");
    (void)world_submit(story_now()->world, &request);
    story_wait_ms(1000);
    if (weft_activity_attempt(activity) == 1) {
        CHECK_ERR(weft_activity_heartbeat(activity, weft_nothing()),
                  WEFT_ETIMEDOUT);
    }
    return err;
}

static weft_definitions *
early(void)
{
    weft_definitions *defs = caller_definitions();

    story_add_activity(defs, "early", defer_early);
    return defs;
}

TEST(activity, a_token_may_be_used_before_the_function_returns)
{
    story_run_calm(early, tell_early);
}

// Time. -----------------------------------------------------------------------

static void
tell_timeout(struct story *story)
{
    (void)story;
    start_deferred("a");
    story_wait_ms(50000);
    story_crash();
    story_wait_ms(51500);
    CHECK_EQ(story_count("attempt 2"), 1);
    CHECK_ERR(by_token(WEFT_VERB_COMPLETE, old_token, "")->err, WEFT_ENOTFOUND);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "second")->err);
    CHECK_RESULT("caller", "a", "second");
}

TEST(activity, a_deferred_attempt_keeps_its_timeouts)
{
    story_run_calm(deferring, tell_timeout);
}

static weft_definitions *
beating(void)
{
    weft_definitions *defs = caller_definitions();

    token[0] = '\0';
    caller_add(defs, "defer", defer, NULL,
               &(weft_activity_timeouts){.start_to_close_ms = 10000,
                                         .heartbeat_ms = 2000});
    return defs;
}

static void
tell_heartbeats(struct story *story)
{
    (void)story;
    start_deferred("a");
    for (int i = 0; i < 6; i++) {
        CHECK_OK(by_token(WEFT_VERB_HEARTBEAT, token, "so far")->err);
        if (i == 3) {
            story_crash(); // and nobody could be heard
        }
        story_wait_ms(1500);
    }
    CHECK_EQ(story_count("attempt"), 1);
    story_wait_ms(3000);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "second")->err);
    CHECK_RESULT("caller", "a", "second");
    CHECK_EQ(story_count("attempt"), 2);
    CHECK_EQ(story_count("attempt 2 'so far'"), 1);
}

TEST(activity, heartbeats_by_token_keep_a_deferred_attempt_alive)
{
    story_run_calm(beating, tell_heartbeats);
}

static void
tell_start_to_close(struct story *story)
{
    (void)story;
    start_deferred("a");
    for (int i = 0; i < 7; i++) {
        story_wait_ms(1500);
        (void)by_token(WEFT_VERB_HEARTBEAT,
                       old_token[0] == '\0' ? token : old_token, "so far");
    }
    // 10 s have gone by, however often it was said to be alive.
    story_wait_ms(1000);
    CHECK_EQ(story_count("attempt 2"), 1);
}

TEST(activity, heartbeats_by_token_do_not_prolong_an_attempt)
{
    story_run_calm(beating, tell_start_to_close);
}

static void
tell_unregistered(struct story *story)
{
    (void)story;
    start_deferred("a");
    start_deferred("b");
    start_deferred("c");
    story_define(nothing_deferred);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "result")->err);
    CHECK_OK(by_token(WEFT_VERB_HEARTBEAT, old_token, "alive")->err);
    CHECK_OK(by_token(WEFT_VERB_FAIL, old_token, "")->err);
    story_wait_ms(10000);
    story_define(deferring);
    story_wait_ms(10000);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "result")->err);
}

TEST(activity, a_token_works_where_the_activity_is_not_registered)
{
    story_run_calm(deferring, tell_unregistered);
}

// The first run leaves its call open; the second makes the same again.
static weft_err
again_run(weft_workflow *wf, weft_bytes input)
{
    weft_future call;
    weft_bytes result;

    MUST(weft_workflow_call_async(wf, "defer", input, NULL, &call), WEFT_OK);
    if (weft_workflow_run(wf) == 1) {
        MUST(weft_workflow_receive(wf, "on", WEFT_FOREVER, NULL), WEFT_OK);
        return weft_workflow_restart(wf, input);
    }
    MUST(weft_workflow_await(wf, call, &result), WEFT_OK);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
again(void)
{
    weft_definitions *defs = deferring();

    story_add_workflow(defs, "again", again_run);
    return defs;
}

static void
tell_run_before(struct story *story)
{
    char first[WEFT_TOKEN_CHARS_MAX];

    (void)story;
    story_start("again", "a", "in");
    story_wait_ms(100);
    memcpy(first, token, sizeof(first));
    story_signal("again", "a", "on", "");
    story_wait_ms(100);
    CHECK(first[0] != '\0' && strcmp(first, token) != 0);
    CHECK_EQ(story_describe("again", "a")->item.run, 2);
    CHECK_EQ(story_count("attempt 1"), 2);
    CHECK_ERR(by_token(WEFT_VERB_HEARTBEAT, first, "")->err, WEFT_ENOTFOUND);
    CHECK_ERR(by_token(WEFT_VERB_FAIL, first, "")->err, WEFT_ENOTFOUND);
    CHECK_ERR(by_token(WEFT_VERB_COMPLETE, first, "old")->err, WEFT_ENOTFOUND);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, token, "new")->err);
    CHECK_RESULT("again", "a", "new");
}

TEST(activity, a_token_of_the_run_before_is_of_no_use)
{
    story_run_calm(again, tell_run_before);
}
