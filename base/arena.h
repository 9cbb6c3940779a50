// SPDX-License-Identifier: Apache-2.0
//
// arena.h - memory that is given back all at once.
//
// For what is decoded from a message: many small copies with one life.

#ifndef WF_BASE_ARENA_H
#define WF_BASE_ARENA_H

#include <stddef.h>

#include "weft/bytes.h"

struct wf_arena_block;

// All zero is empty.
struct wf_arena {
    struct wf_arena_block *newest;
    size_t left;  // bytes of it
    size_t bytes; // of all blocks
};

void wf_arena_fini(struct wf_arena *arena); // leaves it empty and usable

// Zeroed, aligned for anything. NULL: there is no memory.
void *wf_arena_alloc(struct wf_arena *arena, size_t size);
// A copy with a NUL behind it. NULL: there is no memory.
char *wf_arena_text(struct wf_arena *arena, weft_bytes text);

#endif
