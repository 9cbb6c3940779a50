// SPDX-License-Identifier: Apache-2.0
//
// counter.c - a kind "counter": every signal adds one, any query gives the
// number as a uint64_t.

#include "support/counter.h"

#include <string.h>

static weft_err
count(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *number = state;

    (void)actor;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        (*number)++;
    }
    return WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

weft_err
counter_define(weft_definitions *definitions)
{
    weft_actor_def counter = WEFT_ACTOR_DEF_INIT;

    counter.name = "counter";
    counter.state_bytes = sizeof(uint64_t);
    counter.receive = count;
    counter.query = show;
    return weft_definitions_add_actor(definitions, &counter);
}

weft_err
counter_add(weft_client *client, const char *id)
{
    return weft_client_signal(client, (weft_target){"counter", id}, "add",
                              weft_nothing());
}

weft_err
counter_read(weft_client *client, const char *id, uint64_t *out_value)
{
    weft_reply *reply = NULL;
    weft_err err = weft_client_query(client, (weft_target){"counter", id},
                                     "number", weft_nothing(), &reply);

    *out_value = 0;
    if (err == WEFT_OK && reply->data.len == sizeof(*out_value)) {
        memcpy(out_value, reply->data.data, sizeof(*out_value));
    }
    weft_reply_free(reply);
    return err;
}
