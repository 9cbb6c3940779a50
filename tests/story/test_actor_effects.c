// SPDX-License-Identifier: Apache-2.0
//
// What actors do to each other and to themselves: timers, messages, questions,
// children, and the end.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/puppet.h"

static weft_err
say_hello(weft_activity *activity, weft_bytes input)
{
    char text[100];

    story_note("hello %s", weft_activity_caller_id(activity));
    (void)snprintf(text, sizeof(text), "hello %.*s", (int)input.len,
                   (const char *)input.data);
    return weft_activity_return(activity, weft_text(text));
}

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
echo_run(weft_workflow *wf, weft_bytes input)
{
    if (story_is(input, "wait")) {
        return weft_workflow_sleep(wf, WEFT_FOREVER);
    }
    if (story_is(input, "fail")) {
        return weft_workflow_fail(wf, "Broken", "it broke",
                                  weft_text("in two"));
    }
    return weft_workflow_return(wf, input);
}

static weft_definitions *
troupe(void)
{
    static const weft_creation creations[] = {
        WEFT_CREATION_ON_MESSAGE, WEFT_CREATION_ON_START, WEFT_CREATION_NEVER};
    static const char *const names[] = {"puppet", "started", "spawned"};
    weft_definitions *defs;

    puppet_is_mended = false;
    CHECK_OK(weft_definitions_create(&defs));
    for (unsigned i = 0; i < 3; i++) {
        weft_actor_def def = WEFT_ACTOR_DEF_INIT;

        def.name = names[i];
        def.state_bytes = sizeof(struct puppet);
        def.receive = puppet_receive;
        def.query = puppet_query;
        def.creation = creations[i];
        CHECK_OK(weft_definitions_add_actor(defs, &def));
    }
    story_add_workflow(defs, "echo", echo_run);
    story_add_activity(defs, "hello", say_hello);
    story_add_activity(defs, "long", work_long);
    return defs;
}

// Timers. ---------------------------------------------------------------------

static void
tell_timers(struct story *story)
{
    puppet_do("puppet", "a", "timer late 300;timer soon 100;timer gone 200");
    puppet_do("puppet", "a", "clear gone;clear never");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"), "timer(soon) timer(late)");
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 0);
    (void)story;
}

TEST(actor, timers_come_due_in_order_unless_they_are_cleared)
{
    story_run(troupe, tell_timers);
}

static void
tell_timer_times(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "timer beat 100");
    puppet_do("puppet", "a", "note set;timer slow 1000;timer beat 3600000");
    story_wait_ms(5000000);
    CHECK_NOTES("[0] a set\n"
                "[1000] a timer(slow)\n"
                "[3600000] a timer(beat)\n");
}

TEST(actor, a_timer_set_again_comes_due_at_the_new_time_only)
{
    story_run_once(troupe, tell_timer_times);
}

static void
tell_timers_of_one_turn(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "timer t 100;timer t 200;timer u 100;clear u");
    puppet_do("puppet", "a", "clear v;timer v 100;clear v;timer v 300");
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 2);
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"), "timer(t) timer(v)");
}

TEST(actor, a_timer_can_be_replaced_and_cleared_in_the_turn_that_set_it)
{
    story_run(troupe, tell_timers_of_one_turn);
}

static void
tell_long_timer(struct story *story)
{
    uint64_t year = 365ULL * 24 * 3600 * 1000;

    (void)story;
    puppet_do("puppet", "a", "timer year %llu;timer never %llu",
              (unsigned long long)year, (unsigned long long)UINT64_MAX);
    story_crash();
    story_wait_ms(year - 1000000);
    CHECK_STR(puppet_log("puppet", "a"), "");
    story_wait_ms(2000000);
    CHECK_STR(puppet_log("puppet", "a"), "timer(year)");
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 1);
}

TEST(actor, a_timer_may_be_a_year_away_and_outlives_a_crash)
{
    story_run_calm(troupe, tell_long_timer);
}

// Messages. -------------------------------------------------------------------

static void
tell_sends(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    puppet_do("puppet", "a",
              "send puppet a/b one 1;send puppet %s one 1;"
              "send puppet a/b two 2;send puppet %s two 2",
              far, far);
    puppet_do("puppet", "a", "send puppet %s three 3;send puppet a/b three 3",
              far);
    story_wait_ms(3000);
    CHECK_STR(puppet_log("puppet", "a/b"),
              "signal(one,1) signal(two,2) signal(three,3)");
    CHECK_STR(puppet_log("puppet", far),
              "signal(one,1) signal(two,2) signal(three,3)");
    (void)story;
}

TEST(actor, messages_arrive_once_and_in_the_order_of_sending)
{
    story_run(troupe, tell_sends);
}

static weft_err
mirror_receive(weft_actor *actor, const weft_message *message, void *state)
{
    char text[300];

    (void)state;
    (void)snprintf(text, sizeof(text), "%s/%s/%s from '%s' '%s' %u %llu %s",
                   weft_actor_namespace(actor), weft_actor_kind(actor),
                   weft_actor_id(actor), message->sender_kind,
                   message->sender_id, message->call,
                   (unsigned long long)weft_actor_now_ms(actor) / 1000000,
                   (const char *)weft_actor_context(actor));
    story_note("%s", text);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_definitions *
mirrors(void)
{
    static char context[] = "context";
    weft_definitions *defs = troupe();
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = "mirror";
    def.receive = mirror_receive;
    def.context = context;
    CHECK_OK(weft_definitions_add_actor(defs, &def));
    return defs;
}

static void
tell_mirror(struct story *story)
{
    (void)story;
    CHECK_STR(story_do(WEFT_VERB_ASK, "mirror", "m", "x", NULL)->data,
              "default/mirror/m from '' '' 0 1 context");
    puppet_do("puppet", "a", "send mirror m x y");
    story_wait_ms(1000);
    CHECK_EQ(story_count("default/mirror/m from 'puppet' 'a' 0 1 context"), 1);
}

TEST(actor, a_handler_knows_itself_and_who_sent_the_message)
{
    story_run_calm(mirrors, tell_mirror);
}

static void
tell_questions(struct story *story)
{
    const char *far = story_id_elsewhere("a");
    const char *log;

    (void)story;
    puppet_do("puppet", "a", "ask puppet a/b do reply_x");
    puppet_do("puppet", "a", "ask puppet %s do reply", far);
    puppet_do("puppet", "a", "ask puppet a/b log x;ask puppet %s log x", far);
    story_wait_ms(3000);
    log = puppet_log("puppet", "a");
    CHECK(strstr(log, "reply(1,)") != NULL);
    CHECK(strstr(log, "reply(2,)") != NULL);
    CHECK(strstr(log, "reply(3,reply_x!WEFT_ENOTFOUND)") != NULL);
    CHECK(strstr(log, "reply(4,)") != NULL);
    CHECK_EQ(story_describe("puppet", "a")->item.children_count, 0);
}

static weft_err
asker_receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t *calls = state;
    uint32_t call;

    if (message->type == WEFT_MESSAGE_SIGNAL) {
        weft_target near = {"puppet", "a/b"};

        CHECK_OK(weft_actor_ask(actor, near, "do", message->data, &call));
        story_note("asked %u", call);
        return WEFT_OK;
    }
    *calls += message->call;
    story_note("answer %u %.*s", message->call, (int)message->data.len,
               (const char *)message->data.data);
    return WEFT_OK;
}

static weft_definitions *
askers(void)
{
    weft_definitions *defs = troupe();

    story_add_actor(defs, "asker", 4, asker_receive);
    return defs;
}

static void
tell_answers(struct story *story)
{
    story_signal("asker", "a", "ask", "reply first");
    story_signal("asker", "a", "ask", "reply second");
    story_signal("asker", story_id_elsewhere("a"), "ask",
                 "reply early;reply third");
    story_wait_ms(3000);
    CHECK(story_count("answer 1 first") > 0);
    CHECK(story_count("answer 2 second") > 0);
    CHECK(story_count("answer 1 third") > 0);
    CHECK_EQ(story->is_calm ? story_count("answer") : 3, 3);
}

TEST(actor, an_answer_comes_with_the_number_of_its_question)
{
    story_run(askers, tell_answers);
}

TEST(actor, a_question_nobody_answers_ends_with_an_empty_answer)
{
    story_run(troupe, tell_questions);
}

static void
tell_failed_questions(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    puppet_do("puppet", "a/b", "stop done");
    puppet_do("puppet", "a", "ask started a/c x y;ask started %s x y", far);
    story_wait_ms(2000);
    puppet_do("puppet", "a", "ask puppet a/b x y");
    story_wait_ms(2000);
    // Answers from two partitions may come in either order.
    CHECK(strstr(puppet_log("puppet", "a"), "failed(1!WEFT_ENOTFOUND)"));
    CHECK(strstr(puppet_log("puppet", "a"), "failed(2!WEFT_ENOTFOUND)"));
    CHECK(strstr(puppet_log("puppet", "a"), "failed(3!WEFT_EFINISHED)"));
    CHECK_EQ(story->is_calm ? story_dead_letters() : 0, 0);
    CHECK_EQ(story_describe("puppet", "a")->item.children_count, 0);
}

TEST(actor, a_question_that_cannot_be_delivered_fails)
{
    story_run(troupe, tell_failed_questions);
}

static void
tell_question_to_workflow(struct story *story)
{
    (void)story;
    story_start("echo", "w", "wait");
    puppet_do("puppet", "a", "ask echo w x y");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"), "reply(1,)");
    CHECK_STR(story_do(WEFT_VERB_ASK, "echo", "w", "x", NULL)->data, "");
}

TEST(actor, a_question_to_a_workflow_is_answered_with_nothing)
{
    story_run(troupe, tell_question_to_workflow);
}

static void
tell_activity(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "call hello world;call unknown x");
    puppet_do("puppet", "a", "call hello again");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"),
              "call!WEFT_EINVAL activity(1,hello world) "
              "activity(2,hello again)");
    CHECK(story_count("hello default/puppet/a") > 0);
}

TEST(actor, an_activity_answers_with_the_number_of_its_call)
{
    story_run(troupe, tell_activity);
}

// Children. -------------------------------------------------------------------

static void
tell_children(struct story *story)
{
    const char *far = story_id_elsewhere("a");
    const char *log;

    (void)story;
    puppet_do("puppet", "a", "spawn spawned a/b in;spawn echo %s out", far);
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"), "child(2,out)");
    CHECK_STR(puppet_log("spawned", "a/b"), "start(in)");
    CHECK_EQ(story_describe("puppet", "a")->item.children_count, 1);
    puppet_do("spawned", "a/b", "stop done");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"), "child(2,out) child(1,done)");
    CHECK_EQ(story_describe("puppet", "a")->item.children_count, 0);
    puppet_do("puppet", "a", "spawn echo a/f fail;spawn echo %s/f fail", far);
    story_wait_ms(2000);
    log = puppet_log("puppet", "a");
    CHECK(strstr(log, "child(3!Broken,it_broke,in two)") == NULL);
    CHECK(strstr(log, "child(3!Broken,it broke,in two)") != NULL);
    CHECK(strstr(log, "child(4!Broken,it broke,in two)") != NULL);
}

TEST(actor, a_child_answers_with_its_result_or_its_failure)
{
    story_run(troupe, tell_children);
}

static void
tell_existing_child(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    (void)story;
    story_start("echo", "a/b", "wait");
    story_start("echo", far, "wait");
    puppet_do("puppet", "a", "spawn echo a/b x");
    story_wait_ms(2000);
    puppet_do("puppet", "a", "spawn echo %s x", far);
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "a"),
              "child(1!WEFT_EEXISTS) child(2!WEFT_EEXISTS)");
    CHECK_EQ(story_describe("echo", "a/b")->item.run, 1);
}

TEST(actor, a_child_that_runs_already_is_a_failed_child)
{
    story_run(troupe, tell_existing_child);
}

static void
tell_stopped_parent(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "spawn echo a/b wait;spawn puppet a/c x");
    story_wait_ms(1000);
    puppet_do("puppet", "a", "stop done");
    story_wait_ms(1000);
    CHECK_FAILS("echo", "a/b", WEFT_ECANCELLED, "cancelled");
    CHECK_STR(puppet_log("puppet", "a/c"), "start(x) cancel()");
}

TEST(actor, children_are_asked_to_stop_when_their_parent_does)
{
    story_run(troupe, tell_stopped_parent);
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
              "stop done;call hello x;spawn echo a/b wait;timer t 10;"
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
    note_refusal("spawn", weft_actor_spawn(actor, self, large, &call));
    note_refusal("ask", weft_actor_ask(actor, self, "x", large, &call));
    note_refusal("call", weft_actor_call(actor, "hello", large, &call));
    note_refusal("reply", weft_actor_reply(actor, large));
    note_refusal("publish", weft_actor_publish(actor, "x", large));
    note_refusal("stop", weft_actor_stop(actor, large));
    note_refusal("kind", weft_actor_send(actor, nobody, "x", weft_nothing()));
    note_refusal("child",
                 weft_actor_spawn(actor, nobody, weft_nothing(), &call));
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
        "[0] spawn WEFT_ETOOBIG call: 2097153 bytes, the limit is 2097152\n"
        "[0] ask WEFT_ETOOBIG call: 2097153 bytes, the limit is 2097152\n"
        "[0] call WEFT_ETOOBIG hello: 2097153 bytes, the limit is 2097152\n"
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
