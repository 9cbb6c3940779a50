// SPDX-License-Identifier: Apache-2.0
//
// What a parent may say of its children: how they are given up, and what
// becomes of them when it ends. How they start is in test_child_start.c.

#include <stdio.h>
#include <string.h>

#include "story/family.h"
#include "story/puppet.h"

static weft_err
host_run(weft_workflow *wf, weft_bytes input)
{
    struct family_plan plan = family_plan_of(input);
    weft_target child = {"child", plan.id};
    weft_bytes result = weft_nothing();
    weft_future future;

    MUST(weft_workflow_child_async(wf, child, weft_text(plan.input),
                                   &plan.options, &future),
         WEFT_OK);
    if (strcmp(plan.what, "return") == 0) {
        return weft_workflow_return(wf, weft_text("gone"));
    }
    if (strcmp(plan.what, "restart") == 0) {
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        return weft_workflow_restart(wf, weft_text("2 0 next quick return"));
    }
    if (strcmp(plan.what, "give_up") == 0) {
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        MUST(weft_workflow_cancel(wf, future), WEFT_OK);
        MUST(weft_workflow_cancel(wf, future), WEFT_OK);
    }
    if (strcmp(plan.what, "give_up_at_once") == 0) {
        MUST(weft_workflow_cancel(wf, future), WEFT_OK);
    }
    if (strcmp(plan.what, "leave") == 0) {
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        MUST(weft_workflow_cancel(wf, future), WEFT_OK);
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        return weft_workflow_return(wf, weft_text("left"));
    }
    return family_end(wf, weft_workflow_await(wf, future, &result), result);
}

static weft_definitions *
family(void)
{
    weft_definitions *defs = family_definitions("host", host_run);

    story_add_actor(defs, "puppet", sizeof(struct puppet), puppet_receive);
    return defs;
}

static void
start_host(const char *id, weft_parent_close close, weft_cancellation how,
           const char *child, const char *input, const char *what)
{
    char text[200];

    (void)snprintf(text, sizeof(text), "%d %d %s %s %s", (int)close, (int)how,
                   child, input, what);
    story_start("host", id, text);
}

static weft_status
status_of(const char *id)
{
    return story_describe("child", id)->item.status;
}

// Parent close policies. ------------------------------------------------------

static void
tell_close(const char *parent, const char *child, const char *what)
{
    start_host(parent, WEFT_PARENT_CLOSE_CANCEL, 0, child, "wait", what);
    CHECK_RESULT("host", parent, "gone");
    story_wait_ms(1000);
    CHECK_FAILS("child", child, WEFT_ECANCELLED, "cancelled");
    start_host(parent, WEFT_PARENT_CLOSE_TERMINATE, 0, child, "slow", what);
    CHECK_RESULT("host", parent, "gone");
    story_wait_ms(1000);
    CHECK_FAILS("child", child, WEFT_ETERMINATED, "terminated");
    start_host(parent, WEFT_PARENT_CLOSE_ABANDON, 0, child, "wait", what);
    CHECK_RESULT("host", parent, "gone");
    story_wait_ms(1000);
    CHECK_EQ(status_of(child), WEFT_STATUS_RUNNING);
}

static void
tell_closes(struct story *story)
{
    (void)story;
    tell_close("p", "p/child", "return");
    tell_close("q", story_id_elsewhere("q"), "return");
}

TEST(child, when_its_parent_ends_it_goes_as_the_parent_said)
{
    story_run(family, tell_closes);
}

static void
tell_terminated(struct story *story)
{
    (void)story;
    start_host("p", WEFT_PARENT_CLOSE_TERMINATE, 0, "p/child", "wait", "wait");
    start_host("r", WEFT_PARENT_CLOSE_ABANDON, 0, "r/child", "wait", "wait");
    story_wait_ms(1000);
    story_do(WEFT_VERB_TERMINATE, "host", "p", "enough", NULL);
    story_do(WEFT_VERB_TERMINATE, "host", "r", "enough", NULL);
    CHECK_FAILS("child", "p/child", WEFT_ETERMINATED, "terminated");
    CHECK_STR(story_result("child", "p/child")->message, "its parent ended");
    CHECK_EQ(status_of("r/child"), WEFT_STATUS_RUNNING);
}

TEST(child, when_its_parent_is_terminated_the_policy_holds_too)
{
    story_run(family, tell_terminated);
}

static void
tell_restarted(struct story *story)
{
    (void)story;
    start_host("p", WEFT_PARENT_CLOSE_TERMINATE, 0, "p/1", "wait", "restart");
    start_host("r", WEFT_PARENT_CLOSE_ABANDON, 0, "r/1", "wait", "restart");
    story_wait_ms(1000);
    CHECK_FAILS("child", "p/1", WEFT_ETERMINATED, "terminated");
    story_wait_ms(1000);
    CHECK_EQ(status_of("r/1"), WEFT_STATUS_RUNNING);
}

TEST(child, when_its_parent_begins_again_the_policy_holds_too)
{
    story_run(family, tell_restarted);
}

// Neither runs a turn: the parent's word does not wait for one.
static void
tell_held_up(struct story *story)
{
    (void)story;
    start_host("p", WEFT_PARENT_CLOSE_TERMINATE, 0, "p/child", "parked",
               "wait");
    start_host("q", WEFT_PARENT_CLOSE_TERMINATE, 0, "q/child", "wait", "wait");
    story_wait_ms(1000);
    CHECK(story_describe("child", "p/child")->item.is_parked);
    story_do(WEFT_VERB_PAUSE, "child", "q/child", "", NULL);
    story_do(WEFT_VERB_TERMINATE, "host", "p", "enough", NULL);
    story_do(WEFT_VERB_TERMINATE, "host", "q", "enough", NULL);
    CHECK_FAILS("child", "p/child", WEFT_ETERMINATED, "terminated");
    CHECK_FAILS("child", "q/child", WEFT_ETERMINATED, "terminated");
}

TEST(child, one_that_is_parked_or_paused_is_terminated_with_its_parent)
{
    story_run(family, tell_held_up);
}

// Its parent may be paused meanwhile, or be there again.
static void
tell_owed(struct story *story)
{
    (void)story;
    start_host("p", WEFT_PARENT_CLOSE_TERMINATE, 0, "p/child", "wait", "wait");
    story_wait_ms(1000);
    story_do(WEFT_VERB_TERMINATE, "host", "p", "enough", NULL);
    start_host("p", WEFT_PARENT_CLOSE_TERMINATE, 0, "p/two", "quick", "wait");
    CHECK_RESULT("host", "p", "WEFT_OK quick");
    CHECK_FAILS("child", "p/child", WEFT_ETERMINATED, "terminated");
}

TEST(child, what_an_ended_parent_owes_is_not_forgotten_in_its_next_life)
{
    story_run(family, tell_owed);
}

// Cancellation types. ---------------------------------------------------------

static void
check_given_up(const char *parent, weft_cancellation how, const char *child,
               const char *ended, const char *by_itself, uint64_t took_ms)
{
    uint64_t began;
    uint64_t took;

    start_host(parent, 0, how, child, "slow", "wait");
    story_wait_ms(1000);
    story_note("cancelled");
    began = story_now_ms();
    story_do(WEFT_VERB_CANCEL, "host", parent, "", NULL);
    CHECK_RESULT("host", parent, ended);
    story_note("ended");
    took = story_now_ms() - began;
    if (story_now()->is_calm) {
        CHECK(took >= took_ms && took < took_ms + 500);
    }
    CHECK_RESULT("child", child, by_itself);
}

static void
tell_types(struct story *story)
{
    const char *far = story_id_elsewhere("q");

    (void)story;
    check_given_up("p", WEFT_CANCELLATION_TRY, "p/child", "WEFT_ECANCELLED ",
                   "late", 0);
    check_given_up("q", WEFT_CANCELLATION_TRY, far, "WEFT_ECANCELLED ", "late",
                   0);
    check_given_up("p", WEFT_CANCELLATION_WAIT, "p/child", "WEFT_OK late",
                   "late", 1000);
    check_given_up("q", WEFT_CANCELLATION_WAIT, far, "WEFT_OK late", "late",
                   1000);
    check_given_up("p", WEFT_CANCELLATION_WAIT_REQUESTED, "p/child",
                   "WEFT_ECANCELLED ", "late", 0);
    check_given_up("q", WEFT_CANCELLATION_WAIT_REQUESTED, far,
                   "WEFT_ECANCELLED ", "late", 0);
}

TEST(child, is_given_up_in_the_way_that_was_said)
{
    story_run(family, tell_types);
}

static void
tell_waits(struct story *story)
{
    (void)story;
    start_host("p", 0, WEFT_CANCELLATION_WAIT, "p/child", "wait", "give_up");
    CHECK_RESULT("host", "p", "WEFT_ECANCELLED ");
    CHECK_FAILS("child", "p/child", WEFT_ECANCELLED, "cancelled");
    start_host("p", 0, WEFT_CANCELLATION_WAIT, "p/child", "wait",
               "give_up_at_once");
    CHECK_RESULT("host", "p", "WEFT_ECANCELLED ");
    // One that takes no notice is waited for.
    start_host("p", 0, WEFT_CANCELLATION_WAIT_REQUESTED, "p/child", "wait",
               "wait");
    story_wait_ms(1000);
    story_do(WEFT_VERB_PAUSE, "child", "p/child", "", NULL);
    story_do(WEFT_VERB_CANCEL, "host", "p", "", NULL);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("host", "p")->item.status, WEFT_STATUS_RUNNING);
    story_do(WEFT_VERB_RESUME, "child", "p/child", "", NULL);
    CHECK_RESULT("host", "p", "WEFT_ECANCELLED ");
    CHECK_FAILS("child", "p/child", WEFT_ECANCELLED, "cancelled");
}

TEST(child, one_that_is_waited_for_tells_how_it_ended)
{
    story_run(family, tell_waits);
}

static void
tell_abandoned(struct story *story)
{
    (void)story;
    start_host("p", WEFT_PARENT_CLOSE_ABANDON, WEFT_CANCELLATION_ABANDON,
               "p/child", "wait", "leave");
    story_wait_ms(1500);
    CHECK_EQ(story_describe("host", "p")->item.children_count, 1);
    CHECK_RESULT("host", "p", "left");
    story_wait_ms(1000);
    CHECK_EQ(status_of("p/child"), WEFT_STATUS_RUNNING);
    CHECK(!story_describe("child", "p/child")->item.is_cancel_requested);
    // The parent's end is something else.
    start_host("q", WEFT_PARENT_CLOSE_TERMINATE, WEFT_CANCELLATION_ABANDON,
               "q/child", "wait", "leave");
    story_wait_ms(1500);
    CHECK_EQ(status_of("q/child"), WEFT_STATUS_RUNNING);
    CHECK_RESULT("host", "q", "left");
    CHECK_FAILS("child", "q/child", WEFT_ETERMINATED, "terminated");
}

TEST(child, one_that_is_abandoned_goes_on_and_still_has_a_parent)
{
    story_run(family, tell_abandoned);
}

// Its result comes and is dropped.
static void
tell_dropped(struct story *story)
{
    (void)story;
    start_host("p", 0, WEFT_CANCELLATION_TRY, "p/child", "wait", "leave");
    story_wait_ms(1500);
    CHECK_EQ(story_describe("host", "p")->item.children_count, 0);
    CHECK_RESULT("host", "p", "left");
}

TEST(child, a_result_that_nobody_waits_for_is_dropped)
{
    story_run(family, tell_dropped);
}

// Plain actors. ---------------------------------------------------------------

static weft_err
master_receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    uint32_t *call = state;
    char text[100];
    int how = 0;

    if (message->type == WEFT_MESSAGE_SIGNAL &&
        strcmp(message->name, "spawn") == 0) {
        (void)sscanf(story_text(message->data, text, sizeof(text)), "%d", &how);
        options.cancellation = (weft_cancellation)how;
        options.parent_close = WEFT_PARENT_CLOSE_TERMINATE;
        options.tell_started = 1;
        return weft_actor_spawn(actor, (weft_target){"child", "m/child"},
                                weft_text("slow"), &options, call);
    }
    if (message->type == WEFT_MESSAGE_SIGNAL &&
        strcmp(message->name, "give_up") == 0) {
        (void)snprintf(text, sizeof(text), "%s",
                       weft_err_name(weft_actor_call_cancel(actor, *call)));
        return weft_actor_publish(actor, "given_up", weft_text(text));
    }
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        return weft_actor_stop(actor, weft_text("over"));
    }
    if (message->type == WEFT_MESSAGE_STARTED) {
        CHECK_EQ(message->call, *call);
        CHECK_STR(message->sender_id, "m/child");
        return weft_actor_publish(actor, "started", message->data);
    }
    if (message->type == WEFT_MESSAGE_CHILD) {
        return weft_actor_publish(actor, "child",
                                  message->failure.name[0] != '\0'
                                      ? weft_text(message->failure.name)
                                      : message->data);
    }
    return WEFT_OK;
}

static weft_definitions *
masters(void)
{
    weft_definitions *defs = family_definitions(NULL, NULL);

    story_add_actor(defs, "master", sizeof(uint32_t), master_receive);
    return defs;
}

static void
tell_master(struct story *story)
{
    (void)story;
    story_signal("master", "m", "spawn", "1");
    story_wait_ms(1000);
    CHECK_STR(story_query("master", "m", "started"), "m/child");
    story_signal("master", "m", "give_up", "");
    story_wait_ms(2000);
    CHECK_STR(story_query("master", "m", "given_up"), "WEFT_OK");
    CHECK_STR(story_query("master", "m", "child"), "late");
    story_signal("master", "m", "give_up", "");
    story_wait_ms(100);
    CHECK_STR(story_query("master", "m", "given_up"), "WEFT_ENOTFOUND");
    story_signal("master", "m", "spawn", "3");
    story_wait_ms(1000);
    story_signal("master", "m", "give_up", "");
    story_wait_ms(100);
    CHECK_STR(story_query("master", "m", "child"), "cancelled");
    story_wait_ms(2000);
    CHECK_RESULT("child", "m/child", "late");
    CHECK_STR(story_query("master", "m", "child"), "cancelled"); // told once
    story_signal("master", "m", "spawn", "0");
    story_wait_ms(1000);
    story_signal("master", "m", "stop", "");
    CHECK_RESULT("master", "m", "over");
    CHECK_FAILS("child", "m/child", WEFT_ETERMINATED, "terminated");
}

TEST(child, a_plain_actor_says_the_same_of_its_children)
{
    story_run(masters, tell_master);
}

// More than are told in one record. -------------------------------------------

#define CROWD 600

static weft_err
crowd_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;

    options.parent_close = story_is(input, "cancel")
                               ? WEFT_PARENT_CLOSE_CANCEL
                               : WEFT_PARENT_CLOSE_TERMINATE;
    for (int i = 0; i < CROWD; i++) {
        weft_future future;
        char id[20];

        (void)snprintf(id, sizeof(id), "c/%d", i);
        MUST(weft_workflow_child_async(wf, (weft_target){"child", id},
                                       weft_text("wait"), &options, &future),
             WEFT_OK);
    }
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static weft_definitions *
crowds(void)
{
    return family_definitions("crowd", crowd_run);
}

static void
check_crowd(weft_status status)
{
    for (int i = 0; i < CROWD; i += 37) {
        char id[20];

        (void)snprintf(id, sizeof(id), "c/%d", i);
        CHECK_EQ(status_of(id), status);
    }
}

static void
tell_crowd(struct story *story)
{
    (void)story;
    story_start("crowd", "c", "terminate");
    story_wait_ms(1000);
    story_do(WEFT_VERB_TERMINATE, "crowd", "c", "enough", NULL);
    story_wait_ms(1000);
    check_crowd(WEFT_STATUS_TERMINATED);
    story_start("crowd", "c", "cancel");
    story_wait_ms(1000);
    check_crowd(WEFT_STATUS_RUNNING);
    story_do(WEFT_VERB_CANCEL, "crowd", "c", "", NULL);
    story_wait_ms(1000);
    check_crowd(WEFT_STATUS_CANCELLED);
    CHECK_FAILS("crowd", "c", WEFT_ECANCELLED, "cancelled");
}

TEST(child, hundreds_are_told_over_several_records)
{
    story_run_calm(crowds, tell_crowd);
}
