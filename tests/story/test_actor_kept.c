// SPDX-License-Identifier: Apache-2.0
//
// What plain actors keep: values by key, questions that they answer later, and
// themselves, after somebody ended them.

#include <stdio.h>

#include "story/puppet.h"

// Values by key. --------------------------------------------------------------

static void
tell_values(struct story *story)
{
    (void)story;
    puppet_do("puppet", "p", "read a;publish a 1;read a;publish b 2");
    puppet_do("puppet", "p", "read a;read b;unpublish a;read a;unpublish c");
    puppet_do("puppet", "p", "read a;publish b 3;read b");
    puppet_do("puppet", "p", "unpublish b;publish b 4;read b;fail");
    puppet_is_mended = true;
    story_wait_ms(10000);
    CHECK_STR(puppet_log("puppet", "p"), "a= a=1 a=1 b=2 a= a= b=3 b=4");
    CHECK_STR(story_query("puppet", "p", "b"), "4");
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "puppet", "p", "a", NULL)->err,
              WEFT_ENOTFOUND);
}

TEST(actor, it_reads_and_removes_what_it_has_published)
{
    story_run(puppet_definitions, tell_values);
}

// So many that most have rows of their own; then some in the middle go.
static void
tell_many_values(struct story *story)
{
    char name[16];

    (void)story;
    for (unsigned i = 0; i < 30; i++) {
        puppet_do("puppet", "p",
                  "publish a%u x%u;publish b%u y;publish c%u z;publish d%u w",
                  i, i, i, i, i);
    }
    for (unsigned i = 0; i < 30; i++) {
        puppet_do("puppet", "p", "unpublish b%u;unpublish d%u", i, i);
    }
    story_crash();
    puppet_do("puppet", "p", "publish late 1;unpublish c7;read a29;read b29");
    story_crash();
    CHECK_STR(puppet_log("puppet", "p"), "a29=x29 b29=");
    for (unsigned i = 0; i < 30; i++) {
        char value[16];

        (void)snprintf(name, sizeof(name), "a%u", i);
        (void)snprintf(value, sizeof(value), "x%u", i);
        CHECK_STR(story_query("puppet", "p", name), value);
        (void)snprintf(name, sizeof(name), "c%u", i);
        CHECK_ERR(story_ask(WEFT_VERB_QUERY, "puppet", "p", name, NULL)->err,
                  i == 7 ? WEFT_ENOTFOUND : WEFT_OK);
        (void)snprintf(name, sizeof(name), "d%u", i);
        CHECK_ERR(story_ask(WEFT_VERB_QUERY, "puppet", "p", name, NULL)->err,
                  WEFT_ENOTFOUND);
    }
}

TEST(actor, many_values_come_and_go)
{
    story_run_calm(puppet_definitions, tell_many_values);
}

// Answers in a later turn. ----------------------------------------------------

static struct world_call *
ask(const char *id, const char *commands)
{
    return world_call(story_now()->world, WEFT_VERB_ASK, "puppet", id, "do",
                      weft_text(commands));
}

static void
tell_later(struct story *story)
{
    struct world_call *first = ask("p", "later");
    struct world_call *second = ask("p", "later");

    story_wait_ms(1000);
    CHECK(!first->is_answered && !second->is_answered);
    puppet_do("puppet", "p", "answer 2 two;answer 2 again;answer 7 none");
    CHECK_OK(world_wait(story->world, second)->err);
    CHECK_STR(second->data, "two");
    CHECK(!first->is_answered);
    puppet_do("puppet", "p", "answer 1 one;later");
    CHECK_OK(world_wait(story->world, first)->err);
    CHECK_STR(first->data, "one");
    puppet_do("puppet", "p", "answer 1 late");
    CHECK_STR(puppet_log("puppet", "p"),
              "later(1) later(2) answer!WEFT_ENOTFOUND answer!WEFT_ENOTFOUND "
              "later!WEFT_ENOTFOUND answer!WEFT_ENOTFOUND");
}

TEST(actor, a_question_is_answered_in_a_later_turn)
{
    story_run(puppet_definitions, tell_later);
}

static void
tell_other_actor(struct story *story)
{
    const char *other = story_id_elsewhere("p");

    (void)story;
    puppet_do("puppet", other, "ask puppet p do later");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", "p"), "later(1)");
    puppet_do("puppet", "p", "answer 1 one");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", other), "reply(1,one)");
}

TEST(actor, an_actor_too_may_be_answered_later)
{
    story_run(puppet_definitions, tell_other_actor);
}

static void
tell_end(struct story *story)
{
    struct world_call *waiting = ask("p", "later");

    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_TERMINATE, "puppet", "p", "enough", NULL);
    CHECK_ERR(world_wait(story->world, waiting)->err, WEFT_EFINISHED);
}

// It begins anew, and has nothing of what it was asked before.
static void
tell_again(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *waiting;

    options.retry.initial_interval_ms = 1000;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"started", "p"};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    waiting = world_call(story->world, WEFT_VERB_ASK, "started", "p", "do",
                         weft_text("later"));
    story_wait_ms(1000);
    puppet_do("started", "p", "stop_failed Bad luck -");
    CHECK_ERR(world_wait(story->world, waiting)->err, WEFT_EFINISHED);
    story_wait_ms(5000);
    CHECK_EQ(story_describe("started", "p")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("started", "p")->item.attempt, 2);
}

TEST(actor, open_questions_are_answered_when_it_begins_anew)
{
    story_run(puppet_definitions, tell_again);
}

TEST(actor, open_questions_are_answered_when_it_ends)
{
    story_run(puppet_definitions, tell_end);
}

// What else the turn does in which it ends.
static void
tell_end_with_it(struct story *story)
{
    const char *other = story_id_elsewhere("p");
    struct world_call *answered;
    struct world_call *open;

    puppet_do("puppet", other, "ask puppet p do later");
    story_wait_ms(1000);
    answered = ask("p", "later");
    story_wait_ms(1000);
    open = ask("p", "later");
    story_wait_ms(1000);
    puppet_do("puppet", "p", "answer 1 one;answer 2 two;stop done");
    CHECK_OK(world_wait(story->world, answered)->err);
    CHECK_STR(answered->data, "two");
    CHECK_ERR(world_wait(story->world, open)->err, WEFT_EFINISHED);
    story_wait_ms(2000);
    CHECK_STR(puppet_log("puppet", other), "reply(1,one)");
}

TEST(actor, what_its_last_turn_has_answered_is_answered_so)
{
    story_run(puppet_definitions, tell_end_with_it);
}

// The same, the other way round: it is there until its turn is over.
static void
tell_end_before(struct story *story)
{
    struct world_call *waiting = ask("p", "later");

    story_wait_ms(1000);
    puppet_do("puppet", "p", "stop done;answer 1 one");
    CHECK_OK(world_wait(story->world, waiting)->err);
    CHECK_STR(waiting->data, "one");
}

TEST(actor, what_is_answered_after_it_stopped_is_answered_so)
{
    story_run(puppet_definitions, tell_end_before);
}

static void
tell_end_of_question(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    CHECK_ERR(world_wait(story->world, ask("p", "later;stop done"))->err,
              WEFT_EFINISHED);
    options.retry.initial_interval_ms = 1000;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"started", "q"};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    CHECK_ERR(story_ask(WEFT_VERB_ASK, "started", "q", "do",
                        "stop_failed Bad luck -;later")
                  ->err,
              WEFT_EFINISHED);
}

TEST(actor, a_question_of_its_last_turn_is_answered)
{
    story_run(puppet_definitions, tell_end_of_question);
}

// Never away. -----------------------------------------------------------------

static void
tell_always(struct story *story)
{
    const char *other = story_id_elsewhere("a");

    puppet_do("always", "a", "publish v 1;note one");
    (void)story_do(WEFT_VERB_TERMINATE, "always", "a", "enough", NULL);
    CHECK_EQ(story_describe("always", "a")->item.status,
             WEFT_STATUS_TERMINATED);
    story_signal("always", "a", "hello", "again");
    CHECK_STR(puppet_log("always", "a"), "signal(hello,again)");
    CHECK_EQ(story_describe("always", "a")->item.run, 2);
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "always", "a", "v", NULL)->err,
              WEFT_ENOTFOUND);
    (void)story_do(WEFT_VERB_TERMINATE, "always", "a", "enough", NULL);
    puppet_do("puppet", other, "send always a hello you");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("always", "a"), "signal(hello,you)");
    CHECK_EQ(story_dead_letters(), 0);
    (void)story;
}

TEST(actor, one_that_is_always_there_begins_anew_when_it_was_ended)
{
    story_run(puppet_definitions, tell_always);
}
