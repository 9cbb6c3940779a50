// SPDX-License-Identifier: Apache-2.0
//
// serve_node.c - a node that is served, for the tests of the commands that ask
// one.
//
//   serve_node DIR [SERVER_KEY PRINCIPALS]
//
// Listens at ipc://DIR/socket and says "ready" when it does, then until stdin
// ends a line "token TOKEN" for each activity that completes by token.
//
//   order  a workflow by its input: "good" has an order done; "fail" fails, by
//          its activity, for the first time; "wait" waits for the signal go,
//          which it returns, and takes updates; "later" waits for an activity
//          that completes by token; "retry" for one that fails and is tried
//          again in a week
//   box    an actor that counts what it is sent, tells the count to who asks,
//          and is parked by the signal "fail"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weft/serve.h"
#include "weft/weft.h"

#define WEEK_MS (7ULL * 24 * 3600 * 1000)

static void
need(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        fprintf(stderr, "serve_node: %s: %s: %s\n", what, weft_err_name(err),
                weft_err_detail());
        exit(1);
    }
}

static int
is_text(weft_bytes input, const char *text)
{
    char buffer[64];

    return weft_payload_get_text(input, "", buffer, sizeof(buffer)) ==
               WEFT_OK &&
           strcmp(buffer, text) == 0;
}

// The activities. -----------------------------------------------------------

static weft_err
charge(weft_activity *activity, weft_bytes input)
{
    static atomic_int failures;

    if (is_text(input, "retry") ||
        (is_text(input, "fail") && atomic_fetch_add(&failures, 1) == 0)) {
        return weft_activity_fail(activity, "declined", "no money",
                                  weft_nothing());
    }
    return weft_activity_return(activity, input);
}

static weft_err
by_token(weft_activity *activity, weft_bytes input)
{
    char token[WEFT_TOKEN_CHARS_MAX];
    weft_err err = weft_activity_defer(activity, token, sizeof(token));

    (void)input;
    printf("token %s\n", token);
    fflush(stdout);
    return err;
}

// The kinds. ----------------------------------------------------------------

static weft_err
check_amount(weft_bytes input, void *ctx, weft_failure *out_why)
{
    int64_t amount = 0;

    (void)ctx;
    if (weft_payload_get_int(input, "", &amount) == WEFT_OK && amount > 0) {
        return WEFT_OK;
    }
    out_why->name = "not_an_amount";
    out_why->message = "more than nothing";
    return WEFT_EFAILED;
}

static weft_err
add_amount(weft_workflow *wf, weft_bytes input, void *ctx)
{
    weft_err err = weft_workflow_publish(wf, "amount", input);

    (void)ctx;
    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

static weft_err
wait_for_go(weft_workflow *wf)
{
    weft_bytes data = weft_nothing();
    weft_err err =
        weft_workflow_on_update(wf, "add", check_amount, add_amount, NULL);

    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "state", weft_text("waits"));
    }
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "state", weft_text("goes"));
    }
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

static weft_err
order(weft_workflow *wf, weft_bytes input)
{
    weft_call_options once = WEFT_CALL_OPTIONS_INIT;
    weft_bytes result;
    weft_err err;

    if (is_text(input, "wait")) {
        return wait_for_go(wf);
    }
    once.retry.maximum_attempts = is_text(input, "fail") ? 1 : 0;
    err =
        weft_workflow_call(wf, is_text(input, "later") ? "by_token" : "charge",
                           input, &once, &result);
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
tell(weft_actor *actor, uint64_t count)
{
    weft_payload *payload = NULL;
    weft_err err = weft_payload_create(&payload);

    if (err == WEFT_OK) {
        weft_payload_uint(payload, count);
        err = weft_actor_reply(actor, weft_payload_bytes(payload));
    }
    weft_payload_destroy(payload);
    return err;
}

static weft_err
box(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *count = state;

    *count += message->type == WEFT_MESSAGE_SIGNAL;
    if (strcmp(message->name, "fail") == 0) {
        return WEFT_EINVAL;
    }
    return strcmp(message->name, "add") == 0 ? tell(actor, *count) : WEFT_OK;
}

static weft_err
count_query(weft_query *query, const char *name, weft_bytes args,
            const void *state, size_t state_len)
{
    weft_payload *payload = NULL;
    uint64_t count;
    weft_err err = weft_payload_create(&payload);

    (void)args;
    if (err != WEFT_OK || strcmp(name, "count") != 0 ||
        state_len != sizeof(count)) {
        weft_payload_destroy(payload);
        return WEFT_ENOTFOUND;
    }
    memcpy(&count, state, sizeof(count));
    weft_payload_uint(payload, count);
    err = weft_query_return(query, weft_payload_bytes(payload));
    weft_payload_destroy(payload);
    return err;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    need(weft_definitions_create(&definitions), "definitions");
    workflow.name = "order";
    workflow.run = order;
    need(weft_definitions_add_workflow(definitions, &workflow), "order");
    actor.name = "box";
    actor.receive = box;
    actor.query = count_query;
    actor.state_bytes = sizeof(uint64_t);
    actor.turn_attempts_max = 1;
    need(weft_definitions_add_actor(definitions, &actor), "box");
    activity.name = "charge";
    activity.run = charge;
    activity.retry.initial_interval_ms = WEEK_MS;
    need(weft_definitions_add_activity(definitions, &activity), "charge");
    activity.name = "by_token";
    activity.run = by_token;
    activity.timeouts.start_to_close_ms = WEEK_MS;
    need(weft_definitions_add_activity(definitions, &activity), "by_token");
    return definitions;
}

int
main(int argc, char **argv)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_server_options serving = WEFT_SERVER_OPTIONS_INIT;
    weft_node *node = NULL;
    weft_server *server = NULL;
    char endpoint[256];
    const char *endpoints[] = {endpoint, NULL};
    char byte;

    if (argc != 2 && argc != 4) {
        fputs("usage: serve_node DIR [SERVER_KEY PRINCIPALS]\n", stderr);
        return 1;
    }
    if (argc == 4) {
        serving.server_key_file = argv[2];
        serving.principals_file = argv[3];
    }
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/socket", argv[1]);
    options.definitions = define();
    options.data_dir = argv[1];
    options.partition_count = 4;
    options.reserve_bytes = 1;
    need(weft_node_open(&options, &node), argv[1]);
    serving.endpoints = endpoints;
    serving.endpoints_count = 1;
    need(weft_server_open(node, &serving, &server), endpoint);
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    weft_server_close(server);
    weft_node_close(node);
    weft_definitions_destroy(
        (weft_definitions *)(uintptr_t)options.definitions);
    return 0;
}
