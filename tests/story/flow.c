// SPDX-License-Identifier: Apache-2.0
//
// flow.c - one workflow, and what it may need. See flow.h.

#include "story/flow.h"

#include <stdio.h>
#include <string.h>

weft_err
flow_act(weft_activity *activity, weft_bytes input)
{
    char text[64];
    unsigned long ms = 0;

    (void)story_text(input, text, sizeof(text));
    if (strncmp(text, "fail", 4) == 0) {
        return weft_activity_fail_for_good(activity,
                                           text[4] == ' ' ? text + 5 : "Broken",
                                           "as told", weft_text("details"));
    }
    if (sscanf(text, "sleep %lu", &ms) == 1) {
        story_wait_ms(ms);
    }
    return weft_activity_return(activity, input);
}

weft_definitions *
flow_with(weft_workflow_fn *run)
{
    weft_definitions *definitions;

    puppet_is_mended = false;
    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "flow", run);
    story_add_activity(definitions, "act", flow_act);
    story_add_actor(definitions, "puppet", sizeof(struct puppet),
                    puppet_receive);
    return definitions;
}

weft_err
flow_fan_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const inputs[] = {"a", "bad", "c"};
    weft_future futures[3];
    weft_future timer;

    (void)input;
    TRY(weft_workflow_timer(wf, 60000, &timer));
    for (int i = 0; i < 3; i++) {
        TRY(weft_workflow_call_async(wf, "act", weft_text(inputs[i]), NULL,
                                     &futures[i]));
    }
    TRY(weft_workflow_await_all(wf, futures, 3));
    TRY(weft_workflow_await(wf, timer, NULL));
    return weft_workflow_return(wf, weft_text("all"));
}

weft_err
flow_sleeper(weft_workflow *wf, void *ctx)
{
    weft_err err = weft_workflow_sleep(wf, 1000);

    (void)ctx;
    if (err == WEFT_EUNWIND) {
        return err;
    }
    weft_workflow_shield_begin(wf);
    MUST(weft_workflow_sleep(wf, 50), WEFT_OK);
    weft_workflow_shield_end(wf);
    return err;
}
