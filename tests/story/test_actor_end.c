// SPDX-License-Identifier: Apache-2.0
//
// How actors end, what is left of them, what they answer to queries, and what
// they may not do.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/puppet.h"

// Works on until it is told to stop; has its caller stopped meanwhile.
static weft_err
work_long(weft_activity *activity, weft_bytes input)
{
    weft_err err = WEFT_OK;

    (void)input;
    (void)world_call(story_now()->world, WEFT_VERB_SIGNAL, "puppet", "a", "do",
                     weft_text("stop done"));
    for (int i = 0; i < 20 && err == WEFT_OK; i++) {
        story_wait_ms(1000);
        err = weft_activity_heartbeat(activity, weft_nothing());
    }
    story_note("work ends: %s %d", weft_err_name(err),
               weft_activity_is_cancelled(activity));
    return err;
}

static weft_err
wait_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static weft_definitions *
troupe(void)
{
    weft_definitions *defs = puppet_definitions();

    story_add_workflow(defs, "echo", wait_run);
    story_add_activity(defs, "long", work_long);
    return defs;
}

// The end. --------------------------------------------------------------------

static void
tell_stop(struct story *story)
{
    const struct world_call *call;
    struct world_call *watch;

    story_start("puppet", "a", "");
    watch = world_call(story->world, WEFT_VERB_RESULT, "puppet", "a", "",
                       weft_nothing());
    puppet_do("puppet", "a", "publish last words;timer beat 100;stop done");
    CHECK_OK(world_wait(story->world, watch)->err);
    CHECK_STR(watch->data, "done");
    CHECK_RESULT("puppet", "a", "done");
    call = story_describe("puppet", "a");
    CHECK_EQ(call->item.status, WEFT_STATUS_COMPLETED);
    CHECK_EQ(call->item.timers_count, 0);
    CHECK(call->item.finished_at_ms >= call->item.created_at_ms);
    CHECK_STR(story_query("puppet", "a", "last"), "words");
    CHECK_STR(story_query("puppet", "a", "log"), "start()");
}

TEST(actor, one_that_stops_has_a_result_and_can_still_be_asked)
{
    story_run(troupe, tell_stop);
}

// They leave together, when they are half of those who wait.
static void
tell_withdraw(struct story *story)
{
    struct world_call *waits[3];

    story_start("puppet", "a", "");
    for (int i = 0; i < 3; i++) {
        waits[i] = world_call(story->world, WEFT_VERB_RESULT, "puppet", "a", "",
                              weft_nothing());
    }
    story_wait_ms(10);
    world_withdraw(story->world, waits[0]);
    story_wait_ms(10);
    world_withdraw(story->world, waits[2]);
    CHECK_ERR(world_wait(story->world, waits[0])->err, WEFT_ECANCELLED);
    CHECK_ERR(world_wait(story->world, waits[2])->err, WEFT_ECANCELLED);
    CHECK(!waits[1]->is_answered);
    puppet_do("puppet", "a", "stop done");
    CHECK_OK(world_wait(story->world, waits[1])->err);
    CHECK_STR(waits[1]->data, "done");
}

// Its answer is kept, for who asks again under the same number.
static void
tell_withdraw_question(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *question;

    request.verb = WEFT_VERB_ASK;
    request.target = (weft_target){"puppet", "a"};
    request.name = "do";
    request.data = weft_text("later");
    request.number = world_next_number(story->world) + 1000;
    story_start("puppet", "a", "");
    question = world_submit(story->world, &request);
    story_wait_ms(10);
    world_withdraw(story->world, question);
    CHECK_ERR(world_wait(story->world, question)->err, WEFT_ECANCELLED);
    question = world_submit(story->world, &request);
    story_wait_ms(10);
    CHECK(!question->is_answered);
    puppet_do("puppet", "a", "stop done"); // which ends all questions
    CHECK(world_wait(story->world, question)->err != WEFT_ECANCELLED);
}

TEST(actor, whoever_asked_may_withdraw_and_ask_again)
{
    story_run(troupe, tell_withdraw_question);
}

TEST(actor, whoever_waits_for_its_end_may_withdraw)
{
    story_run(troupe, tell_withdraw);
}

static void
tell_stop_failed(struct story *story)
{
    const struct world_call *call;

    (void)story;
    puppet_do("puppet", "a", "stop_failed Name message details");
    call = story_result("puppet", "a");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Name");
    CHECK_STR(call->message, "message");
    CHECK_STR(call->details, "details");
    CHECK_EQ(story_describe("puppet", "a")->item.status, WEFT_STATUS_FAILED);
}

TEST(actor, one_that_stops_badly_has_a_failure)
{
    story_run(troupe, tell_stop_failed);
}

static void
tell_last_turn(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a",
              "stop done;call long x;spawn echo a/b wait;timer t 10;"
              "send puppet c last words;publish p 1;stop again");
    story_wait_ms(2000);
    CHECK_RESULT("puppet", "a", "done");
    CHECK_STR(story_query("puppet", "a", "p"), "1");
    CHECK_STR(story_query("puppet", "a", "log"), "stop!WEFT_EINVAL");
    CHECK_STR(puppet_log("puppet", "c"), "signal(last,words)");
    CHECK_EQ(story_describe("puppet", "a")->item.activities_count, 0);
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 0);
    CHECK_EQ(story_describe("puppet", "a")->item.children_count, 0);
}

TEST(actor, what_a_turn_does_after_it_stops_the_actor_is_well_defined)
{
    story_run(troupe, tell_last_turn);
}

static void
tell_stopped_activity(struct story *story)
{
    puppet_do("puppet", "a", "call long x");
    CHECK_RESULT("puppet", "a", "done");
    story_wait_ms(5000);
    if (story->is_calm) {
        CHECK_EQ(story_count("work ends: WEFT_ECANCELLED 1"), 1);
    }
}

TEST(actor, the_activities_of_one_that_stops_are_cancelled)
{
    story_run(troupe, tell_stopped_activity);
}

static void
tell_finished(struct story *story)
{
    const struct world_call *call;

    puppet_do("puppet", "a", "stop done");
    call = story_ask(WEFT_VERB_SIGNAL, "puppet", "a", "late", NULL);
    CHECK_ERR(call->err, WEFT_EFINISHED);
    CHECK_ERR(story_ask(WEFT_VERB_ASK, "puppet", "a", "late", NULL)->err,
              WEFT_EFINISHED);
    CHECK_ERR(story_ask(WEFT_VERB_CANCEL, "puppet", "a", "", NULL)->err,
              WEFT_EFINISHED);
    CHECK_ERR(story_ask(WEFT_VERB_TERMINATE, "puppet", "a", "", NULL)->err,
              WEFT_EFINISHED);
    CHECK_ERR(story_ask(WEFT_VERB_PAUSE, "puppet", "a", "", NULL)->err,
              WEFT_EFINISHED);
    puppet_do("puppet", "b", "send puppet a late 1");
    puppet_do("puppet", story_id_elsewhere("a"), "send puppet a late 2");
    story_wait_ms(2000);
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 2);
    }
    story_start("puppet", "a", "again");
    CHECK_STR(puppet_log("puppet", "a"), "start(again)");
    CHECK_EQ(story_describe("puppet", "a")->item.run, 2);
}

TEST(actor, messages_to_a_finished_one_are_refused_or_become_dead_letters)
{
    story_run(troupe, tell_finished);
}

static void
tell_cancel(struct story *story)
{
    const struct world_call *call;

    (void)story;
    CHECK_ERR(story_ask(WEFT_VERB_CANCEL, "puppet", "a", "", NULL)->err,
              WEFT_ENOTFOUND);
    story_start("puppet", "a", "");
    story_do(WEFT_VERB_CANCEL, "puppet", "a", "", NULL);
    story_do(WEFT_VERB_CANCEL, "puppet", "a", "", NULL);
    CHECK_STR(puppet_log("puppet", "a"), "start() cancel()");
    call = story_describe("puppet", "a");
    CHECK_EQ(call->item.is_cancel_requested, 1);
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
}

TEST(actor, cancellation_is_a_message_and_comes_once)
{
    story_run(troupe, tell_cancel);
}

// Queries. --------------------------------------------------------------------

static void
tell_queries(struct story *story)
{
    struct world_call *query;

    (void)story;
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "puppet", "a", "log", NULL)->err,
              WEFT_ENOTFOUND);
    story_signal("puppet", "a", "x", "1");
    query = story_do(WEFT_VERB_QUERY, "puppet", "a", "log", "args: ");
    CHECK_STR(query->data, "args: signal(x,1)");
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "puppet", "a", "other", NULL)->err,
              WEFT_ENOTFOUND);
    puppet_do("puppet", "a", "publish log hidden;publish other value");
    CHECK_STR(story_query("puppet", "a", "log"), "hidden");
    CHECK_STR(story_query("puppet", "a", "other"), "value");
    puppet_do("puppet", "a", "publish other newer");
    story_crash();
    CHECK_STR(story_query("puppet", "a", "other"), "newer");
}

TEST(actor, a_query_reads_published_values_and_then_the_state)
{
    story_run(troupe, tell_queries);
}

static void
tell_early_query(struct story *story)
{
    struct world_call *start = world_call(story->world, WEFT_VERB_START,
                                          "puppet", "a", "", weft_nothing());
    struct world_call *query = world_call(story->world, WEFT_VERB_QUERY,
                                          "puppet", "a", "log", weft_nothing());

    CHECK_OK(world_wait(story->world, start)->err);
    CHECK_OK(world_wait(story->world, query)->err);
}

TEST(actor, a_query_before_the_first_turn_sees_a_zeroed_state)
{
    story_run(troupe, tell_early_query);
}

// Refusals. -------------------------------------------------------------------

static char big[WF_PAYLOAD_BYTES_MAX + 1];

static void
note_refusal(const char *what, weft_err err)
{
    story_note("%s %s %s", what, weft_err_name(err),
               err == WEFT_OK ? "" : weft_err_detail());
}

static weft_err
refused_receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_bytes large = weft_bytes_of(big, sizeof(big));
    weft_bytes fits = weft_bytes_of(big, sizeof(big) - 1);
    weft_target self = {"refused", "a"};
    weft_target nobody = {"nobody", "a"};
    weft_target nameless = {"refused", ""};
    uint32_t call = 77;
    weft_err err;

    (void)state;
    if (strcmp(message->name, "go") != 0) {
        return WEFT_OK;
    }
    note_refusal("send", weft_actor_send(actor, self, "x", large));
    note_refusal("spawn", weft_actor_spawn(actor, self, large, NULL, &call));
    note_refusal("ask", weft_actor_ask(actor, self, "x", large, &call));
    note_refusal("call", weft_actor_call(actor, "long", large, NULL, &call));
    note_refusal("reply", weft_actor_reply(actor, large));
    note_refusal("publish", weft_actor_publish(actor, "x", large));
    note_refusal("stop", weft_actor_stop(actor, large));
    note_refusal("kind", weft_actor_send(actor, nobody, "x", weft_nothing()));
    note_refusal("child",
                 weft_actor_spawn(actor, nobody, weft_nothing(), NULL, &call));
    note_refusal("ask",
                 weft_actor_ask(actor, nobody, "x", weft_nothing(), &call));
    note_refusal("id", weft_actor_send(actor, nameless, "x", weft_nothing()));
    note_refusal("name", weft_actor_send(actor, self, "", weft_nothing()));
    note_refusal("timer", weft_actor_timer_set(actor, NULL, 1));
    for (int i = 0; i < 3; i++) {
        note_refusal("fits", weft_actor_send(actor, self, "x", fits));
    }
    err = weft_actor_send(actor, self, "x", fits);
    CHECK(strstr(weft_err_detail(), "x: this turn has ") != NULL);
    CHECK(strstr(weft_err_detail(), ", the limit is 8388608") != NULL);
    story_note("turn %s", weft_err_name(err));
    note_refusal("number", call == 77 ? WEFT_OK : WEFT_ECORRUPT);
    return WEFT_OK;
}

static weft_definitions *
refusals(void)
{
    weft_definitions *defs = troupe();

    story_add_actor(defs, "refused", 0, refused_receive);
    return defs;
}

static void
tell_refusals(struct story *story)
{
    (void)story;
    story_do(WEFT_VERB_ASK, "refused", "a", "go", NULL);
    CHECK_NOTES(
        "[0] send WEFT_ETOOBIG x: 2097153 bytes, the limit is 2097152\n"
        "[0] spawn WEFT_ETOOBIG child: 2097153 bytes, the limit is 2097152\n"
        "[0] ask WEFT_ETOOBIG call: 2097153 bytes, the limit is 2097152\n"
        "[0] call WEFT_ETOOBIG long: 2097153 bytes, the limit is 2097152\n"
        "[0] reply WEFT_ETOOBIG reply: 2097153 bytes, the limit is 2097152\n"
        "[0] publish WEFT_ETOOBIG x: 2097153 bytes, the limit is 2097152\n"
        "[0] stop WEFT_ETOOBIG result: 2097153 bytes, the limit is 2097152\n"
        "[0] kind WEFT_EINVAL no kind is named nobody\n"
        "[0] child WEFT_EINVAL no kind is named nobody\n"
        "[0] ask WEFT_EINVAL no kind is named nobody\n"
        "[0] id WEFT_EINVAL the id is missing\n"
        "[0] name WEFT_EINVAL signal is missing\n"
        "[0] timer WEFT_EINVAL timer is missing\n"
        "[0] fits WEFT_OK \n"
        "[0] fits WEFT_OK \n"
        "[0] fits WEFT_OK \n"
        "[0] turn WEFT_ETOOBIG\n"
        "[0] number WEFT_OK \n");
}

TEST(actor, an_effect_that_cannot_be_is_refused_and_adds_nothing)
{
    story_run_once(refusals, tell_refusals);
}
