// SPDX-License-Identifier: Apache-2.0
//
// test_went_on.c - a workflow that goes on in a second turn, later than the
// first: a replay sees the time that it saw then.

#include <string.h>

#include "base/limits.h"
#include "runtime/partition_impl.h"
#include "runtime/stack.h"
#include "stepped_rig.h"
#include "support/test.h"
#include "weft/weft.h"

enum { PIECE = WF_TURN_BREAK_BYTES / 2 + 1, LATER_MS = 5 };

static struct rig rig;
static uint64_t seen_ms[8]; // how long it took, each time that it ran
static size_t seen_count;

static weft_err
never_run(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    CHECK(false); // the test hands no task to a worker
    return WEFT_OK;
}

// More than a turn takes, and then a signal.
static weft_err
run_large(weft_workflow *wf, weft_bytes input)
{
    static const char piece[PIECE];
    uint64_t begun_ms = weft_workflow_now_ms(wf);
    weft_err err = WEFT_OK;

    (void)input;
    for (int i = 0; i < 3 && err == WEFT_OK; i++) {
        weft_future future;

        err = weft_workflow_call_async(
            wf, "activity", weft_bytes_of(piece, sizeof(piece)), NULL, &future);
    }
    if (err != WEFT_OK) {
        return err;
    }
    CHECK(seen_count < 8);
    seen_ms[seen_count++] = weft_workflow_now_ms(wf) - begun_ms;
    err = weft_workflow_receive(wf, "one", WEFT_FOREVER, NULL);
    return err == WEFT_OK ? weft_workflow_receive(wf, "two", WEFT_FOREVER, NULL)
                          : err;
}

static weft_definitions *
define(void)
{
    weft_workflow_def large = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    large.name = "large";
    large.run = run_large;
    CHECK_OK(weft_definitions_add_workflow(definitions, &large));
    activity.name = "activity";
    activity.run = never_run;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

static void
step(weft_verb verb, const char *name)
{
    rig_take(&rig, rig_post(&rig, verb, "large", "a", name));
    rig_load(&rig);
    rig_run(&rig);
    rig_commit(&rig);
}

TEST(went_on, time_is_the_same_in_a_replay)
{
    struct wf_stack_pool *stacks = wf_stack_pool_create(4);

    seen_count = 0;
    rig = rig_open(define());
    rig.partition->options.stacks = stacks;
    rig.partition->options.stacks_max = 1;
    step(WEFT_VERB_START, "");
    CHECK_EQ(seen_count, 0); // its first turn was all that it may do at once
    rig_tick(&rig, LATER_MS);
    rig_run(&rig);
    rig_commit(&rig);
    CHECK_EQ(seen_count, 1);
    rig.partition->options.stacks_max = 0; // it is replayed for each
    rig_tick(&rig, LATER_MS);
    rig_run(&rig);
    step(WEFT_VERB_SIGNAL, "one");
    step(WEFT_VERB_SIGNAL, "two");
    CHECK(seen_count >= 2);
    for (size_t i = 0; i < seen_count; i++) {
        CHECK_EQ(seen_ms[i], LATER_MS);
    }
    (void)rig_close(&rig);
    wf_stack_pool_destroy(stacks);
}
