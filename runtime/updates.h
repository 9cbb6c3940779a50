// SPDX-License-Identifier: Apache-2.0
//
// updates.h - the updates of one actor, in the order of their coming.
//
// They are found by number, and by the name that their sender gave them: a
// paused workflow may have a hundred thousand, each asked for by its id.

#ifndef WF_RUNTIME_UPDATES_H
#define WF_RUNTIME_UPDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/opened.h"
#include "weft/bytes.h"
#include "weft/error.h"

// One update, durable.
struct wf_update {
    struct wf_list_node node; // in the list
    uint32_t number;          // of its coming in this life, from 1
    char *id;                 // its sender's name for it; "": none
    uint8_t client[16];       // who waits for it
    uint64_t request;         // with which number
    bool is_told_early;       // its sender is answered when it is accepted
    bool is_accepted;
    bool is_done; // kept for its id: answered again
    weft_err err;
    weft_bytes data; // owned: the answer, or the encoded failure
};

struct wf_updates {
    struct wf_opened all;
    struct wf_table ids; // those that have one
    uint64_t hash_seed;  // clients choose ids
    uint32_t kept;       // are done
    uint32_t made;       // in this life
};

struct wf_update *wf_update_create(uint32_t number);
void wf_update_destroy(struct wf_update *update);

void wf_updates_init(struct wf_updates *updates, uint64_t hash_seed);
// Leaves it empty and usable.
void wf_updates_clear(struct wf_updates *updates);
// It is owned from now on, and its id stays.
void wf_updates_add(struct wf_updates *updates, struct wf_update *update);
// Destroy it.
void wf_updates_drop(struct wf_updates *updates, struct wf_update *update);
// It is done: keep it for its id.
void wf_updates_keep(struct wf_updates *updates, struct wf_update *update,
                     weft_err err, weft_bytes data);
// Forget the oldest that are kept, if they are too many. Not with the record
// that has ended them: whoever joined one is told after that.
void wf_updates_trim(struct wf_updates *updates);
// NULL if there is none. An id that is "" is nobody's.
struct wf_update *wf_updates_find(const struct wf_updates *updates,
                                  uint32_t number);
struct wf_update *wf_updates_find_id(const struct wf_updates *updates,
                                     const char *id);

#endif
