// SPDX-License-Identifier: Apache-2.0
//
// work_pingpong.c - pairs of actors that send a ball to and fro.
//
// A client asks the first for a rally of so many hops and is answered at its
// end. Latency is that of one hop: a rally's by the number of its hops, the
// first of which is the client's question. There is a pair for each operation
// under way, and both of a pair live in one partition, or never do.

#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

#define PARTITIONS_USUAL 64

// What the client says, to whom it wants to see play.
struct rally {
    uint32_t hops;
    char other[60]; // whom to play with
};

struct ball {
    uint32_t hops;     // still to go
    uint32_t question; // of the first actor
};

static weft_err
pass(weft_actor *actor, const char *to, const struct ball *ball)
{
    return weft_actor_send(actor, (weft_target){"player", to}, "ball",
                           weft_bytes_of(ball, sizeof(*ball)));
}

static weft_err
begin_rally(weft_actor *actor, const struct rally *rally)
{
    struct ball ball = {.hops = rally->hops};
    weft_err err = weft_actor_reply_later(actor, &ball.question);

    return err == WEFT_OK ? pass(actor, rally->other, &ball) : err;
}

static weft_err
play(weft_actor *actor, const weft_message *message, void *state)
{
    struct rally rally;
    struct ball ball;

    (void)state;
    if (message->data.len == sizeof(rally)) {
        memcpy(&rally, message->data.data, sizeof(rally));
        return begin_rally(actor, &rally);
    }
    if (message->data.len != sizeof(ball)) {
        return WEFT_OK;
    }
    memcpy(&ball, message->data.data, sizeof(ball));
    ball.hops--;
    return ball.hops == 0
               ? weft_actor_reply_to(actor, ball.question, weft_text(""))
               : pass(actor, message->sender_id, &ball);
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_actor(definitions, "player", play, 8, NULL);
}

static uint32_t
partition_of(const struct bench *bench, const char *id)
{
    uint64_t asked = bench->settings.sizes[SIZE_PARTITIONS];
    uint32_t count = asked > 0 ? (uint32_t)asked : PARTITIONS_USUAL;
    struct wf_key key;
    uint32_t partition = 0;

    if (wf_key_make("default", "player", id, &key) == WEFT_OK) {
        partition = wf_key_partition(&key, count);
        wf_key_fini(&key);
    }
    return partition;
}

// Names are tried until one is where it should be; what comes before '/'
// decides where that is.
static void
name_pair(const struct bench *bench, uint64_t pair, char *one, char *other,
          size_t size)
{
    uint32_t home;

    (void)snprintf(one, size, "%s-%llu/a", bench->run,
                   (unsigned long long)pair);
    (void)snprintf(other, size, "%s-%llu/b", bench->run,
                   (unsigned long long)pair);
    home = partition_of(bench, one);
    for (int i = 0; !bench->settings.is_same_partition && i < 1000 &&
                    partition_of(bench, other) == home;
         i++) {
        (void)snprintf(other, size, "%s-%llu-%d/b", bench->run,
                       (unsigned long long)pair, i);
    }
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    struct rally rally = {
        .hops = (uint32_t)bench->settings.sizes[SIZE_HOPS],
    };
    char id[sizeof(rally.other)];

    name_pair(bench, op->number % bench->settings.concurrency, id, rally.other,
              sizeof(id));
    run_ask(op, (weft_target){"player", id}, "serve",
            weft_bytes_of(&rally, sizeof(rally)));
    return WEFT_OK;
}

static uint64_t
units(const struct settings *settings)
{
    return settings->sizes[SIZE_HOPS];
}

const struct workload work_pingpong = {
    .name = "pingpong",
    .counts = "hops",
    .about = "between two actors of a pair; latency is of a hop",
    .units = units,
    .is_per_unit = true,
    .define = define,
    .begin = begin,
};
