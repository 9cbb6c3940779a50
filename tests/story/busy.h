// SPDX-License-Identifier: Apache-2.0
//
// busy.h - an activity that fails as often as its story says, called by a
// "caller" (caller.h), and what an operator does to it.

#ifndef WF_TESTS_STORY_BUSY_H
#define WF_TESTS_STORY_BUSY_H

#include "story/caller.h"

extern unsigned busy_failures; // attempts that fail, from now on: "Busy"
extern void (*busy_during)(weft_activity *activity); // NULL: nothing

// Notes "attempt N"; gives its input.
weft_activity_fn busy_run;
// Add it to definitions, as "fails": nothing fails, and nothing happens during.
void busy_add(weft_definitions *definitions, const weft_retry_policy *retry,
              const weft_activity_timeouts *timeouts);

// Definitions of the caller and of it; any policy may be NULL.
weft_definitions *busy_definitions(const weft_retry_policy *retry,
                                   const weft_activity_timeouts *timeouts);
weft_definitions *busy_every_second(void);
weft_definitions *busy_for_a_minute(void); // the same, and no longer

// What is done to call `call` of "caller", by Ada; busy_ask waits for the
// answer.
extern const weft_operator busy_operator;
struct world_call *busy_submit(weft_verb verb, const char *id, uint32_t call,
                               const weft_call_options *options);
struct world_call *busy_ask(weft_verb verb, const char *id, uint32_t call,
                            const weft_call_options *options);
// To its first call, which is the first command of its workflow.
struct world_call *busy_operate(weft_verb verb, const char *id);
// Its one open activity.
const weft_open_activity *busy_look(const char *id);

#endif
