// SPDX-License-Identifier: Apache-2.0
//
// Workflows that do several things at once, in branches.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

// Branches. -------------------------------------------------------------------

struct walker {
    char name[8];
    uint64_t pause_ms;
    char (*trail)[100];
};

static weft_err
walk(weft_workflow *wf, void *ctx)
{
    const struct walker *walker = ctx;

    for (int i = 0; i < 3; i++) {
        size_t len = strlen(*walker->trail);

        (void)snprintf(*walker->trail + len, sizeof(*walker->trail) - len,
                       "%s%d ", walker->name, i);
        MUST(weft_workflow_sleep(wf, walker->pause_ms), WEFT_OK);
    }
    return weft_workflow_return(wf, weft_text(walker->name));
}

static weft_err
walks_run(weft_workflow *wf, weft_bytes input)
{
    char trail[100] = "";
    struct walker walkers[3] = {
        {"a", 100, &trail}, {"b", 70, &trail}, {"c", 100, &trail}};
    weft_future futures[3];
    weft_bytes result = weft_nothing();

    (void)input;
    for (int i = 0; i < 3; i++) {
        MUST(weft_workflow_branch(wf, walkers[i].name, walk, &walkers[i], NULL,
                                  &futures[i]),
             WEFT_OK);
    }
    CHECK_STR(trail, ""); // they run when this waits
    MUST(weft_workflow_await_all(wf, futures, 3), WEFT_OK);
    MUST(weft_workflow_await(wf, futures[1], &result), WEFT_OK);
    CHECK_EQ(story_is(result, "b"), 1);
    return weft_workflow_return(wf, weft_text(trail));
}

static weft_definitions *
walks(void)
{
    return flow_with(walks_run);
}

static void
tell_walks(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "a0 b0 c0 b1 a1 c1 b2 a2 c2 ");
}

TEST(workflow_branch, branches_take_turns_in_the_order_of_what_happens)
{
    story_run(walks, tell_walks);
}

static weft_err
every_run(weft_workflow *wf, void *ctx)
{
    weft_bytes data = weft_nothing();
    weft_err err;

    (void)ctx;
    err = weft_workflow_call(wf, "act", weft_text("one"), NULL, &data);
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_child(wf, (weft_target){"puppet", "w/child"}, data,
                                  NULL, &data);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

static weft_err
step_fn(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    *out_result = weft_text(ctx);
    return WEFT_OK;
}

static weft_err
steps_run(weft_workflow *wf, void *ctx)
{
    char *name = ctx;
    weft_bytes data = weft_nothing();
    weft_err err = WEFT_OK;

    for (int i = 0; i < 3 && err == WEFT_OK; i++) {
        err = weft_workflow_step(wf, name, step_fn, name, &data);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

// Each branch is told to take a step while what told the one before it is being
// committed: none begins before that it was opened is durable (sim/leave.h).
static weft_err
told_run(weft_workflow *wf, void *ctx)
{
    weft_bytes data = weft_nothing();
    weft_err err = weft_workflow_receive(wf, ctx, WEFT_FOREVER, NULL);

    if (err == WEFT_OK) {
        err = weft_workflow_step(wf, ctx, step_fn, ctx, &data);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

#define TOLD 4

static weft_err
told(weft_workflow *wf, weft_bytes input)
{
    static char names[TOLD][16];
    weft_future futures[TOLD];
    weft_err err = WEFT_OK;

    (void)input;
    for (int i = 0; i < TOLD && err == WEFT_OK; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s%d", i);
        err = weft_workflow_branch(wf, names[i], told_run, names[i], NULL,
                                   &futures[i]);
    }
    return err == WEFT_OK ? weft_workflow_await_all(wf, futures, TOLD) : err;
}

static weft_definitions *
tolds(void)
{
    return flow_with(told);
}

static void
tell_told(struct story *story)
{
    story_start("flow", "w", "");
    for (int i = 0; i < TOLD; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "s%d", i);
        (void)world_call(story->world, WEFT_VERB_SIGNAL, "flow", "w", name,
                         weft_nothing());
        world_run_ms(story->world, 1);
    }
    CHECK_RESULT("flow", "w", "");
}

TEST(workflow_branch, no_step_begins_before_it_is_durable_that_it_was_opened)
{
    story_run(tolds, tell_told);
}

static weft_err
both_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[3];
    weft_bytes data[3];
    char text[64];
    weft_err err;

    (void)input;
    err = weft_workflow_branch(wf, "every", every_run, NULL, NULL, &futures[0]);
    for (int i = 1; i < 3 && err == WEFT_OK; i++) {
        err = weft_workflow_branch(wf, "steps", steps_run, i == 1 ? "x" : "y",
                                   NULL, &futures[i]);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_all(wf, futures, 3);
    }
    for (int i = 0; i < 3 && err == WEFT_OK; i++) {
        err = weft_workflow_await(wf, futures[i], &data[i]);
    }
    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%.*s %.*s %.*s", (int)data[0].len,
                   (const char *)data[0].data, (int)data[1].len,
                   (const char *)data[1].data, (int)data[2].len,
                   (const char *)data[2].data);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
boths(void)
{
    return flow_with(both_run);
}

static void
tell_both(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_signal("flow", "w", "go", "");
    story_wait_ms(100);
    puppet_do("puppet", "w/child", "stop done");
    CHECK_RESULT("flow", "w", "done x y");
    story_check_audit();
}

TEST(workflow_branch, everything_that_waits_can_wait_in_a_branch)
{
    story_run(boths, tell_both);
}

static weft_err
failing(weft_workflow *wf, void *ctx)
{
    if (strcmp(ctx, "own") == 0) {
        return weft_workflow_fail(wf, "Own", "by itself", weft_text("d"));
    }
    if (strcmp(ctx, "call") == 0) {
        return weft_workflow_call(wf, "act", weft_text("fail"), NULL, NULL);
    }
    return strcmp(ctx, "io") == 0 ? WEFT_EIO : WEFT_OK;
}

static weft_err
failures_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const ways[] = {"own", "call", "io", "well"};
    char text[100] = "";
    weft_future futures[4];
    size_t index = 99;

    (void)input;
    for (int i = 0; i < 4; i++) {
        MUST(weft_workflow_branch(wf, ways[i], failing,
                                  (void *)(uintptr_t)ways[i], NULL,
                                  &futures[i]),
             WEFT_OK);
    }
    MUST(weft_workflow_await_success(wf, futures, 4, WEFT_FOREVER, &index),
         WEFT_OK);
    CHECK_EQ(index, 3);
    MUST(weft_workflow_await_settled(wf, futures, 4), WEFT_OK);
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(text);

        MUST(weft_workflow_await(wf, futures[i], NULL), WEFT_EFAILED);
        (void)snprintf(text + len, sizeof(text) - len, "%s ",
                       weft_workflow_failure(wf)->name);
    }
    MUST(weft_workflow_await_success(wf, futures, 3, WEFT_FOREVER, &index),
         WEFT_EFAILED);
    MUST(weft_workflow_await_all(wf, &futures[1], 3), WEFT_EFAILED);
    CHECK_STR(weft_workflow_failure(wf)->name, "Broken");
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
failures(void)
{
    return flow_with(failures_run);
}

static void
tell_failures(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "Own Broken WEFT_EIO ");
}

TEST(workflow_branch, a_branch_fails_as_a_workflow_does)
{
    story_run(failures, tell_failures);
}

static weft_err
forgetful_run(weft_workflow *wf, weft_bytes input)
{
    weft_future future;

    (void)input;
    if (!puppet_is_mended) {
        MUST(weft_workflow_branch(wf, "left", walk, NULL, NULL, &future),
             WEFT_OK);
    }
    return WEFT_OK;
}

static weft_definitions *
forgetfuls(void)
{
    return flow_with(forgetful_run);
}

static void
tell_forgetful(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(10);
    CHECK_EQ(story_describe("flow", "w")->item.is_parked, 1);
    CHECK_STR(story_describe("flow", "w")->item.reason,
              "the workflow function returned while its branch \"left\" runs: "
              "await it, or cancel and await it");
    puppet_is_mended = true;
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "");
}

TEST(workflow_branch, a_function_that_returns_before_its_branches_is_parked)
{
    story_run_calm(forgetfuls, tell_forgetful);
}

static int cleaned;

static void
clean(void *ctx)
{
    (void)ctx;
    cleaned++;
}

static weft_err
holding(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    cleaned--;
    CHECK_OK(weft_workflow_defer(wf, clean, NULL));
    return weft_workflow_sleep(wf, 100);
}

static weft_err
many_run(weft_workflow *wf, weft_bytes input)
{
    static weft_future futures[1001];
    weft_branch_options options = WEFT_BRANCH_OPTIONS_INIT;
    weft_future future;

    (void)input;
    options.stack_bytes = 16384;
    for (int i = 0; i < 999; i++) {
        MUST(
            weft_workflow_branch(wf, "b", holding, NULL, &options, &futures[i]),
            WEFT_OK);
    }
    MUST(weft_workflow_branch(wf, "b", holding, NULL, &options, &futures[999]),
         WEFT_OK);
    MUST(weft_workflow_branch(wf, "b", holding, NULL, &options, &future),
         WEFT_EBUSY);
    options.stack_bytes = 1;
    MUST(weft_workflow_branch(wf, "b", holding, NULL, &options, &future),
         WEFT_EINVAL);
    MUST(weft_workflow_branch(wf, "", holding, NULL, NULL, &future),
         WEFT_EINVAL);
    MUST(weft_workflow_branch(wf, "b", NULL, NULL, NULL, &future), WEFT_EINVAL);
    return weft_workflow_await_all(wf, futures, 1000);
}

static weft_definitions *
manies(void)
{
    cleaned = 0;
    return flow_with(many_run);
}

static void
tell_many(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "");
    CHECK_EQ(cleaned, 0);
}

TEST(workflow_branch, a_thousand_run_and_one_more_is_refused)
{
    story_run_once(manies, tell_many);
}

// The end. --------------------------------------------------------------------

static void
note_end(void *ctx)
{
    story_note("%s ends", (const char *)ctx);
}

static weft_err
hold_on(weft_workflow *wf, void *ctx)
{
    CHECK_OK(weft_workflow_defer(wf, note_end, ctx));
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static weft_err
holds_run(weft_workflow *wf, weft_bytes input)
{
    static char names[2][8] = {"first", "second"};
    weft_future futures[2];

    (void)input;
    CHECK_OK(weft_workflow_defer(wf, note_end, (void *)(uintptr_t) "main"));
    for (int i = 0; i < 2; i++) {
        MUST(weft_workflow_branch(wf, names[i], hold_on, names[i], NULL,
                                  &futures[i]),
             WEFT_OK);
    }
    return weft_workflow_await_all(wf, futures, 2);
}

static weft_definitions *
holds(void)
{
    return flow_with(holds_run);
}

// Who began later may use what the others hold.
static void
tell_dropped(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(100);
    story_crash();
    CHECK_NOTES("[0] second ends\n[0] first ends\n[0] main ends\n");
}

TEST(workflow_branch, those_that_began_last_end_first)
{
    story_run_once(holds, tell_dropped);
}
