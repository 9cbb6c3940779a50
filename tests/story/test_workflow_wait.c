// SPDX-License-Identifier: Apache-2.0
//
// Workflows that wait: for conditions, for several things, and for themselves.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

// Conditions and combinations. ------------------------------------------------

struct shared {
    int count;
};

static weft_err
counter(weft_workflow *wf, void *ctx)
{
    struct shared *shared = ctx;

    while (shared->count < 5) {
        weft_err err = weft_workflow_receive(wf, "count", WEFT_FOREVER, NULL);

        if (err != WEFT_OK) {
            return err;
        }
        shared->count++;
    }
    return WEFT_OK;
}

static int
has_three(void *ctx)
{
    return ((struct shared *)ctx)->count >= 3;
}

static int
has_ten(void *ctx)
{
    return ((struct shared *)ctx)->count >= 10;
}

static weft_err
condition_run(weft_workflow *wf, weft_bytes input)
{
    struct shared shared = {0};
    weft_future future;

    (void)input;
    MUST(weft_workflow_branch(wf, "count", counter, &shared, NULL, &future),
         WEFT_OK);
    MUST(weft_workflow_await_condition(wf, has_three, &shared, 0),
         WEFT_ETIMEDOUT);
    MUST(weft_workflow_await_condition(wf, has_three, &shared, WEFT_FOREVER),
         WEFT_OK);
    CHECK_EQ(shared.count, 3);
    MUST(weft_workflow_await_condition(wf, has_three, &shared, 0), WEFT_OK);
    MUST(weft_workflow_await_condition(wf, has_ten, &shared, 500),
         WEFT_ETIMEDOUT);
    MUST(weft_workflow_await_condition(wf, NULL, &shared, 0), WEFT_EINVAL);
    return weft_workflow_await(wf, future, NULL);
}

static weft_definitions *
conditions(void)
{
    return flow_with(condition_run);
}

static void
tell_condition(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    for (int i = 0; i < 3; i++) {
        story_signal("flow", "w", "count", "");
        story_wait_ms(10);
    }
    story_wait_ms(1000);
    story_signal("flow", "w", "count", "");
    story_signal("flow", "w", "count", "");
    CHECK_RESULT("flow", "w", "");
}

TEST(workflow_wait, a_condition_is_looked_at_when_others_have_run)
{
    story_run(conditions, tell_condition);
}

static weft_err
race_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"x", "y"};
    weft_future futures[3];
    weft_bytes data = weft_nothing();
    size_t index = 99;

    (void)input;
    MUST(weft_workflow_timer(wf, 1000, &futures[0]), WEFT_OK);
    MUST(weft_workflow_receive_any_async(wf, names, 2, &futures[1]), WEFT_OK);
    MUST(weft_workflow_branch(wf, "s", flow_sleeper, NULL, NULL, &futures[2]),
         WEFT_OK);
    MUST(weft_workflow_race(wf, futures, 3, WEFT_FOREVER, &index), WEFT_OK);
    CHECK_EQ(index, 1);
    MUST(weft_workflow_await(wf, futures[0], NULL), WEFT_ECANCELLED);
    MUST(weft_workflow_await(wf, futures[2], NULL), WEFT_ECANCELLED);
    MUST(weft_workflow_receive_any(wf, names, 2, 0, &index, &data),
         WEFT_ETIMEDOUT);
    MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
    // Those that came meanwhile, in the order in which they came.
    MUST(weft_workflow_receive_any(wf, names, 2, 0, &index, &data), WEFT_OK);
    CHECK_EQ(index, 1);
    CHECK_EQ(story_is(data, "2"), 1);
    MUST(weft_workflow_receive_any(wf, names, 2, 0, &index, &data), WEFT_OK);
    CHECK_EQ(index, 0);
    MUST(weft_workflow_receive_any(wf, names, 0, 0, &index, &data),
         WEFT_EINVAL);
    return weft_workflow_return(wf, data);
}

static weft_definitions *
races(void)
{
    return flow_with(race_run);
}

static void
tell_race(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_signal("flow", "w", "y", "1");
    story_wait_ms(80);
    story_signal("flow", "w", "y", "2");
    story_signal("flow", "w", "x", "3");
    CHECK_RESULT("flow", "w", "3");
}

TEST(workflow_wait, a_race_cancels_the_losers_and_any_name_is_received)
{
    story_run(races, tell_race);
}

// Waiting for oneself. --------------------------------------------------------

static weft_err
await_it(weft_workflow *wf, void *ctx)
{
    const weft_future *future = ctx;

    MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
    return weft_workflow_await(wf, *future, NULL);
}

// Three branches: one awaits itself, two await each other. What their failures
// say is what the code sees, so a replay has to have it too. It then fails by a
// call that cannot be.
static weft_err
ring_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[3];
    char text[1200] = "";
    weft_err err;

    (void)input;
    MUST(weft_workflow_branch(wf, "self", await_it, &futures[0], NULL,
                              &futures[0]),
         WEFT_OK);
    MUST(
        weft_workflow_branch(wf, "a", await_it, &futures[2], NULL, &futures[1]),
        WEFT_OK);
    MUST(
        weft_workflow_branch(wf, "b", await_it, &futures[1], NULL, &futures[2]),
        WEFT_OK);
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(text);

        MUST(weft_workflow_await(wf, futures[i], NULL), WEFT_EFAILED);
        (void)snprintf(text + len, sizeof(text) - len, "%s\n",
                       weft_workflow_failure(wf)->message);
    }
    MUST(weft_workflow_publish(wf, "text", weft_text(text)), WEFT_OK);
    MUST(weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL), WEFT_OK);
    if (strstr(text, "waits for branch \"a\"") == NULL) {
        return WEFT_EIO;
    }
    err = weft_workflow_call(wf, "no such", weft_nothing(), NULL, NULL);
    MUST(err, WEFT_EINVAL);
    return err;
}

static weft_definitions *
rings(void)
{
    return flow_with(ring_run);
}

static void
tell_ring(struct story *story)
{
    static const char about[] = "an argument breaks the documented contract: ";
    char expected[1200];
    const struct world_call *call;

    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(1000);
    story_signal("flow", "w", "end", "");
    call = story_result("flow", "w");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "WEFT_EINVAL");
    (void)snprintf(expected, sizeof(expected),
                   "%sactivity no such is not registered", about);
    CHECK_STR(call->message, expected);
    (void)snprintf(expected, sizeof(expected),
                   "%sawait: branch \"self\" would wait for itself: await it "
                   "from another branch\n"
                   "%sawait: branch \"b\" waits for branch \"a\", which waits "
                   "for it: one of them has to end first\n"
                   "%sawait: branch \"b\" waits for branch \"a\", which waits "
                   "for it: one of them has to end first\n",
                   about, about, about);
    CHECK_STR(story_query("flow", "w", "text"), expected);
}

TEST(workflow_wait, what_would_wait_for_itself_is_refused_in_words)
{
    story_run(rings, tell_ring);
}

// What is left. ---------------------------------------------------------------

// The timer of a wait that is over is not kept.
static weft_err
waits_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    TRY(weft_workflow_receive(wf, "go", 3600000, NULL));
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

static weft_definitions *
waits(void)
{
    return flow_with(waits_run);
}

static void
tell_waits(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(100);
    CHECK_EQ(story_describe("flow", "w")->item.timers_count, 1);
    story_signal("flow", "w", "go", "");
    story_wait_ms(100);
    CHECK_EQ(story_describe("flow", "w")->item.timers_count, 0);
    story_signal("flow", "w", "end", "");
    CHECK_RESULT("flow", "w", "");
}

TEST(workflow_wait, a_wait_that_is_over_leaves_no_timer)
{
    story_run(waits, tell_waits);
}
