// SPDX-License-Identifier: Apache-2.0
//
// busy.c - an activity that fails as often as its story says. See busy.h.

#include "story/busy.h"

const weft_operator busy_operator = {"ada", "the service is down"};

unsigned busy_failures;
void (*busy_during)(weft_activity *activity);

weft_err
busy_run(weft_activity *activity, weft_bytes input)
{
    uint32_t attempt = weft_activity_attempt(activity);

    story_note("attempt %u", attempt);
    if (busy_during != NULL) {
        busy_during(activity);
    }
    if (busy_failures > 0) {
        busy_failures--;
        return weft_activity_fail(activity, "Busy", "try later",
                                  weft_nothing());
    }
    return weft_activity_return(activity, input);
}

void
busy_add(weft_definitions *definitions, const weft_retry_policy *retry,
         const weft_activity_timeouts *timeouts)
{
    busy_failures = 0;
    busy_during = NULL;
    caller_add(definitions, "fails", busy_run, retry, timeouts);
}

weft_definitions *
busy_definitions(const weft_retry_policy *retry,
                 const weft_activity_timeouts *timeouts)
{
    weft_definitions *definitions = caller_definitions();

    busy_add(definitions, retry, timeouts);
    return definitions;
}

weft_definitions *
busy_every_second(void)
{
    return busy_definitions(
        &(weft_retry_policy){.initial_interval_ms = 1000, .coefficient = 1},
        NULL);
}

weft_definitions *
busy_for_a_minute(void)
{
    return busy_definitions(
        &(weft_retry_policy){.initial_interval_ms = 1000, .coefficient = 1},
        &(weft_activity_timeouts){.schedule_to_close_ms = 60000});
}

struct world_call *
busy_submit(weft_verb verb, const char *id, uint32_t call,
            const weft_call_options *options)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){"caller", id};
    request.call = call;
    request.options = options;
    request.by = &busy_operator;
    request.limit = 100;
    return world_submit(story_now()->world, &request);
}

struct world_call *
busy_ask(weft_verb verb, const char *id, uint32_t call,
         const weft_call_options *options)
{
    return world_wait(story_now()->world, busy_submit(verb, id, call, options));
}

struct world_call *
busy_operate(weft_verb verb, const char *id)
{
    return busy_ask(verb, id, 1, NULL);
}

const weft_open_activity *
busy_look(const char *id)
{
    struct world_call *call = busy_ask(WEFT_VERB_ACTIVITIES, id, 0, NULL);

    CHECK_OK(call->err);
    CHECK_EQ(call->activities_count, 1);
    return &call->activity;
}
