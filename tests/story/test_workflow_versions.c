// SPDX-License-Identifier: Apache-2.0
//
// Several versions of one workflow, over deployments.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

// Calls and waits; then tells its version. A restart, if its input says so.
static weft_err
run_as(weft_workflow *wf, weft_bytes input, const char *call,
       const char *version)
{
    MUST(weft_workflow_call(wf, "act", weft_text(call), NULL, NULL), WEFT_OK);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    if (story_is(input, "again")) {
        return weft_workflow_restart(wf, weft_text("last"));
    }
    if (story_is(input, "fails") && weft_workflow_run(wf) == 1) {
        return weft_workflow_fail(wf, "Busy", "told to", weft_nothing());
    }
    return weft_workflow_return(wf, weft_text(version));
}

static weft_err
run_1(weft_workflow *wf, weft_bytes input)
{
    return run_as(wf, input, "call", "1");
}

// Fits what the first left until it was told to go.
static weft_err
run_2(weft_workflow *wf, weft_bytes input)
{
    weft_err err = run_as(wf, input, "call", "2");

    if (err == WEFT_OK && !story_is(input, "again")) {
        MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
    }
    return err;
}

// Does not.
static weft_err
run_3(weft_workflow *wf, weft_bytes input)
{
    return run_as(wf, input, "other call", "3");
}

static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    const weft_target child = {.kind = "flow", .id = "child"};

    MUST(weft_workflow_child(wf, child, input, NULL, NULL), WEFT_EFAILED);
    return weft_workflow_return(wf, weft_text(weft_workflow_failure(wf)->name));
}

static weft_definitions *defs; // being made

static void
add(uint32_t version, weft_upgrade upgrade, int is_retired)
{
    weft_workflow_fn *const runs[] = {run_1, run_2, run_3};
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = "flow";
    def.version = version;
    def.run = runs[version - 1];
    def.upgrade = upgrade;
    def.is_retired = is_retired;
    CHECK_OK(weft_definitions_add_workflow(defs, &def));
}

static void
begin_definitions(void)
{
    CHECK_OK(weft_definitions_create(&defs));
    story_add_activity(defs, "act", flow_act);
    story_add_workflow(defs, "parent", parent_run);
}

#define DEFINE(name, ...)                                                      \
    static weft_definitions *name(void)                                        \
    {                                                                          \
        begin_definitions();                                                   \
        __VA_ARGS__;                                                           \
        return defs;                                                           \
    }

DEFINE(one, add(1, WEFT_UPGRADE_PIN, 0))
DEFINE(two, add(2, WEFT_UPGRADE_PIN, 0))
DEFINE(both, add(2, WEFT_UPGRADE_PIN, 0), add(1, WEFT_UPGRADE_PIN, 0))
DEFINE(two_retired, add(1, WEFT_UPGRADE_PIN, 0), add(2, WEFT_UPGRADE_PIN, 1))
DEFINE(one_retired, add(1, WEFT_UPGRADE_PIN, 1))
DEFINE(two_on_restart, add(1, WEFT_UPGRADE_PIN, 0),
       add(2, WEFT_UPGRADE_ON_RESTART, 0))
DEFINE(two_now, add(1, WEFT_UPGRADE_PIN, 0),
       add(2, WEFT_UPGRADE_NOW_IF_FITS, 0))
DEFINE(three_now, add(1, WEFT_UPGRADE_PIN, 0),
       add(3, WEFT_UPGRADE_NOW_IF_FITS, 0))
DEFINE(only_two_now, add(2, WEFT_UPGRADE_NOW_IF_FITS, 0))
DEFINE(only_three_now, add(3, WEFT_UPGRADE_NOW_IF_FITS, 0))

static void
begin(const char *id, const char *input)
{
    story_start("flow", id, input);
    story_wait_ms(1000);
}

static void
go(const char *id)
{
    story_signal("flow", id, "go", "");
    story_wait_ms(1000);
}

static uint32_t
version_of(const char *id)
{
    return story_describe("flow", id)->item.version;
}

static void
tell_side_by_side(struct story *story)
{
    (void)story;
    begin("a", "");
    story_define(both);
    begin("b", "");
    CHECK_EQ(version_of("a"), 1);
    CHECK_EQ(version_of("b"), 2);
    go("a");
    go("b");
    CHECK_RESULT("flow", "a", "1");
    CHECK_RESULT("flow", "b", "2");
}

TEST(versions, each_instance_stays_with_the_one_it_began_with)
{
    story_run(one, tell_side_by_side);
}

static void
tell_retired(struct story *story)
{
    (void)story;
    begin("a", "");
    story_define(two_retired); // a step back
    begin("b", "");
    go("a");
    go("b");
    CHECK_RESULT("flow", "a", "2");
    CHECK_RESULT("flow", "b", "1");
}

TEST(versions, a_retired_one_goes_on_and_takes_nothing_new)
{
    story_run(two, tell_retired);
}

static void
tell_all_retired(struct story *story)
{
    const struct world_call *call;

    (void)story;
    begin("a", "");
    story_define(one_retired);
    call = story_ask(WEFT_VERB_START, "flow", "b", "", "");
    CHECK_ERR(call->err, WEFT_ENOTFOUND);
    CHECK(strstr(call->detail, "retired") != NULL);
    story_start("parent", "p", "");
    CHECK_RESULT("parent", "p", "WEFT_ENOTFOUND");
    go("a");
    CHECK_RESULT("flow", "a", "1");
    call = story_ask(WEFT_VERB_START, "flow", "a", "", "");
    CHECK_ERR(call->err, WEFT_ENOTFOUND);
}

TEST(versions, where_all_are_retired_nothing_starts)
{
    story_run(one, tell_all_retired);
}

static struct world_call *
start_on(const char *id, uint32_t version)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    options.version = version;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){.kind = "flow", .id = id};
    request.input = weft_text("again");
    request.start = &options;
    return story_call(&request);
}

static void
tell_asked(struct story *story)
{
    const struct world_call *call;

    (void)story;
    CHECK_OK(start_on("a", 2)->err); // it is retired
    CHECK_OK(start_on("b", 1)->err);
    call = start_on("c", 3);
    CHECK_ERR(call->err, WEFT_ENOTFOUND);
    CHECK(strstr(call->detail, "not registered") != NULL);
    story_wait_ms(1000);
    CHECK_EQ(version_of("a"), 2);
    CHECK_EQ(version_of("b"), 1);
    story_define(two_now);
    for (int i = 0; i < 2; i++) {
        go("a");
        go("b");
    }
    CHECK_RESULT("flow", "a", "2");
    CHECK_RESULT("flow", "b", "1");
    CHECK_OK(start_on("d", 1)->err); // which is not the newest
    story_wait_ms(1000);
    CHECK_EQ(version_of("d"), 1);
}

TEST(versions, a_start_may_ask_for_one_and_stays_with_it)
{
    story_run(two_retired, tell_asked);
}

static void
tell_missing(struct story *story)
{
    const struct world_call *call;

    (void)story;
    begin("a", "");
    begin("b", "");
    story_define(two);
    go("a");
    story_crash();
    call = story_describe("flow", "a");
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(call->item.is_parked, 0);
    CHECK_EQ(call->item.mailbox_count, 1);
    CHECK_STR(call->reason, "version 1 of flow is not registered here");
    story_check_audit();
    (void)story_do(WEFT_VERB_TERMINATE, "flow", "b", "enough", NULL);
    CHECK_FAILS("flow", "b", WEFT_ETERMINATED, "terminated");
    story_define(both);
    CHECK_RESULT("flow", "a", "1");
}

TEST(versions, one_that_is_not_registered_waits_and_says_so)
{
    story_run(one, tell_missing);
}

static void
tell_restart_pinned(struct story *story)
{
    (void)story;
    begin("a", "again");
    story_define(both);
    go("a");
    go("a");
    CHECK_RESULT("flow", "a", "1");
}

TEST(versions, a_restart_keeps_its_version)
{
    story_run(one, tell_restart_pinned);
}

static void
tell_restart_moves(struct story *story)
{
    (void)story;
    begin("a", "again");
    begin("b", "");
    story_define(two_on_restart);
    go("a");
    CHECK_EQ(version_of("a"), 2);
    go("a");
    go("b");
    CHECK_RESULT("flow", "a", "2");
    CHECK_RESULT("flow", "b", "1");
}

TEST(versions, a_restart_moves_if_the_newest_says_so)
{
    story_run(one, tell_restart_moves);
}

// A run that is tried again is a new one, too.
static void
tell_retry_moves(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    options.retry.maximum_attempts = 3;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){.kind = "flow", .id = "a"};
    request.input = weft_text("fails");
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    story_wait_ms(1000);
    story_define(two_on_restart);
    go("a");
    CHECK_EQ(version_of("a"), 2);
    go("a");
    CHECK_RESULT("flow", "a", "2");
}

TEST(versions, a_run_that_is_tried_again_moves_as_a_restart_does)
{
    story_run(one, tell_retry_moves);
}

static void
tell_now(struct story *story)
{
    (void)story;
    begin("a", "");
    story_define(two_now);
    CHECK_EQ(version_of("a"), 1); // it has not run yet
    go("a");
    CHECK_EQ(version_of("a"), 2);
    story_define(two);
    CHECK_RESULT("flow", "a", "2");
}

TEST(versions, what_fits_moves_when_it_runs_next)
{
    story_run(one, tell_now);
}

static void
tell_now_alone(struct story *story)
{
    (void)story;
    begin("a", "again");
    story_define(only_two_now);
    CHECK_STR(story_describe("flow", "a")->reason, "");
    go("a");
    go("a");
    CHECK_RESULT("flow", "a", "2");
}

TEST(versions, what_fits_moves_although_its_own_is_gone)
{
    story_run(one, tell_now_alone);
}

static void
tell_not_now(struct story *story)
{
    const struct world_call *call;
    static const char reason[] =
        "version 1 of flow is not registered here; version 3 does not fit: the "
        "code does not fit its journal at entry 2: recorded was activity "
        "\"act\" at 0.1";

    (void)story;
    begin("a", "again");
    story_define(only_three_now);
    go("a");
    call = story_describe("flow", "a");
    CHECK_EQ(call->item.is_parked, 0);
    CHECK_EQ(call->item.version, 1);
    CHECK(strncmp(call->reason, reason, strlen(reason)) == 0);
    story_check_audit();
    story_define(three_now);
    story_wait_ms(1000);
    CHECK_EQ(version_of("a"), 3); // it ran to its restart, and that moved it
    go("a");
    CHECK_RESULT("flow", "a", "3");
}

TEST(versions, what_does_not_fit_stays_until_it_restarts)
{
    story_run(one, tell_not_now);
}

static void
tell_stays(struct story *story)
{
    (void)story;
    begin("a", "");
    story_define(three_now);
    go("a");
    CHECK_RESULT("flow", "a", "1");
    CHECK_EQ(version_of("a"), 1);
}

TEST(versions, what_does_not_fit_ends_as_it_began)
{
    story_run(one, tell_stays);
}

// An open step, and its code is gone. -----------------------------------------

static weft_err
take_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    *out_result = weft_text("stepped");
    return WEFT_OK;
}

static weft_err
step_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result = input;

    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(weft_workflow_step(wf, "step", take_step, NULL, &result), WEFT_OK);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
stepping(void)
{
    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "flow", step_run);
    return defs;
}

static void
tell_step(struct story *story)
{
    story_start("flow", "a", "");
    // Die between the step and its result, if that is where this run dies.
    (void)world_call(story->world, WEFT_VERB_SIGNAL, "flow", "a", "go",
                     weft_nothing());
    for (int i = 0; i < 30; i++) {
        (void)world_step(story->world);
    }
    story_define(two);
    story_wait_ms(1000);
    story_check_audit();
    story_define(stepping);
    CHECK_RESULT("flow", "a", "stepped");
}

TEST(versions, an_open_step_waits_for_its_version)
{
    story_run(stepping, tell_step);
}
