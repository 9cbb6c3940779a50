// SPDX-License-Identifier: Apache-2.0
//
// test_decided.c - no attempt of an activity begins before all is durable that
// says so: that it was called, and what operators decided about it.

#include <string.h>

#include "base/alloc.h"
#include "runtime/partition_impl.h"
#include "runtime/stack.h"
#include "runtime/task.h"
#include "stepped_rig.h"
#include "support/test.h"
#include "weft/weft.h"

static struct rig rig;

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t call;

    (void)state;
    return message->type == WEFT_MESSAGE_SIGNAL
               ? weft_actor_call(actor, "activity", weft_nothing(), NULL, &call)
               : WEFT_OK;
}

static weft_err
never_run(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    CHECK(false); // the test hands no task to a worker
    return WEFT_OK;
}

static int steps; // that ran

static weft_err
do_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    steps++;
    *out_result = weft_nothing();
    return WEFT_OK;
}

static weft_err
run_stepper(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_step(wf, "step", do_step, NULL, NULL);
}

static weft_definitions *
define(void)
{
    weft_workflow_def stepper = WEFT_WORKFLOW_DEF_INIT;
    weft_definitions *definitions;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    actor.name = "caller";
    actor.receive = receive;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    stepper.name = "stepper";
    stepper.run = run_stepper;
    CHECK_OK(weft_definitions_add_workflow(definitions, &stepper));
    steps = 0;
    activity.name = "activity";
    activity.run = never_run;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

static void
post_to(const char *kind, weft_verb verb)
{
    struct wf_request *request = rig_post(&rig, verb, kind, "c", "go");

    request->call = 1;
    request->who = wf_strdup("somebody");
    rig_take(&rig, request);
    rig_load(&rig);
}

static void
post(weft_verb verb)
{
    post_to("caller", verb);
}

// So many attempts were handed out.
static void
check_handed_out(size_t count)
{
    CHECK_EQ(wf_partition_outputs(rig.partition)->tasks.count, count);
}

// The activity is called; nothing of it is durable.
static void
begin(void)
{
    rig = rig_open(define());
    rig_commit(&rig);
    post(WEFT_VERB_SIGNAL);
    rig_run(&rig);
}

TEST(decided, an_attempt_begins_when_its_call_is_durable)
{
    begin();
    check_handed_out(0);
    rig_commit(&rig);
    check_handed_out(1);
    (void)rig_close(&rig);
}

// However much its actor goes on to do.
TEST(decided, each_begins_with_its_own_commit)
{
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};

    begin();
    CHECK(wf_partition_seal(rig.partition, rig.now_ms, false, &frames, &rows));
    post(WEFT_VERB_SIGNAL);
    rig_run(&rig);
    CHECK_OK(rig.store.ops->write(rig.store.self, &rows, true));
    wf_partition_committed(rig.partition, rig.now_ms, ++rig.commit, frames.len);
    check_handed_out(1);
    rig_commit(&rig);
    check_handed_out(2);
    wf_buf_fini(&frames);
    wf_batch_fini(&rows);
    (void)rig_close(&rig);
}

TEST(decided, one_that_was_paused_in_the_same_commit_does_not_begin)
{
    begin();
    post(WEFT_VERB_ACTIVITY_PAUSE);
    rig_commit(&rig);
    check_handed_out(0);
    (void)rig_close(&rig);
}

TEST(decided, one_that_was_resumed_begins_when_that_is_durable)
{
    begin();
    post(WEFT_VERB_ACTIVITY_PAUSE);
    rig_commit(&rig);
    post(WEFT_VERB_ACTIVITY_RESUME);
    check_handed_out(0);
    rig_commit(&rig);
    check_handed_out(1);
    (void)rig_close(&rig);
}

// What is sealed is not durable yet, and what came after it is not in it.
static void
check_waits_behind_a_seal(weft_verb before, weft_verb behind)
{
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};

    begin();
    if (before != behind) {
        post(before);
    }
    CHECK(wf_partition_seal(rig.partition, rig.now_ms, false, &frames, &rows));
    post(behind);
    CHECK_OK(rig.store.ops->write(rig.store.self, &rows, true));
    wf_partition_committed(rig.partition, rig.now_ms, ++rig.commit, frames.len);
    check_handed_out(0);
    rig_commit(&rig);
    check_handed_out(1);
    wf_buf_fini(&frames);
    wf_batch_fini(&rows);
    (void)rig_close(&rig);
}

TEST(decided, one_that_was_resumed_behind_a_seal_waits_for_the_next)
{
    check_waits_behind_a_seal(WEFT_VERB_ACTIVITY_PAUSE,
                              WEFT_VERB_ACTIVITY_RESUME);
}

TEST(decided, one_that_was_reset_or_changed_behind_a_seal_does_too)
{
    check_waits_behind_a_seal(WEFT_VERB_ACTIVITY_RESET,
                              WEFT_VERB_ACTIVITY_RESET);
    check_waits_behind_a_seal(WEFT_VERB_ACTIVITY_CHANGE,
                              WEFT_VERB_ACTIVITY_CHANGE);
}

// It was about to run when its instance was held up.
TEST(decided, a_step_of_a_paused_instance_waits_until_it_goes_on)
{
    struct wf_stack_pool *stacks = wf_stack_pool_create(4);

    rig = rig_open(define());
    rig.partition->options.stacks = stacks;
    rig_commit(&rig);
    post_to("stepper", WEFT_VERB_START);
    rig_run(&rig);
    rig_commit(&rig);
    post_to("stepper", WEFT_VERB_PAUSE);
    rig_run(&rig);
    CHECK_EQ(steps, 0);
    post_to("stepper", WEFT_VERB_RESUME);
    rig_commit(&rig);
    rig_run(&rig);
    CHECK_EQ(steps, 1);
    (void)rig_close(&rig);
    wf_stack_pool_destroy(stacks);
}

TEST(decided, all_of_a_paused_instance_waits_until_its_resumption_is_durable)
{
    begin();
    post(WEFT_VERB_PAUSE);
    rig_commit(&rig);
    check_handed_out(0);
    post(WEFT_VERB_RESUME);
    check_handed_out(0);
    rig_commit(&rig);
    check_handed_out(1);
    (void)rig_close(&rig);
}

// A worker gives an attempt back that it did not begin, since the activity was
// paused. It is resumed meanwhile, and its instance is not.
TEST(decided, what_comes_back_to_a_paused_instance_waits_too)
{
    struct wf_list *tasks;
    struct wf_task *task;

    begin();
    rig_commit(&rig);
    tasks = &wf_partition_outputs(rig.partition)->tasks;
    task = WF_CONTAINER(wf_list_pop_the_first(tasks), struct wf_task, node);
    task->outcome.err = WEFT_EBUSY;
    post(WEFT_VERB_PAUSE);
    rig_commit(&rig);
    wf_partition_task(rig.partition, rig.now_ms, task);
    rig_commit(&rig);
    check_handed_out(0);
    post(WEFT_VERB_RESUME);
    rig_commit(&rig);
    check_handed_out(1);
    (void)rig_close(&rig);
}
