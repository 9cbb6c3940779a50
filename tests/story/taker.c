// SPDX-License-Identifier: Apache-2.0
//
// taker.c - see taker.h.

#include "story/taker.h"

#include <stdio.h>
#include <string.h>

#include "story/caller.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

weft_definitions *
taker_definitions(void)
{
    weft_definitions *defs = caller_definitions();

    CHECK_OK(weft_definitions_add_task_queues(defs));
    call_options.task_queue = "q";
    return defs;
}

void
taker_call(const char *id)
{
    story_start("caller", id, "work in");
}

const weft_open_activity *
taker_activity(const char *id)
{
    return &story_do(WEFT_VERB_ACTIVITIES, "caller", id, "", NULL)->activity;
}

uint64_t
taker_count(const char *name)
{
    const struct world_call *call =
        story_do(WEFT_VERB_QUERY, WEFT_TASK_QUEUE_KIND, "q", name, NULL);
    uint64_t count;

    CHECK_OK(weft_payload_get_uint(weft_bytes_of(call->data, call->data_len),
                                   "", &count));
    return count;
}

void
taker_init(struct taker *taker, const char *queue, const char *name)
{
    *taker = (struct taker){.queue = queue};
    (void)snprintf(taker->name, sizeof(taker->name), "%s", name);
}

static struct world_call *
ask(struct taker *taker, unsigned credit, unsigned wait_ms, bool is_bye)
{
    weft_payload *data;
    struct world_call *call;
    uint8_t id[16] = {0};

    memcpy(id, taker->name, strlen(taker->name));
    CHECK_OK(weft_payload_create(&data));
    weft_payload_map(data, 5);
    weft_payload_text(data, "poller");
    weft_payload_bin(data, id, sizeof(id));
    CHECK_OK(weft_payload_error(data) == WEFT_EINVAL ? WEFT_OK : WEFT_EFAILED);
    weft_payload_text(data, "credit");
    weft_payload_uint(data, credit);
    weft_payload_text(data, "wait_ms");
    weft_payload_uint(data, wait_ms);
    weft_payload_text(data, "bye");
    weft_payload_bool(data, is_bye);
    weft_payload_text(data, "taken");
    weft_payload_array(data, taker->taken_count);
    for (size_t i = 0; i < taker->taken_count; i++) {
        weft_payload_uint(data, taker->taken[i]);
    }
    taker->taken_count = 0;
    CHECK_OK(weft_payload_error(data));
    call = world_call(story_now()->world, WEFT_VERB_ASK, WEFT_TASK_QUEUE_KIND,
                      taker->queue, "poll", weft_payload_bytes(data));
    weft_payload_destroy(data);
    return call;
}

struct world_call *
taker_begin_poll(struct taker *taker, unsigned credit, unsigned wait_ms)
{
    return ask(taker, credit, wait_ms, false);
}

size_t
taker_end_poll(struct taker *taker, struct world_call *call)
{
    weft_bytes data;
    weft_payload_entries walk;
    weft_bytes entry;

    (void)world_wait(story_now()->world, call);
    taker->offers_count = 0;
    if (call->err == WEFT_EFINISHED) {
        return 0; // somebody ended the queue
    }
    CHECK_OK(call->err);
    CHECK(call->data_len < sizeof(call->data));
    data = weft_bytes_of(call->data, call->data_len);
    CHECK_OK(weft_payload_walk(data, "offers", &walk));
    while (weft_payload_next(&walk, NULL, &entry)) {
        struct taker_offer *offer = &taker->offers[taker->offers_count++];

        CHECK_OK(weft_payload_get_uint(entry, "id", &offer->id));
        CHECK_OK(weft_payload_get_text(entry, "token", offer->token,
                                       sizeof(offer->token)));
        CHECK_OK(weft_payload_get_text(entry, "activity", offer->activity,
                                       sizeof(offer->activity)));
    }
    return taker->offers_count;
}

size_t
taker_poll(struct taker *taker, unsigned credit, unsigned wait_ms)
{
    return taker_end_poll(taker, taker_begin_poll(taker, credit, wait_ms));
}

void
taker_say_bye(struct taker *taker)
{
    CHECK_OK(world_wait(story_now()->world, ask(taker, 0, 0, true))->err);
}

struct world_call *
taker_do(struct taker *taker, weft_verb verb, const struct taker_offer *offer,
         const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.token = offer->token;
    request.worker = taker->name;
    request.lease_ms = 5000;
    request.data = weft_text(data == NULL ? "" : data);
    request.error_name = data;
    if (verb == WEFT_VERB_LEASE) {
        taker->taken[taker->taken_count++] = offer->id;
    }
    return world_wait(story_now()->world,
                      world_submit(story_now()->world, &request));
}

const struct taker_offer *
taker_take(struct taker *taker)
{
    weft_err err = WEFT_ENOTFOUND;

    // What was leased long ago and not confirmed comes once more.
    for (int i = 0; i < 20 && err == WEFT_ENOTFOUND; i++) {
        if (taker_poll(taker, 1, 20000) > 0) {
            CHECK_EQ(taker->offers_count, 1);
            err =
                taker_do(taker, WEFT_VERB_LEASE, &taker->offers[0], NULL)->err;
        }
    }
    CHECK_OK(err);
    return &taker->offers[0];
}

void
taker_finish(struct taker *taker, const struct taker_offer *offer,
             const char *id)
{
    CHECK_OK(taker_do(taker, WEFT_VERB_COMPLETE, offer, "done")->err);
    CHECK_RESULT("caller", id, "done");
}
