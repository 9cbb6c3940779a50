// SPDX-License-Identifier: Apache-2.0
//
// greet.c - an object for weftd --load: a workflow that waits for a name, lets
// an activity make a greeting of it, and ends with that.

#include <stdio.h>
#include <string.h>

#include "weft/load.h"
#include "weft/weft.h"

static weft_err
compose(weft_activity *activity, weft_bytes input)
{
    const char *greeting = weft_activity_context(activity);
    char text[256];
    int len = snprintf(text, sizeof(text), "%s, %.*s", greeting, (int)input.len,
                       (const char *)input.data);

    return weft_activity_return(activity, weft_bytes_of(text, (size_t)len));
}

static weft_err
greet(weft_workflow *wf, weft_bytes input)
{
    weft_bytes name;
    weft_bytes text;
    weft_err err;

    (void)input;
    err = weft_workflow_publish(wf, "state", weft_text("waiting"));
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "name", WEFT_FOREVER, &name);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_call(wf, "compose", name, NULL, &text);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, text) : err;
}

WEFT_LOAD(definitions, argument)
{
    static char greeting[64] = "Hello";
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_err err;

    if (argument[0] != '\0') {
        snprintf(greeting, sizeof(greeting), "%s", argument);
    }
    workflow.name = "greet";
    workflow.run = greet;
    activity.name = "compose";
    activity.run = compose;
    activity.context = greeting;
    err = weft_definitions_add_workflow(definitions, &workflow);
    return err == WEFT_OK
               ? weft_definitions_add_activity(definitions, &activity)
               : err;
}
