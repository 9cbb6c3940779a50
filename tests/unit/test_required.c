// SPDX-License-Identifier: Apache-2.0
//
// test_required.c - what a public function cannot do without, and did not get,
// it names; and does nothing.

#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "support/test.h"
#include "weft/capsule.h"
#include "weft/cipher.h"
#include "weft/inspect.h"
#include "weft/metrics.h"
#include "weft/testing.h"
#include "weft/weft.h"
#include "weft/worker.h"

// The sentence says whose it is and what is missing.
#define CHECK_NEEDS(call, what)                                                \
    (CHECK_ERR(call, WEFT_EINVAL),                                             \
     CHECK(strstr(weft_err_detail(), ": need " what) != NULL))
#define CHECK_NO_HANDLE(call)                                                  \
    (CHECK_ERR(call, WEFT_EINVAL),                                             \
     CHECK(strstr(weft_err_detail(), "the handle is NULL") != NULL))

// In place of any object: what is missing is found before anybody looks into
// it.
static uint64_t anything;
#define ANY ((void *)&anything)

static const weft_bytes bad = {NULL, 3};
static const weft_target one = {"k", "1"};
static int runs;

// Inside of turns. ------------------------------------------------------------

static int
wait_for_nothing(void *ctx)
{
    (void)ctx;
    return 1;
}

static void
check_workflow(weft_workflow *wf)
{
    const weft_bytes nothing = weft_nothing();
    const weft_attribute many[WF_ATTRIBUTES_MAX + 1] = {{.name = "a"}};
    weft_future future;
    size_t index;

    CHECK_OK(weft_workflow_timer(wf, 1000, &future));
    CHECK_NEEDS(weft_workflow_await_all(wf, NULL, 1), "futures");
    CHECK_NEEDS(weft_workflow_await_settled(wf, NULL, 1), "futures");
    CHECK_NEEDS(weft_workflow_await_any(wf, NULL, 1, 0, &index), "futures");
    CHECK_NEEDS(weft_workflow_await_any(wf, &future, 0, 0, &index), "futures");
    CHECK_NEEDS(weft_workflow_await_any(wf, &future, 1, 0, NULL), "futures");
    CHECK_NEEDS(weft_workflow_await_success(wf, NULL, 1, 0, &index), "futures");
    CHECK_NEEDS(weft_workflow_await_success(wf, &future, 0, 0, &index),
                "futures");
    CHECK_NEEDS(weft_workflow_await_success(wf, &future, 1, 0, NULL),
                "futures");
    CHECK_NEEDS(weft_workflow_await_condition(wf, NULL, NULL, 0), "condition");
    CHECK_NO_HANDLE(
        weft_workflow_await_condition(NULL, wait_for_nothing, NULL, 0));
    CHECK_NEEDS(weft_workflow_branch(wf, "b", NULL, NULL, NULL, &future), "fn");
    CHECK_NEEDS(weft_workflow_call_async(wf, "a", nothing, NULL, NULL),
                "out_future");
    CHECK_NEEDS(weft_workflow_child_async(wf, one, nothing, NULL, NULL),
                "out_future");
    CHECK_NEEDS(weft_workflow_child_started(wf, future, NULL), "out_started");
    CHECK_NEEDS(weft_workflow_defer(wf, NULL, NULL), "fn");
    CHECK_NEEDS(weft_workflow_fail_with(wf, NULL), "failure");
    CHECK_NEEDS(weft_workflow_on_update(wf, "u", NULL, NULL, NULL), "handle");
    CHECK_NEEDS(weft_workflow_receive_any_async(wf, NULL, 1, &future),
                "out_future");
    CHECK_NEEDS(weft_workflow_scope_begin(wf, 0, NULL), "out_scope");
    CHECK_NEEDS(weft_workflow_set_attributes(wf, NULL, 1), "attributes");
    CHECK_NEEDS(weft_workflow_set_attributes(wf, many, WF_ATTRIBUTES_MAX + 1),
                "count");
    CHECK_NEEDS(weft_workflow_get_attribute(wf, NULL, ANY), "name");
    CHECK_NEEDS(weft_workflow_get_attribute(wf, "a", NULL), "out_attribute");
    CHECK_NEEDS(weft_workflow_step(wf, "s", NULL, NULL, NULL), "run");
    CHECK_NEEDS(weft_workflow_timer(wf, 1000, NULL), "out_future");
    CHECK_NEEDS(weft_workflow_value(wf, "v", NULL, NULL, NULL), "compute");
    CHECK_NEEDS(weft_saga_add_fn(weft_saga_create(wf), NULL, NULL), "fn");
}

static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_err err;

    (void)input;
    check_workflow(wf);
    err = weft_workflow_call(wf, "activity", weft_text("in"), NULL, &result);
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    const weft_bytes nothing = weft_nothing();
    const weft_attribute many[WF_ATTRIBUTES_MAX + 1] = {{.name = "a"}};

    (void)message;
    (void)state;
    CHECK_NEEDS(weft_actor_ask(actor, one, "x", nothing, NULL), "out_call");
    CHECK_NEEDS(weft_actor_call(actor, "a", nothing, NULL, NULL), "out_call");
    CHECK_NEEDS(weft_actor_spawn(actor, one, nothing, NULL, NULL), "out_call");
    CHECK_NEEDS(weft_actor_reply_later(actor, NULL), "out_question");
    CHECK_NEEDS(weft_actor_stop_failed_with(actor, NULL), "failure");
    CHECK_NEEDS(weft_actor_set_attributes(actor, NULL, 1), "attributes");
    CHECK_NEEDS(weft_actor_set_attributes(actor, many, WF_ATTRIBUTES_MAX + 1),
                "count");
    CHECK_NO_HANDLE(weft_actor_call_cancel(NULL, 1));
    CHECK_NO_HANDLE(weft_actor_stop_failed(NULL, "f", "", nothing));
    CHECK_NO_HANDLE(weft_actor_stop_failed_with(NULL, ANY));
    CHECK_NO_HANDLE(weft_actor_memo_set(NULL, "m", nothing));
    CHECK_NO_HANDLE(weft_actor_get_attribute(NULL, "a", ANY));
    runs++;
    return WEFT_OK;
}

static weft_err
answer(weft_query *query, const char *name, weft_bytes data, const void *state,
       size_t state_len)
{
    (void)name;
    (void)data;
    (void)state;
    (void)state_len;
    CHECK_NEEDS(weft_query_return(query, bad), "answer");
    runs++;
    return weft_query_return(query, weft_text("answer"));
}

static weft_err
act(weft_activity *activity, weft_bytes input)
{
    char token[WEFT_TOKEN_CHARS_MAX];

    CHECK_NEEDS(weft_activity_return(activity, bad), "result");
    CHECK_NEEDS(weft_activity_heartbeat(activity, bad), "details");
    CHECK_NEEDS(weft_activity_defer(activity, NULL, sizeof(token)),
                "out_token");
    CHECK_NEEDS(weft_activity_defer(activity, token, sizeof(token) - 1),
                "token_size");
    runs++;
    return weft_activity_return(activity, input);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "workflow";
    workflow.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    actor.name = "actor";
    actor.receive = receive;
    actor.query = answer;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    activity.name = "activity";
    activity.run = act;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

// What was refused is as if it had not been called: they go on and succeed.
TEST(required, code_of_turns_is_told_and_goes_on)
{
    weft_definitions *definitions = define();
    weft_target workflow = {"workflow", "1"};
    weft_target actor = {"actor", "1"};
    weft_client *client;
    weft_reply *reply;
    weft_test *test;

    runs = 0;
    CHECK_OK(weft_test_open(definitions, NULL, &test));
    client = weft_test_client(test);
    CHECK_OK(weft_client_start(client, workflow, weft_nothing()));
    CHECK_OK(weft_client_result(client, workflow, 0, &reply));
    CHECK_BYTES(reply->data, weft_text("in"));
    weft_reply_free(reply);
    CHECK_OK(weft_client_signal(client, actor, "x", weft_nothing()));
    CHECK_OK(weft_client_query(client, actor, "q", weft_nothing(), &reply));
    CHECK_BYTES(reply->data, weft_text("answer"));
    weft_reply_free(reply);
    CHECK_EQ(runs, 3);
    weft_test_close(test);
    weft_definitions_destroy(definitions);
}

// From outside. ---------------------------------------------------------------

TEST(required, definitions_nodes_and_clients_need_somewhere_to_be)
{
    const weft_node_options node = WEFT_NODE_OPTIONS_INIT;
    weft_node_stats stats = {0};

    CHECK_NEEDS(weft_definitions_create(NULL), "out_definitions");
    CHECK_NEEDS(weft_definitions_add_actor(NULL, NULL), "definitions");
    CHECK_NEEDS(weft_definitions_add_workflow(NULL, NULL), "definitions");
    CHECK_NEEDS(weft_definitions_add_activity(NULL, NULL), "definitions");
    CHECK_NEEDS(weft_node_open(NULL, ANY), "options");
    CHECK_NEEDS(weft_node_open(&node, NULL), "out_node");
    CHECK_NEEDS(weft_node_get_stats(NULL, &stats), "node");
    CHECK_NEEDS(weft_node_get_stats(ANY, NULL), "stats");
    CHECK_NEEDS(weft_node_get_stats(ANY, &stats), "stats->struct_size");
    CHECK_NEEDS(weft_node_backup(NULL, "to"), "node");
    CHECK_NEEDS(weft_node_backup(ANY, NULL), "to");
    CHECK_NEEDS(weft_node_backup(ANY, ""), "to");
    CHECK_NEEDS(weft_node_metrics(NULL, ANY), "node");
    CHECK_NEEDS(weft_node_metrics(ANY, NULL), "out_metrics");
    CHECK_NEEDS(weft_metrics_each(NULL, NULL, NULL), "metrics");
    CHECK_NEEDS(weft_metrics_each(ANY, NULL, NULL), "fn");
    CHECK_NEEDS(weft_metrics_text(NULL, NULL, NULL), "metrics");
    CHECK_NEEDS(weft_metrics_text(ANY, NULL, NULL), "out_text");
    CHECK_NEEDS(weft_client_open(NULL, NULL, ANY), "node");
    CHECK_NEEDS(weft_client_open(ANY, NULL, NULL), "out_client");
    CHECK_NEEDS(weft_client_call(NULL, ANY, 0, ANY), "client");
    CHECK_NEEDS(weft_client_call(ANY, ANY, 0, NULL), "out_reply");
    CHECK_NEEDS(weft_client_submit(NULL, ANY, NULL, NULL, NULL), "client");
    CHECK_NEEDS(weft_client_submit(ANY, ANY, NULL, NULL, NULL), "fn");
    CHECK_NEEDS(weft_client_batch(NULL, ANY, ANY), "client");
    CHECK_NEEDS(weft_client_batch(ANY, ANY, NULL), "out_result");
    CHECK_NEEDS(weft_worker_open(NULL, ANY, ANY), "client");
    CHECK_NEEDS(weft_worker_open(ANY, ANY, NULL), "out_worker");
    CHECK_NEEDS(weft_worker_drain(NULL, 0), "worker");
    CHECK_NEEDS(weft_test_open(NULL, NULL, ANY), "definitions");
    CHECK_NEEDS(weft_test_open(ANY, NULL, NULL), "out_test");
    CHECK_NEEDS(weft_test_every_crash(ANY, NULL, NULL, NULL), "scenario");
    CHECK_NEEDS(weft_test_stub_activity(NULL, "a", NULL), "test");
    CHECK_NEEDS(weft_test_stub_activity(ANY, NULL, NULL), "activity");
}

static int
never(void *ctx, const weft_inspect_actor *actor)
{
    (void)ctx;
    (void)actor;
    CHECK(false);
    return 0;
}

static void
never_bytes(void *ctx, weft_bytes bytes)
{
    (void)ctx;
    (void)bytes;
    CHECK(false);
}

TEST(required, looks_into_directories_need_somebody_to_tell)
{
    weft_inspect_counts counts = {0};
    weft_inspect_summary summary = {0};
    weft_inspect_backup_options backup = WEFT_INSPECT_BACKUP_OPTIONS_INIT;

    CHECK_NEEDS(weft_inspect_open(ANY, NULL), "out_inspect");
    CHECK_NEEDS(weft_inspect_each(NULL, NULL, never, NULL), "inspect");
    CHECK_NEEDS(weft_inspect_each(ANY, NULL, NULL, NULL), "fn");
    CHECK_NEEDS(weft_inspect_count(ANY, NULL, NULL, NULL, NULL, NULL),
                "out_count");
    CHECK_NEEDS(weft_inspect_find(NULL, NULL, one, never, NULL), "inspect");
    CHECK_NEEDS(weft_inspect_find(ANY, NULL, one, NULL, NULL), "fn");
    CHECK_NEEDS(weft_inspect_export(NULL, NULL, one, never_bytes, NULL),
                "inspect");
    CHECK_NEEDS(weft_inspect_export(ANY, NULL, one, NULL, NULL), "fn");
    CHECK_NEEDS(weft_inspect_letters(NULL, NULL, NULL), "inspect");
    CHECK_NEEDS(weft_inspect_letters(ANY, NULL, NULL), "fn");
    CHECK_NEEDS(weft_inspect_get_summary(NULL, &summary), "inspect");
    CHECK_NEEDS(weft_inspect_get_summary(ANY, NULL), "out_summary");
    CHECK_NEEDS(weft_inspect_get_summary(ANY, &summary), "size");
    summary.struct_size = sizeof(summary) + 1;
    CHECK_NEEDS(weft_inspect_get_summary(ANY, &summary), "size");
    CHECK_NEEDS(weft_inspect_verify("no/where", NULL, NULL, &counts), "size");
    counts.struct_size = sizeof(counts) + 1;
    CHECK_NEEDS(weft_inspect_verify("no/where", NULL, NULL, &counts), "size");
    CHECK_NEEDS(weft_inspect_backup(&backup), "known.data_dir");
    backup.data_dir = "";
    CHECK_NEEDS(weft_inspect_backup(&backup), "known.data_dir");
    backup.data_dir = "no/where";
    CHECK_NEEDS(weft_inspect_backup(&backup), "known.to");
    backup.to = "";
    CHECK_NEEDS(weft_inspect_backup(&backup), "known.to");
    CHECK_NEEDS(weft_inspect_restore(NULL, "x", NULL, NULL), "backup");
    CHECK_NEEDS(weft_inspect_restore("", "x", NULL, NULL), "backup");
    CHECK_NEEDS(weft_inspect_restore("x", NULL, NULL, NULL), "data_dir");
    CHECK_NEEDS(weft_inspect_restore("x", "", NULL, NULL), "data_dir");
    CHECK_NEEDS(weft_capsule_each(weft_nothing(), NULL, NULL), "fn");
    CHECK_NEEDS(weft_replay_check(NULL, weft_nothing()), "definitions");
    CHECK_NEEDS(weft_replay_check_file(ANY, NULL), "path");
}

TEST(required, payloads_and_ciphers_need_room_for_what_they_make)
{
    const uint8_t map[] = {0x81, 0xa1, 'a', 0x01};
    const weft_bytes bytes = {map, sizeof(map)};

    CHECK_NEEDS(weft_payload_create(NULL), "out_payload");
    CHECK_NEEDS(weft_payload_from_json(NULL, "1", 1), "payload");
    CHECK_NEEDS(weft_payload_from_json(ANY, NULL, 0), "text");
    CHECK_NEEDS(weft_payload_to_json(bytes, 0, NULL), "out_text");
    CHECK_NEEDS(weft_payload_pack(NULL, "i", 1), "payload");
    CHECK_NEEDS(weft_payload_pack(ANY, NULL), "format");
    CHECK_NEEDS(weft_payload_get_int(bytes, "a", NULL), "out_value");
    CHECK_NEEDS(weft_payload_get_uint(bytes, "a", NULL), "out_value");
    CHECK_NEEDS(weft_payload_get_double(bytes, "a", NULL), "out_value");
    CHECK_NEEDS(weft_payload_get_bool(bytes, "a", NULL), "out_value");
    CHECK_NEEDS(weft_payload_get_text(bytes, "a", NULL, 1), "out_text");
    CHECK_NEEDS(weft_payload_get_bytes(bytes, "a", NULL), "out_value");
    CHECK_NEEDS(weft_payload_get_value(bytes, "a", NULL), "out_value");
    CHECK_NEEDS(weft_cipher_open(ANY, NULL), "out_cipher");
    CHECK_NEEDS(weft_cipher_generate(NULL), "path");
    CHECK_NEEDS(weft_cipher_seal(NULL, bytes, never_bytes, NULL), "cipher");
    CHECK_NEEDS(weft_cipher_seal(ANY, bytes, NULL, NULL), "fn");
    CHECK_NEEDS(weft_cipher_seal(ANY, weft_bytes_of(map, UINT32_MAX),
                                 never_bytes, NULL),
                "plain.len");
    CHECK_NEEDS(weft_cipher_unseal(NULL, bytes, never_bytes, NULL), "cipher");
    CHECK_NEEDS(weft_cipher_unseal(ANY, bytes, NULL, NULL), "fn");
}
