// SPDX-License-Identifier: Apache-2.0
//
// What a workflow holds while its stack lives, and what happens to it when the
// stack is dropped.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

static weft_definitions *
define_flow(weft_workflow_fn *run)
{
    weft_definitions *defs = flow_with(run);

    story_add_activity(defs, "quick", flow_act);
    return defs;
}

static int held;
static char order[8];

static void
release(void *ctx)
{
    size_t len = strlen(order);

    held--;
    if (len < sizeof(order) - 1) {
        order[len] = *(const char *)ctx;
        order[len + 1] = '\0';
    }
}

static weft_err
holder_run(weft_workflow *wf, weft_bytes input)
{
    char *name;

    (void)input;
    for (char c = 'a'; c < 'd'; c++) {
        name = weft_workflow_alloc(wf, 4000);
        for (int i = 0; i < 4000; i++) {
            CHECK_EQ(name[i], 0);
        }
        *name = c;
        held++;
        CHECK_OK(weft_workflow_defer(wf, release, name));
        CHECK_ERR(weft_workflow_defer(wf, NULL, name), WEFT_EINVAL);
        MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
    }
    MUST(weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL), WEFT_OK);
    order[0] = '\0';
    return WEFT_OK;
}

static weft_definitions *
holders(void)
{
    held = 0;
    return define_flow(holder_run);
}

static void
tell_held(struct story *story)
{
    story_start("flow", "w", "");
    story_wait_ms(1000);
    if (story->is_calm) {
        CHECK_EQ(held, story->is_paranoid ? 0 : 3);
    }
    story_crash();
    CHECK_EQ(held, 0);
    story_signal("flow", "w", "end", "");
    CHECK_RESULT("flow", "w", "");
    CHECK_EQ(held, 0);
    CHECK_STR(order, "cba");
}

TEST(workflow, what_it_holds_is_released_when_its_stack_goes)
{
    story_run(holders, tell_held);
}

static void
tell_held_terminated(struct story *story)
{
    int before;

    story_start("flow", "w", "");
    story_wait_ms(1000);
    before = held;
    story_do(WEFT_VERB_TERMINATE, "flow", "w", "", NULL);
    story_wait_ms(1000);
    if (story->is_calm) {
        CHECK_EQ(held, before);
    }
}

TEST(workflow, terminate_runs_no_user_code)
{
    story_run(holders, tell_held_terminated);
}

static weft_err
unwound_run(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_sleep(wf, 1000);
    weft_future future;

    (void)input;
    if (err != WEFT_EUNWIND) {
        return err;
    }
    // Nothing that is done now is recorded.
    story_note("unwinds");
    CHECK_ERR(weft_workflow_sleep(wf, 1), WEFT_EUNWIND);
    CHECK_ERR(weft_workflow_call(wf, "quick", weft_nothing(), NULL, NULL),
              WEFT_EUNWIND);
    CHECK_ERR(weft_workflow_timer(wf, 1, &future), WEFT_EUNWIND);
    CHECK_ERR(weft_workflow_publish(wf, "x", weft_nothing()), WEFT_EUNWIND);
    CHECK_ERR(weft_workflow_signal(wf, (weft_target){"puppet", "p"}, "x",
                                   weft_nothing()),
              WEFT_EUNWIND);
    CHECK_ERR(weft_workflow_receive(wf, "x", 0, NULL), WEFT_EUNWIND);
    (void)weft_workflow_return(wf, weft_text("wrong"));
    return WEFT_OK;
}

static weft_definitions *
unwound(void)
{
    return define_flow(unwound_run);
}

static void
tell_unwound(struct story *story)
{
    story_start("flow", "w", "");
    story_wait_ms(500);
    story_crash();
    CHECK_EQ(story_count("unwinds"), 1);
    CHECK_RESULT("flow", "w", "");
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "flow", "w", "x", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "puppet", "p", "", NULL)->err,
              WEFT_ENOTFOUND);
    (void)story;
}

TEST(workflow, nothing_that_it_does_while_it_unwinds_is_recorded)
{
    story_run_calm(unwound, tell_unwound);
}
