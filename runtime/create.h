// SPDX-License-Identifier: Apache-2.0
//
// create.h - a new life of an instance.

#ifndef WF_RUNTIME_CREATE_H
#define WF_RUNTIME_CREATE_H

#include <stdint.h>

#include "base/bytes.h"

struct wf_actor;
struct wf_letter;
struct wf_partition;

// What it begins with.
struct wf_create {
    weft_bytes parent; // empty: none
    uint64_t parent_run;
    uint32_t parent_call;
    weft_bytes input;
    weft_bytes options;    // start.h
    weft_bytes attributes; // a set (attributes.h)
};

// A new life has a new seed: its keys and numbers are not those of another.
uint64_t wf_create_seed(const struct wf_partition *partition,
                        const struct wf_actor *actor);
// The operations that begin it.
void wf_create_put(const struct wf_partition *partition,
                   const struct wf_actor *actor, const struct wf_create *create,
                   struct wf_buf *ops);
// The first letter of an actor begins it: one turn. A start is taken; any other
// letter stays, and is handled as the first.
void wf_create_by_letter(struct wf_partition *partition, struct wf_actor *actor,
                         const struct wf_letter *letter);

#endif
