// SPDX-License-Identifier: Apache-2.0
//
// How children start: that their parent is told, and what it may say of the
// start.

#include <stdio.h>
#include <string.h>

#include "story/family.h"

// Started. --------------------------------------------------------------------

static weft_err
starter_run(weft_workflow *wf, weft_bytes input)
{
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    struct family_plan plan = family_plan_of(input);
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
    return family_end(wf, second, result);
}

static weft_definitions *
starters(void)
{
    return family_definitions("starter", starter_run);
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
    struct family_plan plan = family_plan_of(input);
    weft_target child = {"child", plan.id};
    weft_bytes result = weft_nothing();
    weft_err err;

    options.start = &start;
    start.memo = &memo;
    start.memo_count = 1;
    start.attributes = &attribute;
    start.attributes_count = 1;
    start.retry.maximum_attempts = 2;
    if (strncmp(plan.what, "replace", strlen("replace")) == 0) {
        start.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    }
    if (strcmp(plan.what, "replace_unknown") == 0) {
        start.version = 77;
    } else if (strcmp(plan.what, "replace_once") == 0) {
        start.reuse = WEFT_REUSE_REJECT;
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
    return family_end(wf, err, result);
}

static weft_definitions *
choosers(void)
{
    return family_definitions("chooser", chooser_run);
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

// A start that may not begin ends nobody. What it ends is no reason why it may
// not.
static void
tell_replaced(struct story *story)
{
    (void)story;
    story_start("child", "p/child", "wait");
    story_start("chooser", "p", "0 0 p/child quick replace_unknown");
    CHECK_RESULT("chooser", "p", "WEFT_ENOTFOUND");
    CHECK_EQ(story_describe("child", "p/child")->item.status,
             WEFT_STATUS_RUNNING);
    CHECK_EQ(story_describe("child", "p/child")->item.run, 1);
    story_start("chooser", "p", "0 0 p/child quick replace_once");
    CHECK_RESULT("chooser", "p", "WEFT_OK quick");
    CHECK_EQ(story_describe("child", "p/child")->item.run, 2);
    story_start("chooser", "p", "0 0 p/child quick replace_once");
    CHECK_RESULT("chooser", "p", "WEFT_EEXISTS");
    story_start("child", "p/child", "wait");
    story_do(WEFT_VERB_TERMINATE, "child", "p/child", "enough", NULL);
    story_start("chooser", "p", "0 0 p/child quick replace_once");
    CHECK_RESULT("chooser", "p", "WEFT_EEXISTS");
}

TEST(child, one_that_may_not_begin_ends_nobody)
{
    story_run(choosers, tell_replaced);
}

// Cancelled before it begins, which is not for hours.
static weft_err
delayer_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_bytes result = weft_nothing();
    weft_future future;

    options.start = &start;
    options.cancellation = WEFT_CANCELLATION_WAIT;
    start.start_delay_ms = 3 * 3600000;
    TRY(weft_workflow_child_async(wf, (weft_target){"child", "c"}, input,
                                  &options, &future));
    TRY(weft_workflow_receive(wf, "stop", WEFT_FOREVER, NULL));
    TRY(weft_workflow_cancel(wf, future));
    return family_end(wf, weft_workflow_await(wf, future, &result), result);
}

static weft_definitions *
delayers(void)
{
    return family_definitions("delayer", delayer_run);
}

static void
tell_delayed(struct story *story)
{
    (void)story;
    story_start("delayer", "p", "wait");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("child", "c")->item.status, WEFT_STATUS_RUNNING);
    story_signal("delayer", "p", "stop", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("child", "c")->item.status, WEFT_STATUS_CANCELLED);
    CHECK_RESULT("delayer", "p", "WEFT_ECANCELLED ");
}

TEST(child, its_parent_cancels_it_before_it_begins)
{
    story_run(delayers, tell_delayed);
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
    return family_definitions("fool", fool_run);
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
