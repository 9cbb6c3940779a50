// SPDX-License-Identifier: Apache-2.0
//
// test_misuse.c - calls that code of a turn may not make are told, and change
// nothing.

#include <string.h>

#include "support/test.h"
#include "weft/testing.h"
#include "weft/weft.h"

static int computed;
static int asked;

// What neither a value nor a condition may do.
static void
begin_something(weft_workflow *wf)
{
    weft_future future;

    CHECK_ERR(weft_workflow_sleep(wf, 1000), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_timer(wf, 1000, &future), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_publish(wf, "x", weft_nothing()), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_return(wf, weft_text("wrong")), WEFT_EINVAL);
}

static weft_err
compute(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    char *text = weft_workflow_alloc(wf, 6);

    (void)ctx;
    begin_something(wf);
    computed++;
    memcpy(text, "value", 6);
    *out_value = weft_text(text);
    return WEFT_OK;
}

static int
condition(void *ctx)
{
    begin_something(ctx);
    return ++asked > 0;
}

static weft_err
values(weft_workflow *wf, weft_bytes input)
{
    weft_bytes value = weft_nothing();
    weft_err err = weft_workflow_value(wf, "v", compute, NULL, &value);

    (void)input;
    if (err == WEFT_OK) {
        err = weft_workflow_await_condition(wf, condition, wf, WEFT_FOREVER);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_sleep(wf, 1000);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, value) : err;
}

static weft_err
no_bytes(weft_workflow *wf, weft_bytes input)
{
    const weft_bytes bad = {NULL, 3};
    const weft_target self = {"no_bytes", "1"};
    weft_saga *saga = weft_saga_create(wf);
    weft_future future;

    (void)input;
    CHECK_ERR(weft_workflow_call(wf, "a", bad, NULL, NULL), WEFT_EINVAL);
    CHECK_EQ(strstr(weft_err_detail(), "no bytes") != NULL, 1);
    CHECK_ERR(weft_workflow_signal(wf, self, "s", bad), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_child_async(wf, self, bad, NULL, &future),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_publish(wf, "x", bad), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_return(wf, bad), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_memo_set(wf, "m", bad), WEFT_EINVAL);
    CHECK_ERR(weft_saga_add(saga, "a", bad, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_call(NULL, "a", weft_nothing(), NULL, NULL),
              WEFT_EINVAL);
    return WEFT_OK;
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    const weft_bytes bad = {NULL, 3};
    const weft_target self = {"no_bytes", "1"};
    uint32_t call;

    (void)message;
    (void)state;
    CHECK_ERR(weft_actor_send(actor, self, "s", bad), WEFT_EINVAL);
    CHECK_ERR(weft_actor_call(actor, "a", bad, NULL, &call), WEFT_EINVAL);
    CHECK_ERR(weft_actor_spawn(actor, self, bad, NULL, &call), WEFT_EINVAL);
    CHECK_ERR(weft_actor_reply(actor, bad), WEFT_EINVAL);
    CHECK_ERR(weft_actor_publish(actor, "x", bad), WEFT_EINVAL);
    return weft_actor_stop(actor, weft_nothing());
}

static weft_err
activity(weft_activity *attempt, weft_bytes input)
{
    (void)attempt;
    (void)input;
    return WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "values";
    workflow.run = values;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "no_bytes";
    workflow.run = no_bytes;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    actor.name = "actor";
    actor.receive = receive;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    def.name = "a";
    def.run = activity;
    CHECK_OK(weft_definitions_add_activity(definitions, &def));
    return definitions;
}

// Paranoid too: a wait in a value would lose the stack under it.
TEST(misuse, values_and_conditions_can_begin_nothing)
{
    weft_definitions *definitions = define();
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;

    for (options.paranoid = 0; options.paranoid < 2; options.paranoid++) {
        weft_target target = {"values", "1"};
        weft_reply *reply;
        weft_test *test;

        computed = 0;
        asked = 0;
        CHECK_OK(weft_test_open(definitions, &options, &test));
        CHECK_OK(
            weft_client_start(weft_test_client(test), target, weft_nothing()));
        CHECK_OK(weft_client_result(weft_test_client(test), target, 0, &reply));
        CHECK_EQ(reply->data.len, 5);
        CHECK_EQ(memcmp(reply->data.data, "value", 5), 0);
        CHECK_EQ(computed, 1);
        CHECK_EQ(asked > 0, 1);
        weft_reply_free(reply);
        weft_test_close(test);
    }
    weft_definitions_destroy(definitions);
}

TEST(misuse, a_payload_with_a_length_has_bytes)
{
    weft_definitions *definitions = define();
    weft_target flow = {"no_bytes", "1"};
    weft_target actor = {"actor", "1"};
    weft_client *client;
    weft_test *test;

    CHECK_OK(weft_test_open(definitions, NULL, &test));
    client = weft_test_client(test);
    CHECK_OK(weft_client_start(client, flow, weft_nothing()));
    CHECK_OK(weft_client_result(client, flow, 0, NULL));
    CHECK_OK(weft_client_signal(client, actor, "x", weft_nothing()));
    CHECK_OK(weft_client_result(client, actor, 0, NULL));
    weft_test_close(test);
    weft_definitions_destroy(definitions);
}
