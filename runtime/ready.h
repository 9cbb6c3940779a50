// SPDX-License-Identifier: Apache-2.0
//
// ready.h - the actors of a partition that have something to do, in the order
// in which they run.
//
// Who has little to do does not wait for who has much. An actor that is still
// ready after its turn comes behind those that were not, and what it does then
// need not hurry once it has gone on for long: see wf_ready_is_patient. How far
// an actor may run ahead of the log is bounded, by its share of the segment
// that is open; who has used that up goes on when the segment is sealed.
//
// Nobody starves: each WF_READY_AGAIN-th turn is of one that had one before,
// and who is spent has left records in the open segment, which will be sealed.

#ifndef WF_RUNTIME_READY_H
#define WF_RUNTIME_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct wf_actor;

#define WF_READY_AGAIN 8

struct wf_ready {
    struct wf_list fresh; // have waited for something since their last turn
    struct wf_list again; // have not
    struct wf_list spent; // have used up their share; not ready for now
    const struct wf_actor *running; // whose turn it is
    uint32_t passed;                // turns of fresh ones, one after the other
    uint64_t segment;               // the open one, counted from 1
    uint32_t share_bytes;
    bool is_spent; // the one whose turn it is
};

// An actor's part of it; all zero at first.
struct wf_ready_place {
    struct wf_list_node node; // in one of the lists, or in none
    struct wf_list *list;     // which
    uint64_t segment;         // that `used` is of
    uint32_t used;            // bytes of it
    uint32_t turns;           // one after the other, without a rest
};

// share_bytes 0: WF_SHARE_BYTES.
void wf_ready_init(struct wf_ready *ready, uint32_t share_bytes);

static inline bool
wf_ready_has(const struct wf_ready_place *place)
{
    return wf_list_has(&place->node);
}

// It is in no list.
void wf_ready_add(struct wf_ready *ready, struct wf_actor *actor);
void wf_ready_remove(struct wf_actor *actor);

// Whose turn it is, until wf_ready_ran; NULL: nobody's.
struct wf_actor *wf_ready_take(struct wf_ready *ready);
// Its turn has written so much. It may be in a list again.
void wf_ready_ran(struct wf_ready *ready, struct wf_actor *actor,
                  uint64_t bytes);
// What it sends meets a link that is far behind: this turn was its last for the
// segment.
void wf_ready_spend(struct wf_ready *ready);
// Has the one whose turn it is gone on for so long that what it does can wait
// for what others do?
bool wf_ready_is_patient(const struct wf_ready *ready);

// The open segment was sealed: everybody has a share again.
void wf_ready_renew(struct wf_ready *ready);

#endif
