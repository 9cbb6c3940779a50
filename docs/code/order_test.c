// SPDX-License-Identifier: Apache-2.0
//
// order_test.c - the example of docs/testing.md: a service's own test.
//
// Prints "fine" and ends with status 0 if the order does what it should. No
// directory, no threads, no time: the parcel that is sent after three days is
// there in a few microseconds.

#include <stdio.h>
#include <string.h>

#include "weft/testing.h"
#include "weft/weft.h"

#define DAY_MS (24ULL * 3600 * 1000)

// The service: charge a card, wait for the parcel, refund if it never comes.

static weft_err
call_the_bank(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_fail(activity, "no network", "this is a test",
                              weft_nothing());
}

static weft_err
order(weft_workflow *wf, weft_bytes card)
{
    weft_bytes receipt;
    weft_err err = weft_workflow_call(wf, "charge", card, NULL, &receipt);

    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_receive(wf, "sent", 30 * DAY_MS, NULL);
    if (err == WEFT_ETIMEDOUT) {
        err = weft_workflow_call(wf, "refund", receipt, NULL, NULL);
        return err == WEFT_OK ? weft_workflow_return(wf, weft_text("refunded"))
                              : err;
    }
    return err == WEFT_OK ? weft_workflow_return(wf, receipt) : err;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_err err = weft_definitions_create(&definitions);

    activity.run = call_the_bank;
    activity.name = "charge";
    if (err == WEFT_OK) {
        err = weft_definitions_add_activity(definitions, &activity);
    }
    activity.name = "refund";
    if (err == WEFT_OK) {
        err = weft_definitions_add_activity(definitions, &activity);
    }
    workflow.name = "order";
    workflow.run = order;
    if (err == WEFT_OK) {
        err = weft_definitions_add_workflow(definitions, &workflow);
    }
    return err == WEFT_OK ? definitions : NULL;
}

// Its tests.

static const weft_target seventeen = {"order", "17"};

// The bank answers at the third attempt, and takes two seconds for each.
static weft_err
stub_bank(weft_test *test)
{
    weft_test_stub stub = WEFT_TEST_STUB_INIT;
    weft_err err;

    stub.result = weft_text("receipt 1");
    stub.fail_count = 2;
    stub.fail_name = "busy";
    stub.delay_ms = 2000;
    err = weft_test_stub_activity(test, "charge", &stub);
    stub = (weft_test_stub)WEFT_TEST_STUB_INIT;
    return err == WEFT_OK ? weft_test_stub_activity(test, "refund", &stub)
                          : err;
}

// Start the order and wait for what it ends with.
static int
ends_with(weft_test *test, const char *expected)
{
    weft_client *client = weft_test_client(test);
    weft_reply *reply = NULL;
    weft_err err = weft_client_start(client, seventeen, weft_text("card 4711"));
    int is_fine = 0;

    if (err == WEFT_OK) {
        err = weft_client_result(client, seventeen, 0, &reply);
    }
    if (err == WEFT_OK) {
        is_fine = reply->data.len == strlen(expected) &&
                  memcmp(reply->data.data, expected, reply->data.len) == 0;
    }
    weft_reply_free(reply);
    return is_fine;
}

static void
send_parcel(weft_test *test, void *ctx)
{
    (void)ctx;
    (void)weft_client_signal(weft_test_client(test), seventeen, "sent",
                             weft_nothing());
}

static int
a_parcel_is_sent(weft_test *test, void *ctx)
{
    (void)ctx;
    if (stub_bank(test) != WEFT_OK) {
        return 1;
    }
    weft_test_at(test, 3 * DAY_MS, send_parcel, NULL);
    return ends_with(test, "receipt 1") ? 0 : 2;
}

static int
no_parcel_is_sent(weft_test *test, void *ctx)
{
    uint64_t begun_ms = weft_test_now_ms(test);

    (void)ctx;
    if (stub_bank(test) != WEFT_OK) {
        return 1;
    }
    if (!ends_with(test, "refunded")) {
        return 2;
    }
    return weft_test_now_ms(test) - begun_ms >= 30 * DAY_MS ? 0 : 3;
}

int
main(void)
{
    weft_definitions *definitions = define();
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_err err;

    options.paranoid = 1;
    err = weft_test_every_crash(definitions, &options, a_parcel_is_sent, NULL);
    if (err == WEFT_OK) {
        err = weft_test_every_crash(definitions, &options, no_parcel_is_sent,
                                    NULL);
    }
    puts(err == WEFT_OK ? "fine" : weft_err_detail());
    weft_definitions_destroy(definitions);
    return err == WEFT_OK ? 0 : 1;
}
