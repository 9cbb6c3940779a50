// SPDX-License-Identifier: Apache-2.0
//
// Workflows that are asked to stop, made to stop, held up, and those that give
// up waiting themselves.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

static weft_err
slow(weft_activity *activity, weft_bytes input)
{
    (void)input;
    for (int i = 0; i < 100; i++) {
        weft_err err;

        story_wait_ms(100);
        err = weft_activity_heartbeat(activity, weft_nothing());
        if (err != WEFT_OK) {
            story_note("slow %s", weft_err_name(err));
            return err;
        }
    }
    return weft_activity_return(activity, weft_text("slow"));
}

static weft_definitions *
define_flow(weft_workflow_fn *run)
{
    weft_definitions *defs = flow_with(run);

    story_add_activity(defs, "slow", slow);
    story_add_activity(defs, "quick", flow_act);
    return defs;
}

static void
cancel(const char *id)
{
    story_do(WEFT_VERB_CANCEL, "flow", id, "", NULL);
}

// Each way of waiting. --------------------------------------------------------

static weft_err
wait_somehow(weft_workflow *wf, const char *how)
{
    weft_future futures[2];
    size_t index = 99;

    if (strcmp(how, "sleep") == 0) {
        return weft_workflow_sleep(wf, 3600000);
    }
    if (strcmp(how, "receive") == 0) {
        return weft_workflow_receive(wf, "x", WEFT_FOREVER, NULL);
    }
    if (strcmp(how, "receive a while") == 0) {
        return weft_workflow_receive(wf, "x", 3600000, NULL);
    }
    if (strcmp(how, "child") == 0) {
        return weft_workflow_child(wf, (weft_target){"puppet", "wc/child"},
                                   weft_nothing(), NULL, NULL);
    }
    MUST(weft_workflow_timer(wf, 3600000, &futures[0]), WEFT_OK);
    MUST(weft_workflow_receive_async(wf, "x", &futures[1]), WEFT_OK);
    if (strcmp(how, "await") == 0) {
        return weft_workflow_await(wf, futures[1], NULL);
    }
    if (strcmp(how, "any") == 0) {
        return weft_workflow_await_any(wf, futures, 2, 3000000, &index);
    }
    return weft_workflow_await_settled(wf, futures, 2);
}

static weft_err
waiter_run(weft_workflow *wf, weft_bytes input)
{
    char how[32];
    weft_err err = wait_somehow(wf, story_text(input, how, sizeof(how)));

    if (err == WEFT_EUNWIND) {
        return err;
    }
    // Everything that waits says so from now on.
    MUST(weft_workflow_sleep(wf, 1), WEFT_ECANCELLED);
    MUST(weft_workflow_call(wf, "quick", weft_nothing(), NULL, NULL),
         WEFT_ECANCELLED);
    MUST(weft_workflow_receive(wf, "y", 0, NULL), WEFT_ECANCELLED);
    CHECK_EQ(weft_workflow_is_cancelled(wf), 1);
    CHECK_OK(weft_workflow_publish(wf, "cleaned", weft_text("up")));
    return err;
}

static weft_definitions *
waiters(void)
{
    return define_flow(waiter_run);
}

static const char *const ways[] = {
    "sleep", "receive", "receive a while", "child", "await", "any", "all"};

static void
tell_waits(struct story *story)
{
    (void)story;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const struct world_call *call;

        story_start("flow", "w", ways[i]);
        story_wait_ms(1000);
        cancel("w");
        call = story_result("flow", "w");
        CHECK_ERR(call->err, WEFT_ECANCELLED);
        CHECK_STR(call->failure, "cancelled");
        CHECK_STR(call->message, "cancellation was requested");
        CHECK_STR(story_query("flow", "w", "cleaned"), "up");
        call = story_describe("flow", "w");
        CHECK_EQ(call->item.status, WEFT_STATUS_CANCELLED);
        CHECK_EQ(call->item.is_cancel_requested, 1);
        CHECK_EQ(call->item.timers_count, 0);
        CHECK_EQ(call->item.children_count, 0);
    }
}

TEST(workflow, cancellation_ends_every_kind_of_wait)
{
    story_run(waiters, tell_waits);
}

static void
tell_early(struct story *story)
{
    struct world_call *start = world_call(story->world, WEFT_VERB_START, "flow",
                                          "w", "", weft_text("sleep"));
    struct world_call *stop = world_call(story->world, WEFT_VERB_CANCEL, "flow",
                                         "w", "", weft_nothing());

    CHECK_OK(world_wait(story->world, start)->err);
    CHECK_OK(world_wait(story->world, stop)->err);
    CHECK_FAILS("flow", "w", WEFT_ECANCELLED, "cancelled");
}

TEST(workflow, cancellation_may_come_before_its_first_turn)
{
    // A crash may put the cancel before the start, which it then does not find.
    story_run_calm(waiters, tell_early);
}

static void
tell_twice(struct story *story)
{
    (void)story;
    CHECK_ERR(story_ask(WEFT_VERB_CANCEL, "flow", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
    story_start("flow", "w", "sleep");
    cancel("w");
    CHECK_FAILS("flow", "w", WEFT_ECANCELLED, "cancelled");
    CHECK_ERR(story_ask(WEFT_VERB_CANCEL, "flow", "w", "", NULL)->err,
              WEFT_EFINISHED);
}

TEST(workflow, a_finished_one_cannot_be_cancelled)
{
    story_run(waiters, tell_twice);
}

// Shields. --------------------------------------------------------------------

static weft_err
shielded_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;

    (void)input;
    weft_workflow_shield_begin(wf);
    weft_workflow_shield_begin(wf);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    weft_workflow_shield_end(wf);
    CHECK_EQ(weft_workflow_is_cancelled(wf), 1);
    // Still in the outer one: what begins here goes on as well.
    MUST(weft_workflow_call(wf, "quick", weft_text("cleanup"), NULL, &data),
         WEFT_OK);
    MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
    weft_workflow_shield_end(wf);
    CHECK_OK(weft_workflow_publish(wf, "done", data));
    MUST(weft_workflow_sleep(wf, 100), WEFT_ECANCELLED);
    return WEFT_ECANCELLED;
}

static weft_definitions *
shielded(void)
{
    return define_flow(shielded_run);
}

static void
tell_shield(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    cancel("w");
    cancel("w");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("flow", "w")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("flow", "w")->item.is_cancel_requested, 1);
    story_signal("flow", "w", "go", "");
    CHECK_FAILS("flow", "w", WEFT_ECANCELLED, "cancelled");
    CHECK_STR(story_query("flow", "w", "done"), "cleanup");
}

TEST(workflow, a_shield_holds_cancellation_back_until_its_end)
{
    story_run(shielded, tell_shield);
}

// What it makes of it. --------------------------------------------------------

static weft_err
choosy_run(weft_workflow *wf, weft_bytes input)
{
    if (story_is(input, "alone")) {
        return WEFT_ECANCELLED;
    }
    if (story_is(input, "second life")) {
        return weft_workflow_receive(wf, "x", WEFT_FOREVER, NULL);
    }
    MUST(weft_workflow_sleep(wf, WEFT_FOREVER), WEFT_ECANCELLED);
    if (story_is(input, "complete")) {
        return weft_workflow_return(wf, weft_text("all the same"));
    }
    if (story_is(input, "restart")) {
        return weft_workflow_restart(wf, weft_text("second life"));
    }
    return weft_workflow_fail(wf, "Sorry", "", weft_nothing());
}

static weft_definitions *
choosy(void)
{
    return define_flow(choosy_run);
}

static void
tell_choices(struct story *story)
{
    (void)story;
    story_start("flow", "a", "complete");
    cancel("a");
    CHECK_RESULT("flow", "a", "all the same");
    story_start("flow", "b", "fail");
    cancel("b");
    CHECK_FAILS("flow", "b", WEFT_EFAILED, "Sorry");
    story_start("flow", "c", "alone");
    CHECK_FAILS("flow", "c", WEFT_ECANCELLED, "cancelled");
}

TEST(workflow, may_complete_or_fail_when_it_is_cancelled)
{
    story_run(choosy, tell_choices);
}

static void
tell_restarted(struct story *story)
{
    (void)story;
    story_start("flow", "a", "restart");
    story_signal("flow", "a", "x",
                 "left over"); // waits behind what it is asked
    cancel("a");
    CHECK_FAILS("flow", "a", WEFT_ECANCELLED, "cancelled");
    CHECK_EQ(story_describe("flow", "a")->item.run, 2);
}

TEST(workflow, one_that_restarts_instead_of_stopping_is_asked_again)
{
    story_run(choosy, tell_restarted);
}

// Abandoned futures. ----------------------------------------------------------

static weft_err
abandoner_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[4];
    weft_bytes data = weft_nothing();

    (void)input;
    MUST(weft_workflow_timer(wf, 50000, &futures[0]), WEFT_OK);
    MUST(weft_workflow_receive_async(wf, "x", &futures[1]), WEFT_OK);
    MUST(
        weft_workflow_call_async(wf, "slow", weft_nothing(), NULL, &futures[2]),
        WEFT_OK);
    MUST(weft_workflow_child_async(wf, (weft_target){"puppet", "child"},
                                   weft_nothing(), NULL, &futures[3]),
         WEFT_OK);
    MUST(weft_workflow_sleep(wf, 1050), WEFT_OK);
    for (int i = 0; i < 4; i++) {
        MUST(weft_workflow_cancel(wf, futures[i]), WEFT_OK);
        MUST(weft_workflow_cancel(wf, futures[i]), WEFT_OK);
        CHECK_EQ(weft_workflow_is_known(wf, futures[i]), 1);
        MUST(weft_workflow_await(wf, futures[i], &data), WEFT_ECANCELLED);
    }
    MUST(weft_workflow_receive(wf, "x", WEFT_FOREVER, &data), WEFT_OK);
    // One that was known keeps its result.
    MUST(weft_workflow_timer(wf, 1, &futures[0]), WEFT_OK);
    MUST(weft_workflow_await_settled(wf, futures, 1), WEFT_OK);
    MUST(weft_workflow_cancel(wf, futures[0]), WEFT_OK);
    MUST(weft_workflow_await(wf, futures[0], NULL), WEFT_OK);
    MUST(weft_workflow_cancel(wf, 1000), WEFT_EINVAL);
    return weft_workflow_return(wf, data);
}

static weft_definitions *
abandoners(void)
{
    return define_flow(abandoner_run);
}

static void
tell_abandon(struct story *story)
{
    const struct world_call *call;

    story_start("flow", "w", "");
    story_wait_ms(3000);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.timers_count, 0);
    CHECK_EQ(call->item.activities_count, 0);
    CHECK_EQ(call->item.children_count, 1); // it takes no notice
    CHECK_STR(puppet_log("puppet", "child"), "start() cancel()");
    story_signal("flow", "w", "x", "kept");
    CHECK_RESULT("flow", "w", "kept");
    if (story->is_calm) {
        CHECK_EQ(story_count("slow WEFT_ECANCELLED"), 1);
    }
}

TEST(workflow, an_abandoned_future_is_cancelled_at_its_source)
{
    story_run(abandoners, tell_abandon);
}

// Terminated, paused. ---------------------------------------------------------

static weft_err
resident_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data = input;

    do {
        if (!weft_workflow_is_replaying(wf)) {
            story_note("at %.*s", (int)data.len, (const char *)data.data);
        }
        MUST(weft_workflow_publish(wf, "at", data), WEFT_OK);
        MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, &data), WEFT_OK);
    } while (!story_is(data, "end"));
    return weft_workflow_return(wf, data);
}

static weft_definitions *
residents(void)
{
    return define_flow(resident_run);
}

static void
tell_terminate(struct story *story)
{
    const struct world_call *call;

    CHECK_ERR(story_ask(WEFT_VERB_TERMINATE, "flow", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
    story_start("flow", "w", "home");
    story_signal("flow", "w", "go", "away");
    CHECK_STR(story_query("flow", "w", "at"), "away");
    story_do(WEFT_VERB_TERMINATE, "flow", "w", "enough", NULL);
    call = story_result("flow", "w");
    CHECK_ERR(call->err, WEFT_ETERMINATED);
    CHECK_STR(call->failure, "terminated");
    CHECK_STR(call->message, "enough");
    CHECK_EQ(story_describe("flow", "w")->item.status, WEFT_STATUS_TERMINATED);
    CHECK_STR(story_query("flow", "w", "at"), "away");
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "flow", "w", "go", NULL)->err,
              WEFT_EFINISHED);
    (void)story;
}

TEST(workflow, terminate_ends_it_at_once)
{
    story_run(residents, tell_terminate);
}

static void
tell_pause(struct story *story)
{
    (void)story;
    story_start("flow", "w", "home");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "go", "away");
    story_signal("flow", "w", "go", "back");
    story_crash();
    story_wait_ms(5000);
    CHECK_EQ(story_describe("flow", "w")->item.is_paused, 1);
    CHECK_EQ(story_describe("flow", "w")->item.mailbox_count, 2);
    CHECK_STR(story_query("flow", "w", "at"), "home");
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_STR(story_query("flow", "w", "at"), "back");
    CHECK_EQ(story_describe("flow", "w")->item.is_paused, 0);
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_do(WEFT_VERB_TERMINATE, "flow", "w", "", NULL);
    CHECK_FAILS("flow", "w", WEFT_ETERMINATED, "terminated");
}

TEST(workflow, a_paused_one_keeps_its_signals_until_it_is_resumed)
{
    story_run(residents, tell_pause);
}

static weft_err
pausable_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;

    (void)input;
    MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
    MUST(weft_workflow_call(wf, "quick", weft_text("after"), NULL, &data),
         WEFT_OK);
    return weft_workflow_return(wf, data);
}

static weft_definitions *
pausables(void)
{
    return define_flow(pausable_run);
}

static void
tell_paused_timer(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_wait_ms(100000);
    CHECK_EQ(story_describe("flow", "w")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("flow", "w")->item.activities_count, 0);
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "after");
}

TEST(workflow, a_timer_that_came_due_while_paused_counts_at_resume)
{
    story_run(pausables, tell_paused_timer);
}
