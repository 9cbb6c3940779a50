// SPDX-License-Identifier: Apache-2.0
//
// caller.h - a workflow that makes one activity call: kind "caller", input
// "ACTIVITY INPUT". It ends as the call ends, with call_options if set.

#ifndef WF_TESTS_STORY_CALLER_H
#define WF_TESTS_STORY_CALLER_H

#include "story/story.h"

weft_workflow_fn caller_run;
extern weft_call_options call_options;

// New definitions with the caller, and call_options as they begin.
weft_definitions *caller_definitions(void);
// An activity with these policies; any may be NULL.
void caller_add(weft_definitions *definitions, const char *name,
                weft_activity_fn *run, const weft_retry_policy *retry,
                const weft_activity_timeouts *timeouts);

// An activity that notes "attempt N" and hands its token on, to caller_token.
weft_activity_fn caller_hand_on;
extern char caller_token[WEFT_TOKEN_CHARS_MAX];
weft_definitions *caller_hands_on(void); // with it, as "hand_on"

#endif
