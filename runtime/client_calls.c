// SPDX-License-Identifier: Apache-2.0
//
// client_calls.c - the blocking form of each verb: fill in a request, wait.
//
// Those that give a reply give it only with an answer the caller can use:
// WEFT_OK, and for results the four other ways in which an instance ends.
// With any other error *out_reply is NULL and there is nothing to free.

#include <stddef.h>

#include "weft/find.h"
#include "weft/watch.h"

static int
has_reply(weft_verb verb, weft_err err)
{
    return err == WEFT_OK ||
           ((verb == WEFT_VERB_UPDATE || verb == WEFT_VERB_UPDATE_WITH_START) &&
            err == WEFT_EFAILED) ||
           (verb == WEFT_VERB_RESULT &&
            (err == WEFT_EFAILED || err == WEFT_ECANCELLED ||
             err == WEFT_ETERMINATED || err == WEFT_EOVERDUE));
}

// out_reply may be NULL.
static weft_err
call(weft_client *client, const weft_request *request, uint32_t timeout_ms,
     weft_reply **out_reply)
{
    weft_reply *reply = NULL;
    weft_err err = weft_client_call(client, request, timeout_ms, &reply);

    if (out_reply == NULL || !has_reply(request->verb, err)) {
        weft_reply_free(reply);
        reply = NULL;
    }
    if (out_reply != NULL) {
        *out_reply = reply;
    }
    return err;
}

weft_err
weft_client_start(weft_client *client, weft_target target, weft_bytes input)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_START;
    request.target = target;
    request.input = input;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_start_with(weft_client *client, weft_target target,
                       weft_bytes input, const weft_start_options *options,
                       weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_START;
    request.target = target;
    request.input = input;
    request.start = options;
    return call(client, &request, 0, out_reply);
}

weft_err
weft_client_signal(weft_client *client, weft_target target, const char *name,
                   weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = target;
    request.name = name;
    request.data = data;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_signal_with_start(weft_client *client, weft_target target,
                              const char *name, weft_bytes data,
                              weft_bytes input)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL_WITH_START;
    request.target = target;
    request.name = name;
    request.data = data;
    request.input = input;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_result(weft_client *client, weft_target target, uint32_t timeout_ms,
                   weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RESULT;
    request.target = target;
    return call(client, &request, timeout_ms, out_reply);
}

weft_err
weft_client_watch(weft_client *client, weft_target target, uint64_t after,
                  uint32_t timeout_ms, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_WATCH;
    request.target = target;
    request.after = after;
    return call(client, &request, timeout_ms, out_reply);
}

weft_err
weft_client_query(weft_client *client, weft_target target, const char *name,
                  weft_bytes args, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_QUERY;
    request.target = target;
    request.name = name;
    request.data = args;
    return call(client, &request, 0, out_reply);
}

weft_err
weft_client_ask(weft_client *client, weft_target target, const char *name,
                weft_bytes data, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_ASK;
    request.target = target;
    request.name = name;
    request.data = data;
    return call(client, &request, 0, out_reply);
}

static weft_err
update(weft_client *client, weft_request *request, weft_target target,
       const char *name, weft_bytes data, const char *id,
       weft_reply **out_reply)
{
    request->target = target;
    request->name = name;
    request->data = data;
    request->update_id = id;
    return call(client, request, 0, out_reply);
}

weft_err
weft_client_update(weft_client *client, weft_target target, const char *name,
                   weft_bytes data, const char *id, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    return update(client, &request, target, name, data, id, out_reply);
}

weft_err
weft_client_update_begin(weft_client *client, weft_target target,
                         const char *name, weft_bytes data, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    request.update_accepted = 1;
    return update(client, &request, target, name, data, id, NULL);
}

weft_err
weft_client_update_with_start(weft_client *client, weft_target target,
                              const char *name, weft_bytes data, const char *id,
                              weft_bytes input, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE_WITH_START;
    request.input = input;
    return update(client, &request, target, name, data, id, out_reply);
}

weft_err
weft_client_describe(weft_client *client, weft_target target,
                     weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_DESCRIBE;
    request.target = target;
    return call(client, &request, 0, out_reply);
}

// The verbs that need a target and nothing else.
static weft_err
tell(weft_client *client, weft_verb verb, weft_target target)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = target;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_cancel(weft_client *client, weft_target target)
{
    return tell(client, WEFT_VERB_CANCEL, target);
}

weft_err
weft_client_pause(weft_client *client, weft_target target)
{
    return tell(client, WEFT_VERB_PAUSE, target);
}

weft_err
weft_client_resume(weft_client *client, weft_target target)
{
    return tell(client, WEFT_VERB_RESUME, target);
}

weft_err
weft_client_terminate(weft_client *client, weft_target target,
                      const char *reason)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_TERMINATE;
    request.target = target;
    request.name = reason;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_complete(weft_client *client, const char *token, weft_bytes result)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COMPLETE;
    request.token = token;
    request.data = result;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_fail(weft_client *client, const char *token, const char *name,
                 const char *message)
{
    return weft_client_fail_after(client, token, name, message, 0);
}

weft_err
weft_client_heartbeat(weft_client *client, const char *token,
                      weft_bytes details)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_HEARTBEAT;
    request.token = token;
    request.data = details;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_fail_after(weft_client *client, const char *token, const char *name,
                       const char *message, uint64_t retry_after_ms)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_FAIL;
    request.token = token;
    request.error_name = name;
    request.error_message = message;
    request.retry_after_ms = retry_after_ms;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_list(weft_client *client, const char *kind, weft_status status,
                 const char *cursor, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_LIST;
    request.target.kind = kind;
    request.status = status;
    request.cursor = cursor;
    return call(client, &request, 0, out_reply);
}

weft_err
weft_client_export(weft_client *client, weft_target target,
                   weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_EXPORT;
    request.target = target;
    return call(client, &request, 0, out_reply);
}

weft_err
weft_client_import(weft_client *client, weft_bytes capsule)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_IMPORT;
    request.data = capsule;
    return call(client, &request, 0, NULL);
}

weft_err
weft_client_list_where(weft_client *client, const char *filter,
                       const char *cursor, weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_LIST;
    request.filter = filter;
    request.cursor = cursor;
    return call(client, &request, 0, out_reply);
}

weft_err
weft_client_count(weft_client *client, const char *filter, const char *group_by,
                  weft_reply **out_reply)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COUNT_MATCHING;
    request.filter = filter;
    request.group_by = group_by;
    return call(client, &request, 0, out_reply);
}

weft_err
weft_client_delete(weft_client *client, weft_target target, int terminate_first)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_DELETE;
    request.target = target;
    request.terminate_first = terminate_first;
    return call(client, &request, 0, NULL);
}
