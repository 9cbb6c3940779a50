// SPDX-License-Identifier: Apache-2.0
//
// operate_calls.c - the blocking form of each verb of weft/operate.h.

#include "weft/operate.h"

weft_err
weft_operate_activities(weft_client *client, weft_target target, uint32_t after,
                        weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    weft_err err;

    request.verb = WEFT_VERB_ACTIVITIES;
    request.target = target;
    request.call = after;
    err = weft_client_call(client, &request, 0, &reply);
    if (err != WEFT_OK) {
        weft_reply_free(reply);
        reply = NULL;
    }
    *out_reply = reply;
    return err;
}

static weft_err
operate(weft_client *client, weft_verb verb, weft_target target, uint32_t call,
        const weft_call_options *options, const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    weft_err err;

    request.verb = verb;
    request.target = target;
    request.call = call;
    request.options = options;
    request.by = by;
    err = weft_client_call(client, &request, 0, &reply);
    weft_reply_free(reply);
    return err;
}

weft_err
weft_operate_activity_pause(weft_client *client, weft_target target,
                            uint32_t call, const weft_operator *by)
{
    return operate(client, WEFT_VERB_ACTIVITY_PAUSE, target, call, NULL, by);
}

weft_err
weft_operate_activity_resume(weft_client *client, weft_target target,
                             uint32_t call, const weft_operator *by)
{
    return operate(client, WEFT_VERB_ACTIVITY_RESUME, target, call, NULL, by);
}

weft_err
weft_operate_activity_reset(weft_client *client, weft_target target,
                            uint32_t call, const weft_operator *by)
{
    return operate(client, WEFT_VERB_ACTIVITY_RESET, target, call, NULL, by);
}

weft_err
weft_operate_activity_change(weft_client *client, weft_target target,
                             uint32_t call, const weft_call_options *options,
                             const weft_operator *by)
{
    return operate(client, WEFT_VERB_ACTIVITY_CHANGE, target, call, options,
                   by);
}
