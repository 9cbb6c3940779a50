// SPDX-License-Identifier: Apache-2.0
//
// test_inside.c - code of a turn that calls back into its own node.

#include "runtime/inside.h"

#include <string.h>

#include "support/test.h"
#include "weft/testing.h"
#include "weft/weft.h"

static weft_test *now;
static int refusals;

// What waits for the node.
static void
call_back(void)
{
    weft_client *client = weft_test_client(now);
    weft_target target = {"actor", "other"};
    weft_reply *reply = NULL;
    weft_metrics *metrics = NULL;

    CHECK_ERR(weft_client_signal(client, target, "x", weft_nothing()),
              WEFT_EINVAL);
    CHECK_EQ(strstr(weft_err_detail(), "do it in an activity") != NULL, 1);
    CHECK_ERR(weft_client_query(client, target, "x", weft_nothing(), &reply),
              WEFT_EINVAL);
    CHECK_ERR(weft_node_drain(weft_test_node(now), 10), WEFT_EINVAL);
    CHECK_ERR(weft_node_backup(weft_test_node(now), "/nowhere"), WEFT_EINVAL);
    CHECK_ERR(weft_node_metrics(weft_test_node(now), &metrics), WEFT_EINVAL);
    weft_node_close(weft_test_node(now)); // does nothing
    weft_client_close(client);            // nor does this
    CHECK_EQ(strstr(weft_err_detail(), "weft_client_close") != NULL, 1);
    refusals++;
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    call_back();
    return WEFT_OK;
}

static weft_err
query(weft_query *answer, const char *name, weft_bytes args, const void *state,
      size_t state_len)
{
    (void)name;
    (void)args;
    (void)state;
    (void)state_len;
    call_back();
    return weft_query_return(answer, weft_nothing());
}

static weft_err
step(const weft_step *one, void *ctx, weft_bytes *out_result)
{
    (void)one;
    (void)ctx;
    (void)out_result;
    call_back();
    return WEFT_OK;
}

static int
condition(void *ctx)
{
    (void)ctx;
    call_back();
    return 1;
}

static weft_err
check(weft_bytes input, void *ctx, weft_failure *out_why)
{
    (void)input;
    (void)ctx;
    (void)out_why;
    call_back();
    return WEFT_OK;
}

static weft_err
handle(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)wf;
    (void)input;
    (void)ctx;
    return WEFT_OK;
}

static weft_err
flow(weft_workflow *wf, weft_bytes input)
{
    weft_err err;

    (void)input;
    call_back();
    err = weft_workflow_on_update(wf, "u", check, handle, NULL);
    if (err == WEFT_OK) {
        err = weft_workflow_step(wf, "s", step, NULL, NULL);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_condition(wf, condition, NULL, 1000);
    }
    return err == WEFT_OK ? weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL)
                          : err;
}

TEST(inside, code_of_a_turn_cannot_wait_for_its_own_node)
{
    weft_definitions *definitions;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_client *client;
    weft_target target = {"actor", "a"};
    weft_reply *reply;

    CHECK_OK(weft_definitions_create(&definitions));
    actor.name = "actor";
    actor.receive = receive;
    actor.query = query;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    workflow.name = "flow";
    workflow.run = flow;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    CHECK_OK(weft_test_open(definitions, NULL, &now));
    client = weft_test_client(now);

    CHECK_OK(weft_client_signal(client, target, "x", weft_nothing()));
    weft_test_run(now);
    CHECK_EQ(refusals, 1);
    CHECK_OK(weft_client_query(client, target, "x", weft_nothing(), &reply));
    weft_reply_free(reply);
    CHECK_EQ(refusals, 2);
    target = (weft_target){"flow", "f"};
    CHECK_OK(weft_client_start(client, target, weft_nothing()));
    CHECK_OK(
        weft_client_update(client, target, "u", weft_nothing(), NULL, &reply));
    weft_reply_free(reply);
    CHECK_OK(weft_client_signal(client, target, "end", weft_nothing()));
    CHECK_OK(weft_client_result(client, target, 0, NULL));
    CHECK_EQ(refusals >= 6, 1); // the function, step, condition, check
    CHECK_OK(wf_inside_check("test"));
    weft_test_close(now);
    weft_definitions_destroy(definitions);
}
