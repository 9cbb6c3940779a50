// SPDX-License-Identifier: Apache-2.0
//
// Activities that are given up, in each of the three ways: asked to stop and
// left alone, asked and waited for, not told at all.

#include <stdio.h>
#include <string.h>

#include "story/caller.h"

static char token[WEFT_TOKEN_CHARS_MAX];

// What happens when it has worked for a second, and half a second after it was
// asked to stop. Each may be NULL.
static void (*after_a_second)(void);
static void (*when_asked)(void);

// Alive for ten seconds. Asked to stop, it takes half a second and then does
// what its input says; if nobody asks it gives "to the end".
static weft_err
work(weft_activity *activity, weft_bytes input)
{
    weft_err err = WEFT_OK;

    for (int i = 0; i < 100 && err == WEFT_OK; i++) {
        if (i == 10 && after_a_second != NULL) {
            after_a_second();
        }
        story_wait_ms(100);
        err = weft_activity_heartbeat(activity, weft_nothing());
    }
    if (err == WEFT_OK) {
        story_note("to the end");
        return weft_activity_return(activity, weft_text("to the end"));
    }
    story_note("asked: %s", weft_err_name(err));
    story_wait_ms(500);
    if (when_asked != NULL && story_now()->is_calm) {
        when_asked();
    }
    story_note("stopped");
    if (story_is(input, "finishes")) {
        return weft_activity_return(activity, weft_text("all the same"));
    }
    if (story_is(input, "breaks")) {
        return weft_activity_fail(activity, "Broken", "", weft_nothing());
    }
    return err;
}

// Says that it was cancelled, though nobody asked, before it does its work.
static weft_err
gives_up(weft_activity *activity, weft_bytes input)
{
    story_note("attempt %u", weft_activity_attempt(activity));
    return weft_activity_attempt(activity) == 1
               ? WEFT_ECANCELLED
               : weft_activity_return(activity, input);
}

// Fails at first; the next attempt is a minute later.
static weft_err
later(weft_activity *activity, weft_bytes input)
{
    story_note("attempt");
    if (story_now_ms() < 30000) {
        return weft_activity_fail_after(activity, "Later", "", weft_nothing(),
                                        60000);
    }
    story_note("second attempt");
    return weft_activity_return(activity, input);
}

static weft_err
hand_on(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_defer(activity, token, sizeof(token));
}

static const char *
outcome_name(weft_workflow *wf, weft_err err)
{
    return err == WEFT_EFAILED ? weft_workflow_failure(wf)->name
                               : weft_err_name(err);
}

// Calls what its input says, and tells how the call ended.
static weft_err
tells_run(weft_workflow *wf, weft_bytes input)
{
    char text[200];
    char *rest = text;
    const char *activity;
    weft_bytes result = weft_nothing();
    weft_err err;

    (void)story_text(input, text, sizeof(text));
    activity = strsep(&rest, " ");
    err = weft_workflow_call(wf, activity, weft_text(rest == NULL ? "" : rest),
                             &call_options, &result);
    if (err == WEFT_EUNWIND) {
        return err;
    }
    MUST(weft_workflow_publish(wf, "call", weft_text(outcome_name(wf, err))),
         WEFT_OK);
    MUST(weft_workflow_publish(wf, "result", result), WEFT_OK);
    weft_workflow_shield_begin(wf);
    err = weft_workflow_sleep(wf, 200000);
    weft_workflow_shield_end(wf);
    return err == WEFT_EUNWIND ? err : weft_workflow_return(wf, result);
}

static weft_definitions *
tellers(void)
{
    weft_definitions *defs = caller_definitions();

    token[0] = '\0';
    after_a_second = NULL;
    when_asked = NULL;
    story_add_workflow(defs, "tells", tells_run);
    caller_add(defs, "work", work, NULL, NULL);
    caller_add(defs, "later", later, NULL, NULL);
    caller_add(defs, "gives_up", gives_up, NULL, NULL);
    caller_add(defs, "hand_on", hand_on, NULL, NULL);
    return defs;
}

// Ask without waiting for the answer: it comes while the activity works.
static void
submit(weft_verb verb, const char *kind, const char *id, const char *name)
{
    (void)world_call(story_now()->world, verb, kind, id, name, weft_nothing());
}

static void
cancel_a(void)
{
    submit(WEFT_VERB_CANCEL, "tells", "a", "");
}

static void
start_and_cancel(const char *input, weft_cancellation how)
{
    call_options.cancellation = how;
    after_a_second = cancel_a;
    story_start("tells", "a", input);
    story_wait_ms(2000);
}

// The one before ends, for the next to have its id.
static void
end_it(void)
{
    CHECK_OK(story_result("tells", "a")->err);
}

// Each way. -------------------------------------------------------------------

static void
call_is_over(void)
{
    CHECK_STR(story_query("tells", "a", "call"), "WEFT_ECANCELLED");
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 0);
}

static void
call_is_open(void)
{
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "tells", "a", "call", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 1);
}

static void
tell_try(struct story *story)
{
    when_asked = call_is_over;
    start_and_cancel("work", WEFT_CANCELLATION_TRY);
    call_is_over();
    if (story->is_calm) {
        CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 1);
        CHECK_EQ(story_count("stopped"), 1);
    }
    end_it();
}

TEST(activity, one_that_is_only_asked_is_not_waited_for)
{
    story_run(tellers, tell_try);
}

static void
wait_for(const char *input, const char *call, const char *result)
{
    when_asked = call_is_open;
    start_and_cancel(input, WEFT_CANCELLATION_WAIT);
    story_wait_ms(3000);
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 0);
    CHECK_STR(story_query("tells", "a", "call"), call);
    CHECK_STR(story_query("tells", "a", "result"), result);
    end_it();
}

static void
tell_wait(struct story *story)
{
    (void)story;
    wait_for("work", "WEFT_ECANCELLED", "");
}

static void
tell_wait_outcomes(struct story *story)
{
    (void)story;
    wait_for("work finishes", "WEFT_OK", "all the same");
    wait_for("work breaks", "Broken", "");
}

TEST(activity, one_that_is_waited_for_tells_how_it_ended)
{
    story_run(tellers, tell_wait);
    story_run_calm(tellers, tell_wait_outcomes);
}

// Ask, and when that has happened look: the caller has gone on.
static void
cancel_and_look(void)
{
    cancel_a();
    story_wait_ms(1000);
    if (story_now()->is_calm) {
        CHECK_STR(story_query("tells", "a", "call"), "WEFT_ECANCELLED");
        CHECK_EQ(story_describe("tells", "a")->item.activities_count, 1);
    }
}

static void
tell_abandon(struct story *story)
{
    call_options.cancellation = WEFT_CANCELLATION_ABANDON;
    after_a_second = cancel_and_look;
    story_start("tells", "a", "work");
    story_wait_ms(30000);
    CHECK_STR(story_query("tells", "a", "call"), "WEFT_ECANCELLED");
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 0);
    CHECK_EQ(story_describe("tells", "a")->item.mailbox_count, 0);
    CHECK(story_count("to the end") >= 1);
    CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 0);
    if (story->is_calm) {
        CHECK_EQ(story_count("to the end"), 1);
    }
    end_it();
}

// Somebody completes it all the same, and nobody wants to know.
static void
tell_abandon_deferred(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    uint64_t entries;

    call_options.cancellation = WEFT_CANCELLATION_ABANDON;
    story_start("tells", "a", "hand_on");
    story_wait_ms(1000);
    story_do(WEFT_VERB_CANCEL, "tells", "a", "", NULL);
    story_wait_ms(1000);
    CHECK_STR(story_query("tells", "a", "call"), "WEFT_ECANCELLED");
    entries = story_describe("tells", "a")->item.journal_count;
    request.verb = WEFT_VERB_COMPLETE;
    request.token = token;
    CHECK_OK(story_call(&request)->err);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("tells", "a")->item.journal_count, entries);
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 0);
    end_it();
    (void)story;
}

static void
tell_abandon_retries(struct story *story)
{
    call_options.cancellation = WEFT_CANCELLATION_ABANDON;
    story_start("tells", "a", "later");
    story_wait_ms(1000);
    story_do(WEFT_VERB_CANCEL, "tells", "a", "", NULL);
    story_wait_ms(65000);
    CHECK(story_count("second attempt") >= 1);
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 0);
    end_it();
    (void)story;
}

TEST(activity, one_that_is_abandoned_goes_on_and_is_repeated)
{
    story_run(tellers, tell_abandon);
    story_run(tellers, tell_abandon_retries);
    story_run(tellers, tell_abandon_deferred);
}

static void
tell_unasked(struct story *story)
{
    story_start("tells", "a", "gives_up in");
    story_wait_ms(60000);
    CHECK_STR(story_query("tells", "a", "result"), "in");
    CHECK_EQ(story->is_calm ? story_count("attempt") : 2, 2);
    end_it();
}

TEST(activity, one_that_nobody_asked_to_stop_has_failed)
{
    story_run(tellers, tell_unasked);
}

// Nothing under way. ----------------------------------------------------------

static void
tell_waiting(struct story *story)
{
    (void)story;
    call_options.cancellation = WEFT_CANCELLATION_WAIT;
    story_start("tells", "a", "later");
    story_wait_ms(1000);
    story_do(WEFT_VERB_CANCEL, "tells", "a", "", NULL);
    story_wait_ms(10);
    CHECK_STR(story_query("tells", "a", "call"), "WEFT_ECANCELLED");
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 0);
    end_it();
    CHECK_EQ(story_count("second attempt"), 0);
}

TEST(activity, one_between_two_attempts_ends_at_once)
{
    story_run(tellers, tell_waiting);
}

// A second call of a kind that runs one at a time: it waits for a worker.
static weft_err
pair_run(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_future first;
    weft_err err;

    (void)input;
    options.cancellation = WEFT_CANCELLATION_ABANDON;
    MUST(weft_workflow_call_async(wf, "work alone", weft_nothing(), &options,
                                  &first),
         WEFT_OK);
    options.cancellation = WEFT_CANCELLATION_WAIT;
    err = weft_workflow_call(wf, "work alone", weft_nothing(), &options, NULL);
    if (err == WEFT_EUNWIND) {
        return err;
    }
    MUST(weft_workflow_publish(wf, "call", weft_text(weft_err_name(err))),
         WEFT_OK);
    weft_workflow_shield_begin(wf);
    err = weft_workflow_sleep(wf, 20000); // as long as the first one works
    weft_workflow_shield_end(wf);
    return err;
}

static void
cancel_pair(void)
{
    submit(WEFT_VERB_CANCEL, "pair", "a", "");
}

static weft_definitions *
one_at_a_time(void)
{
    weft_definitions *defs = tellers();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = "work alone";
    def.run = work;
    def.max_parallel = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    story_add_workflow(defs, "pair", pair_run);
    return defs;
}

static void
tell_queued(struct story *story)
{
    (void)story;
    after_a_second = cancel_pair;
    story_start("pair", "a", "");
    CHECK_RESULT("pair", "a", "");
    CHECK_STR(story_query("pair", "a", "call"), "WEFT_ECANCELLED");
    CHECK_EQ(story_count("to the end"), 1);
    CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 0);
}

TEST(activity, one_that_waits_for_a_worker_does_not_begin)
{
    story_run_calm(one_at_a_time, tell_queued);
}

static weft_err
by_token(weft_verb verb, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.token = token;
    request.data = weft_text(data);
    return story_call(&request)->err;
}

static void
tell_deferred(struct story *story)
{
    (void)story;
    call_options.cancellation = WEFT_CANCELLATION_WAIT;
    story_start("tells", "a", "hand_on");
    story_wait_ms(100);
    CHECK_OK(by_token(WEFT_VERB_HEARTBEAT, "half"));
    story_do(WEFT_VERB_CANCEL, "tells", "a", "", NULL);
    story_wait_ms(100);
    story_crash();
    CHECK_ERR(by_token(WEFT_VERB_HEARTBEAT, "more"), WEFT_ECANCELLED);
    CHECK_EQ(story_describe("tells", "a")->item.activities_count, 1);
    CHECK_OK(by_token(WEFT_VERB_COMPLETE, "it was done"));
    story_wait_ms(100);
    CHECK_STR(story_query("tells", "a", "call"), "WEFT_OK");
    CHECK_STR(story_query("tells", "a", "result"), "it was done");
    end_it();
}

TEST(activity, a_deferred_one_hears_of_it_by_its_token)
{
    story_run_calm(tellers, tell_deferred);
}

// Futures, and plain actors. --------------------------------------------------

static weft_err
gives_up_run(weft_workflow *wf, weft_bytes input)
{
    weft_future future;
    weft_bytes result = weft_nothing();
    weft_err err;

    MUST(weft_workflow_call_async(wf, "work", input, &call_options, &future),
         WEFT_OK);
    MUST(weft_workflow_sleep(wf, 1050), WEFT_OK);
    MUST(weft_workflow_cancel(wf, future), WEFT_OK);
    MUST(weft_workflow_cancel(wf, future), WEFT_OK);
    CHECK_EQ(weft_workflow_is_known(wf, future),
             call_options.cancellation != WEFT_CANCELLATION_WAIT);
    err = weft_workflow_await(wf, future, &result);
    if (err == WEFT_EUNWIND) {
        return err;
    }
    MUST(weft_workflow_publish(wf, "call", weft_text(weft_err_name(err))),
         WEFT_OK);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
givers_up(void)
{
    weft_definitions *defs = tellers();

    call_options.cancellation = WEFT_CANCELLATION_WAIT;
    story_add_workflow(defs, "gives_up", gives_up_run);
    return defs;
}

static void
tell_futures(struct story *story)
{
    story_start("gives_up", "a", "");
    CHECK_RESULT("gives_up", "a", "");
    CHECK_STR(story_query("gives_up", "a", "call"), "WEFT_ECANCELLED");
    if (story->is_calm) {
        CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 1);
        call_options.cancellation = WEFT_CANCELLATION_ABANDON;
        story_start("gives_up", "b", "");
        CHECK_RESULT("gives_up", "b", "");
        CHECK_STR(story_query("gives_up", "b", "call"), "WEFT_ECANCELLED");
        // It has ended, and does not tell: the attempt goes to its end.
        story_wait_ms(20000);
        CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 1);
        CHECK_EQ(story_count("to the end"), 1);
    }
}

TEST(activity, a_future_that_is_given_up_may_still_be_waited_for)
{
    story_run(givers_up, tell_futures);
}

// Calls work, cancels it on demand, and keeps what it hears.
struct boss {
    uint32_t call;
    char heard[64];
};

static weft_err
boss_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct boss *boss = state;

    if (message->type == WEFT_MESSAGE_ACTIVITY) {
        CHECK_EQ(message->call, boss->call);
        (void)snprintf(boss->heard, sizeof(boss->heard), "%s",
                       message->failure.name[0] != '\0' ? message->failure.name
                                                        : "done");
        return weft_actor_publish(actor, "heard", weft_text(boss->heard));
    }
    if (strcmp(message->name, "call") == 0) {
        return weft_actor_call(actor, "work", message->data, &call_options,
                               &boss->call);
    }
    if (strcmp(message->name, "cancel") == 0) {
        // A second attempt may have asked again.
        (void)weft_actor_call_cancel(actor, boss->call);
        return WEFT_OK;
    }
    CHECK_ERR(weft_actor_call_cancel(actor, boss->call), WEFT_ENOTFOUND);
    CHECK_ERR(weft_actor_call_cancel(actor, 99), WEFT_ENOTFOUND);
    return WEFT_OK;
}

static weft_definitions *
bosses(void)
{
    weft_definitions *defs = tellers();

    story_add_actor(defs, "boss", sizeof(struct boss), boss_receive);
    return defs;
}

static const char *boss_id;

static void
signal_cancel(void)
{
    submit(WEFT_VERB_SIGNAL, "boss", boss_id, "cancel");
}

static void
call_and_cancel(const char *id, weft_cancellation how)
{
    call_options.cancellation = how;
    boss_id = id;
    after_a_second = signal_cancel;
    story_signal("boss", id, "call", "");
    story_wait_ms(30000);
    CHECK_EQ(story_describe("boss", id)->item.activities_count, 0);
    story_signal("boss", id, "cancel late", "");
    story_wait_ms(10);
}

static void
tell_actor(struct story *story)
{
    call_and_cancel("a", WEFT_CANCELLATION_WAIT);
    CHECK_STR(story_query("boss", "a", "heard"), "WEFT_ECANCELLED");
    call_and_cancel("b", WEFT_CANCELLATION_TRY);
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "boss", "b", "heard", NULL)->err,
              WEFT_ENOTFOUND);
    if (story->is_calm) {
        CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 2);
    }
    story_forget_notes();
    call_and_cancel("c", WEFT_CANCELLATION_ABANDON);
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "boss", "c", "heard", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK(story_count("to the end") >= 1);
    CHECK_EQ(story_count("asked: WEFT_ECANCELLED"), 0);
}

TEST(activity, a_plain_actor_gives_its_calls_up_in_the_same_ways)
{
    story_run(bosses, tell_actor);
}
