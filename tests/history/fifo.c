// SPDX-License-Identifier: Apache-2.0
//
// fifo.c - what one sender sends to one receiver takes effect in that order.
//
// Each message has a span of time in which it may have taken its place among
// those of its sender: what was asked once has it from then, what was asked
// again took it somewhere between its first ask (its last, if it was refused
// before) and its answer. Effects are in order if each can have a place that is
// not before the one of the effect before it.

#include "history/fifo.h"

#include <inttypes.h>
#include <stdlib.h>

struct message {
    uint64_t first; // earliest place, as an index of events
    uint64_t last;  // latest place
    bool is_loose;
    bool is_client;
    bool is_refused;
    uint32_t who;
    uint32_t object;
};

// The largest earliest place among what took effect at a receiver, by sender.
struct stream {
    uint64_t op;
    uint64_t first;
};

static void
read_event(struct message *message, const struct history_event *event,
           size_t index)
{
    switch (event->type) {
    case HISTORY_ASK:
        if (!message->is_client) {
            message->is_client = true;
            message->first = index + 1;
            message->last = UINT64_MAX;
            message->who = event->who;
            message->object = event->object;
        } else {
            message->is_loose = true;
            message->first = message->is_refused ? index + 1 : message->first;
        }
        message->is_refused = false;
        break;
    case HISTORY_REFUSE:
        message->is_refused = true;
        message->is_loose = true;
        break;
    case HISTORY_AGAIN:
        message->is_loose = true;
        break;
    case HISTORY_ANSWER:
        message->last = index + 1;
        break;
    case HISTORY_SEND:
        message->first = index + 1;
        message->last = index + 1;
        message->who = event->who;
        message->object = event->object;
        break;
    default:
        break;
    }
}

static uint64_t
stream_of(const struct message *message)
{
    return ((uint64_t)message->is_client << 63) |
           ((uint64_t)message->who << 31) | message->object;
}

static void
check_effect(const struct message *message, const struct history_event *event,
             struct stream *stream, struct history_faults *faults)
{
    // What kept its place has it from its ask on, answered or not.
    uint64_t last = message->is_loose ? message->last : message->first;

    if (last < stream->first) {
        history_fault(faults,
                      "from %s %" PRIu32 " to %" PRIu32 ": %" PRIu64
                      " came after %" PRIu64 ", which was sent later",
                      message->is_client ? "client" : "actor", message->who,
                      event->object, event->op, stream->op);
    }
    if (message->first > stream->first) {
        stream->first = message->first;
        stream->op = event->op;
    }
}

void
fifo_check(const struct history *history, struct history_faults *faults)
{
    struct history_map ops = {0};
    struct history_map pairs = {0};
    struct message *messages = history_alloc(history->count, sizeof(*messages));
    struct stream *streams = history_alloc(history->count, sizeof(*streams));

    for (size_t i = 0; i < history->count; i++) {
        if (history->events[i].type < HISTORY_EFFECT) {
            read_event(&messages[history_map_put(&ops, history->events[i].op)],
                       &history->events[i], i);
        }
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        uint32_t at = history_map_find(&ops, event->op);

        if (event->type == HISTORY_EFFECT && at != UINT32_MAX) {
            check_effect(
                &messages[at], event,
                &streams[history_map_put(&pairs, stream_of(&messages[at]))],
                faults);
        }
    }
    free(messages);
    free(streams);
    history_map_fini(&ops);
    history_map_fini(&pairs);
}
