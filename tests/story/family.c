// SPDX-License-Identifier: Apache-2.0
//
// family.c - a child, and what its parents are told to do. See family.h.

#include "story/family.h"

#include <stdio.h>

weft_err
family_child(weft_workflow *wf, weft_bytes input)
{
    weft_err err;

    if (story_is(input, "fail")) {
        return weft_workflow_fail(wf, "Broken", "it broke", weft_nothing());
    }
    if (story_is(input, "quick")) {
        return weft_workflow_return(wf, input);
    }
    if (story_is(input, "second") && weft_workflow_attempt(wf) == 1) {
        return weft_workflow_fail(wf, "NotYet", "try again", weft_nothing());
    }
    if (story_is(input, "second")) {
        return weft_workflow_return(wf, weft_workflow_memo(wf, "note"));
    }
    if (story_is(input, "again")) {
        return weft_workflow_restart(wf, weft_text("quick"));
    }
    if (story_is(input, "parked")) {
        (void)weft_workflow_patched(wf, "");
    }
    err = weft_workflow_sleep(wf, WEFT_FOREVER);
    if (err == WEFT_ECANCELLED && story_is(input, "slow")) {
        weft_workflow_shield_begin(wf);
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        weft_workflow_shield_end(wf);
        return weft_workflow_return(wf, weft_text("late"));
    }
    return err;
}

struct family_plan
family_plan_of(weft_bytes input)
{
    struct family_plan plan = {.options = WEFT_CHILD_OPTIONS_INIT};
    char text[200];
    int close = 0;
    int cancellation = 0;

    (void)sscanf(story_text(input, text, sizeof(text)), "%d %d %49s %19s %19s",
                 &close, &cancellation, plan.id, plan.input, plan.what);
    plan.options.parent_close = (weft_parent_close)close;
    plan.options.cancellation = (weft_cancellation)cancellation;
    return plan;
}

weft_err
family_end(weft_workflow *wf, weft_err err, weft_bytes result)
{
    char text[100];

    if (err == WEFT_EUNWIND) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%s %.*s", weft_err_name(err),
                   err == WEFT_OK ? (int)result.len : 0,
                   err == WEFT_OK ? (const char *)result.data : "");
    return weft_workflow_return(wf, weft_text(text));
}

weft_definitions *
family_definitions(const char *parent, weft_workflow_fn *run)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "child", family_child);
    if (parent != NULL) {
        story_add_workflow(definitions, parent, run);
    }
    return definitions;
}
