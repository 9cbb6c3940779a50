// SPDX-License-Identifier: Apache-2.0
//
// counter.c - a plain actor: a struct, and a function that is given messages.
//
//   counter DIR
//
// Run it several times with the same DIR: it goes on counting. "add" answers
// with the new value, "value" is asked without disturbing it, and every 200 ms
// half of what it holds decays.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "weft/weft.h"

#define DECAY_MS 200

// All of it is durable. Zeroed when the counter is created, by its first
// message.
struct counter {
    int64_t value;
    uint64_t added_count;
};

static weft_err
reply_value(weft_actor *actor, int64_t value)
{
    weft_payload *answer = NULL;
    weft_err err = weft_payload_create(&answer);

    if (err == WEFT_OK) {
        err = weft_payload_pack(answer, "{'value':i}", value);
    }
    if (err == WEFT_OK) {
        err = weft_actor_reply(actor, weft_payload_bytes(answer));
    }
    weft_payload_destroy(answer);
    return err;
}

// One message is one turn: it takes effect as a whole, or not at all.
static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct counter *counter = state;
    int64_t amount = 0;
    weft_err err;

    if (message->type == WEFT_MESSAGE_TIMER) { // it has only one
        counter->value /= 2;
        return counter->value == 0
                   ? WEFT_OK
                   : weft_actor_timer_set(actor, "decay", DECAY_MS);
    }
    if (message->type != WEFT_MESSAGE_SIGNAL ||
        strcmp(message->name, "add") != 0) {
        return WEFT_OK; // nothing that it knows
    }
    err = weft_payload_get_int(message->data, "amount", &amount);
    if (err != WEFT_OK) {
        // An error would park the counter: the message is bad, not the state.
        return reply_value(actor, counter->value);
    }
    counter->value += amount;
    counter->added_count++;
    err = weft_actor_timer_set(actor, "decay", DECAY_MS);
    return err == WEFT_OK ? reply_value(actor, counter->value) : err;
}

static weft_err
query(weft_query *query, const char *name, weft_bytes args, const void *state,
      size_t state_len)
{
    const struct counter *counter = state;
    weft_payload *answer = NULL;
    weft_err err = weft_payload_create(&answer);

    (void)name;
    (void)args;
    (void)state_len;
    if (err == WEFT_OK) {
        err = weft_payload_pack(answer, "{'value':i, 'added':u}",
                                counter->value, counter->added_count);
    }
    if (err == WEFT_OK) {
        err = weft_query_return(query, weft_payload_bytes(answer));
    }
    weft_payload_destroy(answer);
    return err;
}

static weft_node *
open_node(const char *dir, weft_definitions **out_definitions)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_node *node = NULL;

    def.name = "counter";
    def.state_bytes = sizeof(struct counter);
    def.receive = receive;
    def.query = query;
    if (weft_definitions_create(out_definitions) != WEFT_OK ||
        weft_definitions_add_actor(*out_definitions, &def) != WEFT_OK) {
        return NULL;
    }
    options.data_dir = dir;
    options.definitions = *out_definitions;
    (void)weft_node_open(&options, &node);
    return node;
}

// Print the answer as JSON, or what went wrong.
static int
print(const char *what, weft_err err, weft_reply *reply)
{
    char *json = NULL;

    if (err == WEFT_OK) {
        err = weft_payload_to_json(reply->data, 0, &json);
    }
    printf("%-18s %s\n", what, err == WEFT_OK ? json : weft_err_text(err));
    weft_payload_free_text(json);
    weft_reply_free(reply);
    return err == WEFT_OK ? 0 : 1;
}

static int
play(weft_client *client)
{
    const weft_target counter = {"counter", "clicks"};
    struct timespec pause = {0, 500000000};
    weft_payload *data = NULL;
    weft_reply *reply = NULL;
    weft_err err = weft_payload_create(&data);
    int failed = 0;

    if (err == WEFT_OK) {
        weft_payload_pack(data, "{'amount':i}", (int64_t)100);
        err = weft_client_ask(client, counter, "add", weft_payload_bytes(data),
                              &reply);
    }
    failed += print("add 100", err, reply);
    weft_payload_destroy(data);

    reply = NULL;
    err = weft_client_query(client, counter, "value", weft_nothing(), &reply);
    failed += print("value", err, reply);

    nanosleep(&pause, NULL);
    reply = NULL;
    err = weft_client_query(client, counter, "value", weft_nothing(), &reply);
    failed += print("half a second on", err, reply);
    return failed;
}

int
main(int argc, char **argv)
{
    weft_definitions *definitions = NULL;
    weft_node *node =
        open_node(argc > 1 ? argv[1] : "counter-data", &definitions);
    weft_client *client = NULL;
    int failed = 1;

    if (node != NULL && weft_client_open(node, NULL, &client) == WEFT_OK) {
        failed = play(client);
    }
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return failed;
}
