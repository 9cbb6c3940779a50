// SPDX-License-Identifier: Apache-2.0
//
// hello.c - the example of README.md, as a whole program.
//
//   hello DIR
//
// Starts one order, tells it that its parcel was sent, and prints the receipt.
// Kill it anywhere and run it again with the same DIR: the order goes on.
// README.md shows what is between the two marks, and tests/tidy/links.sh
// compares them.

#include <stdio.h>

#include "weft/weft.h"

#define DAY_MS (24 * 3600 * 1000)

static weft_err
charge(weft_activity *activity, weft_bytes input)
{
    char receipt[80];

    // A bank would be given the key: it is the same if this runs again.
    (void)snprintf(receipt, sizeof(receipt), "%.*s paid", (int)input.len,
                   (const char *)input.data);
    return weft_activity_return(activity, weft_text(receipt));
}

// README: begin
static weft_err
order(weft_workflow *wf, weft_bytes card)
{
    weft_bytes receipt;
    weft_err err = weft_workflow_call(wf, "charge", card, NULL, &receipt);

    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "sent", 30ULL * DAY_MS, NULL);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, receipt) : err;
}
// README: end

static weft_err
define(weft_definitions *definitions)
{
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_err err;

    activity.name = "charge";
    activity.run = charge;
    err = weft_definitions_add_activity(definitions, &activity);
    if (err != WEFT_OK) {
        return err;
    }
    workflow.name = "order";
    workflow.run = order;
    return weft_definitions_add_workflow(definitions, &workflow);
}

static weft_err
play(weft_client *client)
{
    const weft_target target = {"order", "17"};
    weft_reply *reply = NULL;
    weft_err err = weft_client_start(client, target, weft_text("card 4711"));

    if (err == WEFT_EEXISTS) {
        err = WEFT_OK; // an earlier process began it
    }
    if (err == WEFT_OK) {
        err = weft_client_signal(client, target, "sent", weft_nothing());
    }
    if (err == WEFT_OK || err == WEFT_EFINISHED) {
        err = weft_client_result(client, target, 0, &reply);
    }
    if (err == WEFT_OK) {
        printf("order 17: %.*s\n", (int)reply->data.len,
               (const char *)reply->data.data);
    }
    weft_reply_free(reply);
    return err;
}

int
main(int argc, char **argv)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_definitions *definitions = NULL;
    weft_client *client = NULL;
    weft_node *node = NULL;
    weft_err err = weft_definitions_create(&definitions);

    if (err == WEFT_OK) {
        err = define(definitions);
    }
    if (err == WEFT_OK) {
        options.data_dir = argc > 1 ? argv[1] : "hello-data";
        options.definitions = definitions;
        err = weft_node_open(&options, &node);
    }
    if (err == WEFT_OK) {
        err = weft_client_open(node, NULL, &client);
    }
    if (err == WEFT_OK) {
        err = play(client);
    }
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "hello: %s: %s\n", weft_err_text(err),
                      weft_err_detail());
    }
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return err == WEFT_OK ? 0 : 1;
}
