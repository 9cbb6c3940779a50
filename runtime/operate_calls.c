// SPDX-License-Identifier: Apache-2.0
//
// operate_calls.c - the blocking form of each verb of weft/operate.h.

#include <stdio.h>

#include "base/error.h"
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

// Not every verb needs to know who and why; every call here does.
static weft_err
operate_with(weft_client *client, weft_verb verb, weft_target target,
             const weft_operator *by, weft_request request)
{
    weft_reply *reply = NULL;
    weft_err err;

    if (by == NULL) {
        return wf_error(WEFT_EINVAL, "who does it and why is missing");
    }
    request.verb = verb;
    request.target = target;
    request.by = by;
    err = weft_client_call(client, &request, 0, &reply);
    weft_reply_free(reply);
    return err;
}

static weft_err
operate(weft_client *client, weft_verb verb, weft_target target, uint32_t call,
        const weft_call_options *options, const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.call = call;
    request.options = options;
    return operate_with(client, verb, target, by, request);
}

weft_err
weft_operate_pause(weft_client *client, weft_target target,
                   const weft_operator *by)
{
    return operate(client, WEFT_VERB_PAUSE, target, 0, NULL, by);
}

weft_err
weft_operate_park(weft_client *client, weft_target target,
                  const weft_operator *by)
{
    return operate(client, WEFT_VERB_PARK, target, 0, NULL, by);
}

weft_err
weft_operate_resume(weft_client *client, weft_target target,
                    const weft_operator *by)
{
    return operate(client, WEFT_VERB_RESUME, target, 0, NULL, by);
}

weft_err
weft_operate_cancel(weft_client *client, weft_target target,
                    const weft_operator *by)
{
    return operate(client, WEFT_VERB_CANCEL, target, 0, NULL, by);
}

weft_err
weft_operate_terminate(weft_client *client, weft_target target,
                       const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;
    char reason[256] = "";

    if (by != NULL && by->why != NULL) {
        (void)snprintf(reason, sizeof(reason), "%s", by->why);
    }
    request.name = reason;
    return operate_with(client, WEFT_VERB_TERMINATE, target, by, request);
}

weft_err
weft_operate_publish(weft_client *client, weft_target target, const char *name,
                     weft_bytes value, const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.name = name;
    request.data = value;
    return operate_with(client, WEFT_VERB_PUBLISH, target, by, request);
}

weft_err
weft_operate_set_state(weft_client *client, weft_target target,
                       uint32_t version, weft_bytes state,
                       const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.version = version;
    request.data = state;
    return operate_with(client, WEFT_VERB_SET_STATE, target, by, request);
}

weft_err
weft_operate_move_version(weft_client *client, weft_target target,
                          uint32_t version, const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.version = version;
    return operate_with(client, WEFT_VERB_MOVE_VERSION, target, by, request);
}

weft_err
weft_operate_reset(weft_client *client, weft_target target,
                   const weft_point *point, const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.point = point;
    return operate_with(client, WEFT_VERB_RESET, target, by, request);
}

weft_err
weft_operate_retry_failed(weft_client *client, weft_target target,
                          const weft_operator *by)
{
    return operate(client, WEFT_VERB_RETRY_FAILED, target, 0, NULL, by);
}

weft_err
weft_operate_fork(weft_client *client, weft_target source,
                  const weft_point *point, const char *new_id,
                  const weft_operator *by)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *capsule = NULL;
    weft_err err;

    err = weft_client_export(client, source, &capsule);
    if (err == WEFT_OK) {
        request.data = capsule->data;
        request.point = point;
        err = operate_with(client, WEFT_VERB_FORK,
                           (weft_target){source.kind, new_id}, by, request);
    }
    weft_reply_free(capsule);
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
