// SPDX-License-Identifier: Apache-2.0
//
// taker.h - a worker of a task queue, by hand: each step is told.

#ifndef WF_TESTS_STORY_TAKER_H
#define WF_TESTS_STORY_TAKER_H

#include "story/story.h"

enum { TAKER_OFFERS_MAX = 32 };

struct taker_offer {
    uint64_t id;
    char token[WEFT_TOKEN_CHARS_MAX];
    char activity[64];
};

struct taker {
    const char *queue;
    char name[16];
    uint64_t taken[TAKER_OFFERS_MAX]; // said by the next poll
    size_t taken_count;
    struct taker_offer offers[TAKER_OFFERS_MAX]; // of the last poll
    size_t offers_count;
};

// Definitions with the caller (caller.h), whose calls go to the queue "q", and
// task queues.
weft_definitions *taker_definitions(void);
// Start a caller of an activity that this node does not have: "work", with the
// input "in". And its activity, as operators see it.
void taker_call(const char *id);
const weft_open_activity *taker_activity(const char *id);

// What the queue "q" says of itself: "depth" and so on.
uint64_t taker_count(const char *name);

// name tells it from others.
void taker_init(struct taker *taker, const char *queue, const char *name);
// Begin to poll; what was leased is confirmed. And what it brought, once it is
// answered; gives how many.
struct world_call *taker_begin_poll(struct taker *taker, unsigned credit,
                                    unsigned wait_ms);
size_t taker_end_poll(struct taker *taker, struct world_call *call);
// Both; waits so long at the most.
size_t taker_poll(struct taker *taker, unsigned credit, unsigned wait_ms);
void taker_say_bye(struct taker *taker);
// Any verb by token. Of a lease, also confirms it with the next poll.
struct world_call *taker_do(struct taker *taker, weft_verb verb,
                            const struct taker_offer *offer, const char *data);
// Poll until there is one, and lease it: the first offer. It must work.
const struct taker_offer *taker_take(struct taker *taker);

// Complete it, and its caller is done.
void taker_finish(struct taker *taker, const struct taker_offer *offer,
                  const char *id);

#endif
