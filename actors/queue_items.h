// SPDX-License-Identifier: Apache-2.0
//
// queue_items.h - what a task queue keeps: counters in its state, and whatever
// there may be many of as values by key:
//
//     o<seq>     an offer that waits        u64 since, its message
//     b<seq>     one that came back         the same; handed out first
//     h<id>      one that was handed out    u64 when, 16 poller, its message
//     t<hash>    where an offer is, by its token      u8 o, b or h, u64 number
//     w<seq>     a poll that waits          16 poller
//     p<poller>  a poller: see struct wf_queue_poller
//
// o, b and w are rings: from a head to a tail, perhaps with holes.

#ifndef WF_ACTORS_QUEUE_ITEMS_H
#define WF_ACTORS_QUEUE_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/actor.h"

#define WF_QUEUE_POLLER_BYTES 16
#define WF_QUEUE_KEY_CHARS 40

struct wf_queue_ring {
    uint64_t head;
    uint64_t tail;
};

// Which offers are looked at next, for those that nobody repeats.
enum wf_queue_sweep {
    WF_QUEUE_SWEEP_NONE, // nobody looks: there are none
    WF_QUEUE_SWEEP_OFFERS,
    WF_QUEUE_SWEEP_BACK,
};

struct wf_queue {
    struct wf_queue_ring offers;
    struct wf_queue_ring back;
    struct wf_queue_ring polls;
    uint64_t last_id; // of an offer that was handed out
    uint64_t swept;   // of its ring, up to this one
    uint64_t sweep;   // enum wf_queue_sweep
    uint64_t depth;
    uint64_t handed;
    uint64_t pollers;
    uint64_t waiting; // polls
    uint64_t offered; // since it began, as those below
    uint64_t taken;
    uint64_t returned;
};

// One poller, read. As bytes: u64 wait, u32 question, u32 credit, then the ids
// of what it was handed, u64 each.
struct wf_queue_poller {
    uint8_t id[WF_QUEUE_POLLER_BYTES];
    char key[WF_QUEUE_KEY_CHARS];
    uint64_t wait; // place in the ring of polls, plus 1; 0: it does not wait
    uint32_t question;
    uint32_t credit;
    struct wf_buf handed;
    bool is_new;
};

// The turn. The first error is kept: what follows does nothing that lasts.
struct wf_queue_turn {
    weft_actor *actor;
    struct wf_queue *queue;
    weft_err err;
};

void wf_queue_items_note(struct wf_queue_turn *turn, weft_err err);

// Keys, written to key; and what is under them, empty if nothing is.
const char *wf_queue_items_key(char *key, char letter, uint64_t number);
const char *wf_queue_items_token_key(char *key, weft_bytes token);
weft_bytes wf_queue_items_get(const struct wf_queue_turn *turn,
                              const char *key);
void wf_queue_items_put(struct wf_queue_turn *turn, const char *key,
                        const struct wf_buf *value);
void wf_queue_items_remove(struct wf_queue_turn *turn, const char *key);

// The token in an offer's message; borrowed.
weft_bytes wf_queue_items_token(weft_bytes message);
// Where the offer of that token is.
void wf_queue_items_put_place(struct wf_queue_turn *turn, weft_bytes token,
                              char place, uint64_t number);

// Offers that wait: place o or b. What is there is said again, or a new one.
void wf_queue_items_put_waiting(struct wf_queue_turn *turn, char place,
                                uint64_t seq, weft_bytes message);
void wf_queue_items_enqueue(struct wf_queue_turn *turn, char place,
                            weft_bytes message);
// The next one's message; appended. False: there is none.
bool wf_queue_items_dequeue(struct wf_queue_turn *turn,
                            struct wf_buf *out_message);

// A poller; its `handed` is owned until it is written or forgotten.
void wf_queue_items_read_poller(const struct wf_queue_turn *turn,
                                const uint8_t id[WF_QUEUE_POLLER_BYTES],
                                struct wf_queue_poller *out_poller);
// Keep it, and be woken after so long.
void wf_queue_items_write_poller(struct wf_queue_turn *turn,
                                 struct wf_queue_poller *poller,
                                 uint64_t after_ms);
void wf_queue_items_forget_poller(struct wf_queue_turn *turn,
                                  struct wf_queue_poller *poller);

void wf_queue_items_remove_handed(struct wf_queue_turn *turn, uint64_t id);
// An offer that it was handed was leased, or is void.
void wf_queue_items_confirm(struct wf_queue_turn *turn,
                            const struct wf_queue_poller *poller, uint64_t id);
// Put what it was handed and did not confirm to the front again, if that was
// handed out before that time. What was confirmed is forgotten.
void wf_queue_items_put_back(struct wf_queue_turn *turn,
                             struct wf_queue_poller *poller,
                             uint64_t before_ms);

#endif
