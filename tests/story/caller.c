// SPDX-License-Identifier: Apache-2.0
//
// caller.c - see caller.h.

#include "story/caller.h"

#include <string.h>

weft_call_options call_options;
char caller_token[WEFT_TOKEN_CHARS_MAX];

weft_err
caller_run(weft_workflow *wf, weft_bytes input)
{
    char text[200];
    char *rest = text;
    const char *activity;
    weft_bytes result;
    weft_err err;

    (void)story_text(input, text, sizeof(text));
    activity = strsep(&rest, " ");
    err = weft_workflow_call(wf, activity, weft_text(rest == NULL ? "" : rest),
                             &call_options, &result);
    return err != WEFT_OK ? err : weft_workflow_return(wf, result);
}

weft_definitions *
caller_definitions(void)
{
    weft_definitions *definitions;

    call_options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "caller", caller_run);
    return definitions;
}

void
caller_add(weft_definitions *definitions, const char *name,
           weft_activity_fn *run, const weft_retry_policy *retry,
           const weft_activity_timeouts *timeouts)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = run;
    if (retry != NULL) {
        def.retry = *retry;
    }
    if (timeouts != NULL) {
        def.timeouts = *timeouts;
    }
    CHECK_OK(weft_definitions_add_activity(definitions, &def));
}

weft_err
caller_hand_on(weft_activity *activity, weft_bytes input)
{
    (void)input;
    story_note("attempt %u", weft_activity_attempt(activity));
    return weft_activity_defer(activity, caller_token, sizeof(caller_token));
}

weft_definitions *
caller_hands_on(void)
{
    weft_definitions *definitions = caller_definitions();

    caller_add(definitions, "hand_on", caller_hand_on, NULL, NULL);
    return definitions;
}
