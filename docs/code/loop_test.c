// SPDX-License-Identifier: Apache-2.0
//
// loop_test.c - the example of docs/loops.md: a workflow that never ends by
// itself, and its test. Prints "fine" and ends with status 0.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "weft/testing.h"
#include "weft/weft.h"

#define MONTH_MS (30ULL * 24 * 3600 * 1000)
#define USES 50000

// All that a run of the loop must not forget.
struct meter {
    uint64_t used;
    uint64_t bills;
};

static weft_err
bill(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_OK;
}

// Counts what is used, and sends a bill when a month has gone by without.
static weft_err
meter(weft_workflow *wf, weft_bytes input)
{
    struct meter now = {0};
    weft_bytes state = weft_bytes_of(&now, sizeof(now));
    weft_err err = WEFT_OK;

    if (input.len == sizeof(now)) {
        memcpy(&now, input.data, sizeof(now));
    }
    while (err == WEFT_OK && !weft_workflow_restart_suggested(wf)) {
        err = weft_workflow_receive(wf, "use", MONTH_MS, NULL);
        if (err == WEFT_ETIMEDOUT) {
            err = weft_workflow_call(wf, "bill", state, NULL, NULL);
            now.bills++;
        } else if (err == WEFT_OK) {
            now.used++;
        }
        if (err == WEFT_OK) {
            err = weft_workflow_publish(wf, "meter", state);
        }
    }
    return err == WEFT_OK ? weft_workflow_restart(wf, state) : err;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_err err = weft_definitions_create(&definitions);

    activity.name = "bill";
    activity.run = bill;
    workflow.name = "meter";
    workflow.run = meter;
    if (err == WEFT_OK) {
        err = weft_definitions_add_activity(definitions, &activity);
    }
    if (err == WEFT_OK) {
        err = weft_definitions_add_workflow(definitions, &workflow);
    }
    return err == WEFT_OK ? definitions : NULL;
}

// It is used very often, then no more; and the process dies in between.
static int
play(weft_test *test)
{
    weft_client *client = weft_test_client(test);
    weft_target target = {"meter", "flat-7"};
    weft_reply *described = NULL;
    weft_reply *reply = NULL;
    struct meter now = {0};
    weft_err err = weft_client_start(client, target, weft_nothing());
    int is_fine;

    for (int i = 0; i < USES && err == WEFT_OK; i++) {
        err = weft_client_signal(client, target, "use", weft_nothing());
    }
    weft_test_crash(test);
    weft_test_advance(test, MONTH_MS + 1000);
    if (err == WEFT_OK) {
        err =
            weft_client_query(client, target, "meter", weft_nothing(), &reply);
    }
    if (err == WEFT_OK) {
        memcpy(&now, reply->data.data, sizeof(now));
        err = weft_client_describe(client, target, &described);
    }
    // Several runs, and a journal that is never long.
    is_fine = err == WEFT_OK && now.used == USES && now.bills == 1 &&
              described->items[0].run > 2 &&
              described->items[0].journal_count < 30000;
    weft_reply_free(reply);
    weft_reply_free(described);
    return is_fine ? 0 : 1;
}

int
main(void)
{
    weft_definitions *definitions = define();
    weft_test *test = NULL;
    int outcome = 1;

    if (definitions != NULL &&
        weft_test_open(definitions, NULL, &test) == WEFT_OK) {
        outcome = play(test);
    }
    weft_test_close(test);
    weft_definitions_destroy(definitions);
    printf("%s\n", outcome == 0 ? "fine" : "wrong");
    return outcome;
}
