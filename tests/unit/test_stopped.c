// SPDX-License-Identifier: Apache-2.0
//
// test_stopped.c - while intake is stopped, as on a full disk, what was taken
// before goes on: an attempt of an activity that runs elsewhere shows that it
// lives, and comes to its outcome.

#include <string.h>

#include "base/alloc.h"
#include "runtime/partition_impl.h"
#include "runtime/task.h"
#include "stepped_rig.h"
#include "support/test.h"
#include "weft/weft.h"

static struct rig rig;
static struct wf_token token; // of the attempt

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t call;

    (void)state;
    if (message->type == WEFT_MESSAGE_ACTIVITY) {
        return weft_actor_stop(actor, message->data);
    }
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

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    actor.name = "caller";
    actor.receive = receive;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    activity.name = "activity";
    activity.run = never_run;
    activity.timeouts.heartbeat_ms = 1000;
    activity.retry.maximum_attempts = 1;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

static struct wf_request *
post(weft_verb verb)
{
    struct wf_request *request = rig_post(&rig, verb, "caller", "c", "go");

    request->token = token;
    rig_take(&rig, request);
    rig_load(&rig);
    rig_run(&rig);
    rig_commit(&rig);
    return request;
}

// An attempt is under way elsewhere.
static void
begin(void)
{
    struct wf_task *task;

    token = (struct wf_token){0};
    rig = rig_open(define());
    rig_commit(&rig);
    rig_check_answer(&rig, post(WEFT_VERB_SIGNAL), WEFT_OK, "");
    task = WF_CONTAINER(
        wf_list_pop_the_first(&wf_partition_outputs(rig.partition)->tasks),
        struct wf_task, node);
    token = task->token;
    task->outcome.err = WEFT_EDEFERRED;
    wf_partition_task(rig.partition, rig.now_ms, task);
    rig_commit(&rig);
}

TEST(stopped, an_attempt_elsewhere_lives_and_ends)
{
    static const weft_err whys[] = {WEFT_EFULL, WEFT_EBUSY};

    for (size_t i = 0; i < 2; i++) {
        begin();
        wf_partition_refuse(rig.partition, whys[i]);
        rig_check_answer(&rig, post(WEFT_VERB_SIGNAL), whys[i], "");
        for (int beat = 0; beat < 5; beat++) {
            rig_tick(&rig, 600);
            rig_check_answer(&rig, post(WEFT_VERB_HEARTBEAT), WEFT_OK, "");
        }
        rig_check_answer(&rig, post(WEFT_VERB_COMPLETE), WEFT_OK, "");
        rig_check_answer(&rig, post(WEFT_VERB_RESULT), WEFT_OK, "");
        (void)rig_close(&rig);
    }
}

TEST(stopped, it_may_fail_too)
{
    begin();
    wf_partition_refuse(rig.partition, WEFT_EFULL);
    rig_check_answer(&rig, post(WEFT_VERB_FAIL), WEFT_OK, "");
    rig_check_answer(&rig, post(WEFT_VERB_RESULT), WEFT_OK, "");
    (void)rig_close(&rig);
}

// Its client asks the next process, or node.
TEST(stopped, one_that_closes_takes_no_outcome)
{
    begin();
    wf_partition_refuse(rig.partition, WEFT_ECLOSED);
    rig_check_answer(&rig, post(WEFT_VERB_HEARTBEAT), WEFT_ECLOSED, "");
    rig_check_answer(&rig, post(WEFT_VERB_COMPLETE), WEFT_ECLOSED, "");
    (void)rig_close(&rig);
}
