// SPDX-License-Identifier: Apache-2.0
//
// What actors do to each other and to themselves: timers, messages, questions
// and children.

#include <stdio.h>
#include <string.h>

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
    weft_definitions *defs = puppet_definitions();

    story_add_workflow(defs, "echo", echo_run);
    story_add_activity(defs, "hello", say_hello);
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
    puppet_do("puppet", "a",
              "note set;timer slow 1000;timer slower 1001;"
              "timer beat 3600000");
    story_wait_ms(5000000);
    CHECK_NOTES("[0] a set\n"
                "[1000] a timer(slow)\n"
                "[1001] a timer(slower)\n"
                "[3600000] a timer(beat)\n");
}

TEST(actor, a_timer_set_again_comes_due_at_the_new_time_only)
{
    story_run_once(troupe, tell_timer_times);
}

// One that is set or comes due again takes nothing from those made after it.
static void
tell_timer_order(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "timer one 1000;timer two 5000;timer one 2000");
    puppet_do("puppet", "a", "timer one 3000");
    puppet_do("puppet", "a", "timer three 4000");
    story_wait_ms(3500);
    puppet_do("puppet", "a", "timer four 2500");
    story_wait_ms(10000);
    CHECK_STR(puppet_log("puppet", "a"),
              "timer(one) timer(three) timer(two) timer(four)");
}

TEST(actor, a_timer_set_again_leaves_those_made_after_it_alone)
{
    story_run(troupe, tell_timer_order);
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

// They come due behind a message that clears one and sets the other anew.
static void
tell_timers_that_wait(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "timer gone 100;timer later 100;timer kept 100");
    story_wait_ms(50);
    CHECK_OK(story_ask(WEFT_VERB_PAUSE, "puppet", "a", "", "")->err);
    puppet_do("puppet", "a", "clear gone;timer later 5000");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 0);
    CHECK_OK(story_ask(WEFT_VERB_RESUME, "puppet", "a", "", "")->err);
    story_wait_ms(1000);
    CHECK_STR(puppet_log("puppet", "a"), "timer(kept)");
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 1);
    story_wait_ms(5000);
    CHECK_STR(puppet_log("puppet", "a"), "timer(kept) timer(later)");
    puppet_do("puppet", "a", "timer kept 100");
    story_wait_ms(1000);
    CHECK_STR(puppet_log("puppet", "a"),
              "timer(kept) timer(later) timer(kept)");
}

TEST(actor, a_timer_is_cleared_or_replaced_though_it_came_due_already)
{
    story_run(troupe, tell_timers_that_wait);
}

static void
tell_timer_of(uint64_t ms)
{
    puppet_do("puppet", "a", "timer month %llu;timer never %llu",
              (unsigned long long)ms, (unsigned long long)UINT64_MAX);
    story_crash();
    story_wait_ms(ms - 1000000);
    CHECK_STR(puppet_log("puppet", "a"), "");
    story_wait_ms(2000000);
    CHECK_STR(puppet_log("puppet", "a"), "timer(month)");
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 1);
}

static void
tell_timer_of_hours(struct story *story)
{
    (void)story;
    tell_timer_of(5ULL * 3600 * 1000);
}

static void
tell_timer_of_a_month(struct story *story)
{
    (void)story;
    tell_timer_of(31ULL * 24 * 3600 * 1000);
}

// Each partition looks ahead once a minute: a month of that in every variant is
// the same many times over.
TEST(actor, a_timer_may_be_a_month_away_and_outlives_a_crash)
{
    story_run_calm(troupe, tell_timer_of_hours);
    story_run_once(troupe, tell_timer_of_a_month);
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
