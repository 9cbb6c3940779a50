// SPDX-License-Identifier: Apache-2.0
//
// once.c - every message has its effect exactly once, where it was meant.

#include "history/once.h"

#include <inttypes.h>
#include <stdlib.h>

struct message {
    uint64_t op;
    uint32_t object;
    uint32_t effects;
    bool is_asked;
    bool is_sure;    // answered, or sent by an actor
    bool is_refused; // and was not asked again since
};

static void
read_event(struct message *message, const struct history_event *event,
           struct history_faults *faults)
{
    bool is_begin = event->type == HISTORY_ASK || event->type == HISTORY_SEND;

    message->op = event->op;
    if (is_begin) {
        if (event->type == HISTORY_SEND && message->is_asked) {
            history_fault(faults, "%" PRIu64 " was sent twice", event->op);
        }
        message->object = event->object;
        message->is_asked = true;
        message->is_refused = false;
        message->is_sure |= event->type == HISTORY_SEND;
    } else if (event->type == HISTORY_ANSWER) {
        message->is_sure = true;
    } else if (event->type == HISTORY_REFUSE) {
        message->is_refused = true;
    } else if (event->type == HISTORY_EFFECT) {
        message->effects++;
    }
}

static void
check_message(const struct message *message, struct history_faults *faults)
{
    if (!message->is_asked) {
        history_fault(faults, "%" PRIu64 " has effects and was never asked",
                      message->op);
    } else if (message->effects > 1) {
        history_fault(faults, "%" PRIu64 " has %" PRIu32 " effects",
                      message->op, message->effects);
    } else if (message->is_sure && message->effects == 0) {
        history_fault(faults, "%" PRIu64 " is done and has no effect",
                      message->op);
    } else if (!message->is_sure && message->is_refused &&
               message->effects > 0) {
        history_fault(faults, "%" PRIu64 " was refused and has an effect",
                      message->op);
    }
}

static bool
is_of_messages(const struct history_event *event)
{
    return event->type <= HISTORY_EFFECT;
}

void
once_check(const struct history *history, struct history_faults *faults)
{
    struct history_map map = {0};
    struct message *messages = history_alloc(history->count, sizeof(*messages));

    for (size_t i = 0; i < history->count; i++) {
        if (is_of_messages(&history->events[i])) {
            read_event(&messages[history_map_put(&map, history->events[i].op)],
                       &history->events[i], faults);
        }
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];

        if (event->type == HISTORY_EFFECT) {
            const struct message *message =
                &messages[history_map_find(&map, event->op)];

            if (message->is_asked && message->object != event->object) {
                history_fault(faults,
                              "%" PRIu64 " was for %" PRIu32
                              " and has its effect at %" PRIu32,
                              event->op, message->object, event->object);
            }
        }
    }
    for (uint32_t i = 0; i < map.count; i++) {
        check_message(&messages[i], faults);
    }
    free(messages);
    history_map_fini(&map);
}
