// SPDX-License-Identifier: Apache-2.0
//
// arena.c - memory that is given back all at once.
//
// Blocks in a list, the newest first; the newest is used from its end down.
// What does not fit into it gets a block, and what is large one of its own.
//
// Threads: none of its own; one arena, one thread.

#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_BYTES = 1000 };

struct wf_arena_block {
    struct wf_arena_block *older;
    alignas(max_align_t) uint8_t bytes[];
};

void
wf_arena_fini(struct wf_arena *arena)
{
    struct wf_arena_block *block = arena->newest;

    while (block != NULL) {
        struct wf_arena_block *older = block->older;

        wf_free(block);
        block = older;
    }
    *arena = (struct wf_arena){0};
}

void *
wf_arena_alloc(struct wf_arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    struct wf_arena_block *block = arena->newest;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    // Nothing of a new arena is some place, too.
    if (block == NULL || size > arena->left) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES / align * align;

        block = wf_try_alloc(sizeof(*block) + room);
        if (block == NULL) {
            return NULL;
        }
        block->older = arena->newest;
        arena->newest = block;
        arena->left = room;
        arena->bytes += sizeof(*block) + room;
    }
    arena->left -= size;
    return memset(block->bytes + arena->left, 0, size);
}

char *
wf_arena_text(struct wf_arena *arena, weft_bytes text)
{
    char *copy = wf_arena_alloc(arena, text.len + 1);

    if (copy != NULL && text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    return copy;
}
