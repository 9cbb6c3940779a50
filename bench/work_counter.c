// SPDX-License-Identifier: Apache-2.0
//
// work_counter.c - messages to one hot actor, which counts them.

#include <string.h>

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

static weft_err
count(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    *(uint64_t *)state += message->type == WEFT_MESSAGE_SIGNAL;
    return WEFT_OK;
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_actor(definitions, "counter", count, sizeof(uint64_t),
                           kinds_answer_state);
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    run_signal(op, "counter", 0, "add", bench_payload(bench));
    return WEFT_OK;
}

// Answered means durable, so at least so many must have been counted in the
// end; the last ones may be in the mailbox still.
static weft_err
check(struct bench *bench)
{
    struct bench_id id = bench_id(bench, 0);
    weft_target target = {"counter", id.text};
    uint64_t answered = bench->ops_before + bench->ops;
    uint64_t counted = 0;
    weft_reply *reply = NULL;
    weft_err err = WEFT_OK;

    for (int tries = 0; err == WEFT_OK && counted < answered && tries < 1000;
         tries++) {
        weft_reply_free(reply);
        err = weft_client_query(bench->place.clients[0], target, "count",
                                weft_text(""), &reply);
        if (err == WEFT_OK && reply->data.len == sizeof(counted)) {
            memcpy(&counted, reply->data.data, sizeof(counted));
        }
    }
    weft_reply_free(reply);
    bench->errors += counted < answered ? answered - counted : 0;
    return bench->ops == 0 ? WEFT_OK : err;
}

const struct workload work_counter = {
    .name = "counter",
    .counts = "messages",
    .about = "to one hot actor",
    .define = define,
    .begin = begin,
    .check = check,
};
