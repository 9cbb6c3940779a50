// SPDX-License-Identifier: Apache-2.0
//
// resets.c - what the stories about resets share. See resets.h.

#include "story/resets.h"

#include <string.h>

const weft_operator reset_ada = {"ada", "it went wrong"};

bool reset_is_mended;

weft_err
reset_act(weft_activity *activity, weft_bytes input)
{
    char text[100];

    (void)story_text(input, text, sizeof(text));
    story_note("act %s", text);
    if (!reset_is_mended && strncmp(text, "bad", 3) == 0) {
        return weft_activity_fail_for_good(activity, "Bad", "told to",
                                           weft_nothing());
    }
    return weft_activity_return(activity, input);
}

weft_err
reset_echo_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    if (story_is(input, "wait")) {
        TRY(weft_workflow_receive(wf, "word", WEFT_FOREVER, &word));
        return weft_workflow_return(wf, word);
    }
    if (story_is(input, "bad") && !reset_is_mended) {
        return weft_workflow_fail(wf, "Bad", "told to", weft_nothing());
    }
    return weft_workflow_return(wf, input);
}

struct world_call *
reset_submit(weft_verb verb, const char *kind, const weft_point *point)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, "i"};
    request.point = point;
    request.by = &reset_ada;
    return story_call(&request);
}

struct world_call *
reset_to(const char *kind, uint64_t entry)
{
    return reset_submit(
        WEFT_VERB_RESET, kind,
        &(weft_point){.type = WEFT_POINT_ENTRY, .entry = entry});
}

struct world_call *
reset_to_type(const char *kind, weft_point_type type)
{
    return reset_submit(WEFT_VERB_RESET, kind, &(weft_point){.type = type});
}

void
reset_retry(const char *kind)
{
    reset_is_mended = true;
    CHECK_OK(reset_submit(WEFT_VERB_RETRY_FAILED, kind, NULL)->err);
}
