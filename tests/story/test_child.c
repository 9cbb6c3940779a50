// SPDX-License-Identifier: Apache-2.0
//
// What a parent may say of its children: how they start, how they are given
// up, and what becomes of them when it ends.

#include <stdio.h>
#include <string.h>

#include "story/puppet.h"

// The child: does what its input says.
static weft_err
child_run(weft_workflow *wf, weft_bytes input)
{
    weft_err err;

    if (story_is(input, "fail")) {
        return weft_workflow_fail(wf, "Broken", "it broke", weft_nothing());
    }
    if (story_is(input, "quick")) {
        return weft_workflow_return(wf, input);
    }
    if (story_is(input, "second") && weft_workflow_attempt(wf) == 1) {
        return weft_workflow_fail(wf, "NotYet", "try again", weft_nothing());
    }
    if (story_is(input, "second")) {
        return weft_workflow_return(wf, weft_workflow_memo(wf, "note"));
    }
    if (story_is(input, "again")) {
        return weft_workflow_restart(wf, weft_text("quick"));
    }
    if (story_is(input, "parked")) {
        (void)weft_workflow_patched(wf, "");
    }
    err = weft_workflow_sleep(wf, WEFT_FOREVER);
    if (err == WEFT_ECANCELLED && story_is(input, "slow")) {
        weft_workflow_shield_begin(wf);
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        weft_workflow_shield_end(wf);
        return weft_workflow_return(wf, weft_text("late"));
    }
    return err;
}

// "CLOSE CANCELLATION ID INPUT WHAT": starts the child and does one thing.
struct plan {
    weft_child_options options;
    char id[50];
    char input[20];
    char what[20];
};

static struct plan
plan_of(weft_bytes input)
{
    struct plan plan = {.options = WEFT_CHILD_OPTIONS_INIT};
    char text[200];
    int close = 0;
    int cancellation = 0;

    (void)sscanf(story_text(input, text, sizeof(text)), "%d %d %49s %19s %19s",
                 &close, &cancellation, plan.id, plan.input, plan.what);
    plan.options.parent_close = (weft_parent_close)close;
    plan.options.cancellation = (weft_cancellation)cancellation;
    return plan;
}

static weft_err
note_end(weft_workflow *wf, weft_err err, weft_bytes result)
{
    char text[100];

    if (err == WEFT_EUNWIND) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%s %.*s", weft_err_name(err),
                   err == WEFT_OK ? (int)result.len : 0,
                   err == WEFT_OK ? (const char *)result.data : "");
    return weft_workflow_return(wf, weft_text(text));
}

static weft_err
host_run(weft_workflow *wf, weft_bytes input)
{
    struct plan plan = plan_of(input);
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
    return note_end(wf, weft_workflow_await(wf, future, &result), result);
}

static weft_definitions *
family(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "child", child_run);
    story_add_workflow(defs, "host", host_run);
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
    CHECK_FAILS("child", "p/1", WEFT_ETERMINATED, "terminated");
    story_wait_ms(2000);
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

// Started. --------------------------------------------------------------------

static weft_err
starter_run(weft_workflow *wf, weft_bytes input)
{
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    struct plan plan = plan_of(input);
    weft_target child = {"child", plan.id};
    weft_bytes result = weft_nothing();
    weft_future future;
    weft_future started;
    char text[200];
    weft_err first;
    weft_err second;

    options.start = &start;
    options.tell_started = 1;
    start.start_delay_ms = 1000;
    MUST(weft_workflow_child_async(wf, child, weft_text(plan.input), &options,
                                   &future),
         WEFT_OK);
    MUST(weft_workflow_child_started(wf, future, &started), WEFT_OK);
    first = weft_workflow_await(wf, started, &result);
    if (first == WEFT_EUNWIND) {
        return first;
    }
    (void)snprintf(
        text, sizeof(text), "%s %.*s %d %s",
        first == WEFT_OK ? "started" : weft_workflow_failure(wf)->name,
        (int)result.len, result.len == 0 ? "" : (const char *)result.data,
        weft_workflow_is_known(wf, future), "");
    MUST(weft_workflow_publish(wf, "first", weft_text(text)), WEFT_OK);
    second = weft_workflow_await(wf, future, &result);
    return note_end(wf, second, result);
}

static weft_definitions *
starters(void)
{
    weft_definitions *defs = family();

    story_add_workflow(defs, "starter", starter_run);
    return defs;
}

static void
tell_started(const char *parent, const char *child)
{
    char plan[200];
    char expected[100];

    (void)snprintf(plan, sizeof(plan), "0 0 %s quick", child);
    (void)snprintf(expected, sizeof(expected), "started %s 0 ", child);
    story_start("starter", parent, plan);
    CHECK_RESULT("starter", parent, "WEFT_OK quick");
    CHECK_STR(story_query("starter", parent, "first"), expected);
    story_start("child", child, "wait");
    story_start("starter", parent, plan);
    CHECK_RESULT("starter", parent, "WEFT_EFAILED ");
    CHECK_STR(story_query("starter", parent, "first"), "WEFT_EEXISTS  1 ");
}

static void
tell_starts(struct story *story)
{
    (void)story;
    tell_started("p", "p/child");
    tell_started("q", story_id_elsewhere("q"));
}

TEST(child, its_parent_learns_that_it_was_started_or_refused)
{
    story_run(starters, tell_starts);
}

// Options of the start. -------------------------------------------------------

static weft_err
chooser_run(weft_workflow *wf, weft_bytes input)
{
    weft_attribute attribute = {
        .name = "rank", .type = WEFT_ATTRIBUTE_INT, .value.integer = 7};
    weft_pair memo = {"note", weft_text("kept")};
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    struct plan plan = plan_of(input);
    weft_target child = {"child", plan.id};
    weft_bytes result = weft_nothing();
    weft_err err;

    options.start = &start;
    start.memo = &memo;
    start.memo_count = 1;
    start.attributes = &attribute;
    start.attributes_count = 1;
    start.retry.maximum_attempts = 2;
    if (strcmp(plan.what, "replace") == 0) {
        start.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    } else if (strcmp(plan.what, "once") == 0) {
        start.reuse = WEFT_REUSE_REJECT;
    } else if (strcmp(plan.what, "failed") == 0) {
        start.reuse = WEFT_REUSE_AFTER_FAILURE;
    } else if (strcmp(plan.what, "version") == 0) {
        start.version = 77;
    } else if (strcmp(plan.what, "limit") == 0) {
        start.run_timeout_ms = 500;
        start.retry.maximum_attempts = 1;
    }
    err = weft_workflow_child(wf, child, weft_text(plan.input), &options,
                              &result);
    if (err == WEFT_EFAILED) {
        return weft_workflow_return(wf,
                                    weft_text(weft_workflow_failure(wf)->name));
    }
    return note_end(wf, err, result);
}

static weft_definitions *
choosers(void)
{
    weft_definitions *defs = family();

    story_add_workflow(defs, "chooser", chooser_run);
    return defs;
}

static void
tell_options(struct story *story)
{
    (void)story;
    story_start("chooser", "p", "0 0 p/1 second -");
    CHECK_RESULT("chooser", "p", "WEFT_OK kept");
    CHECK_EQ(story_describe("child", "p/1")->item.attributes_count, 1);
    story_start("chooser", "p", "0 0 p/1 again -");
    CHECK_RESULT("chooser", "p", "WEFT_OK quick");
    story_start("chooser", "p", "0 0 p/2 wait limit");
    CHECK_RESULT("chooser", "p", "timed_out");
    story_start("chooser", "p", "0 0 p/3 wait version");
    CHECK_RESULT("chooser", "p", "WEFT_ENOTFOUND");
}

TEST(child, starts_as_its_parent_says_and_its_runs_are_one_child)
{
    story_run(choosers, tell_options);
}

static void
tell_in_use(const char *parent, const char *child)
{
    char text[200];

    story_start("child", child, "wait");
    (void)snprintf(text, sizeof(text), "0 0 %s quick replace", child);
    story_start("chooser", parent, text);
    CHECK_RESULT("chooser", parent, "WEFT_OK quick");
    CHECK_EQ(story_describe("child", child)->item.run, 2);
    (void)snprintf(text, sizeof(text), "0 0 %s fail failed", child);
    story_start("chooser", parent, text);
    CHECK_RESULT("chooser", parent, "WEFT_EEXISTS");
    (void)snprintf(text, sizeof(text), "0 0 %s fail -", child);
    story_start("chooser", parent, text);
    CHECK_RESULT("chooser", parent, "Broken");
    (void)snprintf(text, sizeof(text), "0 0 %s quick failed", child);
    story_start("chooser", parent, text);
    CHECK_RESULT("chooser", parent, "WEFT_OK quick");
    (void)snprintf(text, sizeof(text), "0 0 %s quick once", child);
    story_start("chooser", parent, text);
    CHECK_RESULT("chooser", parent, "WEFT_EEXISTS");
}

static void
tell_policies(struct story *story)
{
    (void)story;
    tell_in_use("p", "p/child");
    tell_in_use("q", story_id_elsewhere("q"));
}

TEST(child, an_id_in_use_is_used_again_as_its_parent_says)
{
    story_run(choosers, tell_policies);
}

// Bad input. ------------------------------------------------------------------

static weft_err
fool_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_target child = {"child", "x"};
    weft_future future;
    weft_future started;

    (void)input;
    options.parent_close = (weft_parent_close)3;
    CHECK_ERR(weft_workflow_child(wf, child, input, &options, NULL),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "child options: parent_close is 3, which is none");
    options.parent_close = 0;
    options.cancellation = (weft_cancellation)4;
    CHECK_ERR(weft_workflow_child(wf, child, input, &options, NULL),
              WEFT_EINVAL);
    options.cancellation = 0;
    options.tell_started = 2;
    CHECK_ERR(weft_workflow_child(wf, child, input, &options, NULL),
              WEFT_EINVAL);
    options.tell_started = 0;
    options.struct_size = 0;
    CHECK_ERR(weft_workflow_child(wf, child, input, &options, NULL),
              WEFT_EINVAL);
    options.struct_size = sizeof(options);
    options.start = &start;
    start.conflict = WEFT_CONFLICT_USE_EXISTING;
    CHECK_ERR(weft_workflow_child(wf, child, input, &options, NULL),
              WEFT_EINVAL);
    start.conflict = WEFT_CONFLICT_FAIL;
    start.headers_count = 1;
    CHECK_ERR(weft_workflow_child(wf, child, input, &options, NULL),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_child_started(wf, 0, &started), WEFT_EINVAL);
    MUST(
        weft_workflow_child_async(wf, child, weft_text("quick"), NULL, &future),
        WEFT_OK);
    CHECK_ERR(weft_workflow_child_started(wf, future, &started), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_child_started(wf, future, NULL), WEFT_EINVAL);
    return weft_workflow_await(wf, future, NULL);
}

static weft_definitions *
fools(void)
{
    weft_definitions *defs = family();

    story_add_workflow(defs, "fool", fool_run);
    return defs;
}

static void
tell_refused(struct story *story)
{
    (void)story;
    story_start("fool", "f", "");
    CHECK_RESULT("fool", "f", "");
}

TEST(child, options_that_mean_nothing_are_refused)
{
    story_run(fools, tell_refused);
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
    weft_definitions *defs = family();

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
    weft_definitions *defs = family();

    story_add_workflow(defs, "crowd", crowd_run);
    return defs;
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
