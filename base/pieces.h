// SPDX-License-Identifier: Apache-2.0
//
// pieces.h - small memory that was freed, kept for who asks next.
//
// A turn takes some twenty small pieces of memory and gives them back. Each
// thread keeps those that it was given back, by size, so that this costs a
// few instructions. What it has too many of goes by batches to a store that all
// threads share, and comes back from there: what one allocates and another
// frees goes round. Nobody waits for that store: whoever finds it in use does
// without.
//
// The pieces themselves are the caller's, who has them from libc (alloc.c).
//
// Threads: a wf_pieces belongs to one; the store is any's.

#ifndef WF_BASE_PIECES_H
#define WF_BASE_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

// Sizes are 24, 40, 56 and so on: what libc has use for in its own chunks.
#define WF_PIECES_LEAST 24
#define WF_PIECES_STEP 16
#define WF_PIECES_SIZES 128
#define WF_PIECES_MOST                                                         \
    (WF_PIECES_LEAST + (WF_PIECES_SIZES - 1) * WF_PIECES_STEP)

// A piece while nobody has it.
struct wf_piece {
    struct wf_piece *next;
    const void *mark;            // finds what is freed twice
    struct wf_piece *next_batch; // of the first of a batch
};

struct wf_pieces_rack {
    struct wf_piece *first;
    uint32_t count;
    uint32_t batch;         // so many are one; 0: nothing is kept
    struct wf_piece *spare; // a whole batch, or NULL
};

// All zero keeps nothing, has nothing, and is never written.
struct wf_pieces {
    struct wf_pieces_rack racks[WF_PIECES_SIZES];
};

extern const char wf_pieces_mark;

void wf_pieces_init(struct wf_pieces *pieces);

// What the store holds, in bytes.
uint64_t wf_pieces_stored(void);

// Of a size that is at most WF_PIECES_MOST: which of all it is, and its bytes.
static inline size_t
wf_pieces_rank(size_t size)
{
    size_t least = size < WF_PIECES_LEAST ? WF_PIECES_LEAST : size;

    return (least - WF_PIECES_LEAST + WF_PIECES_STEP - 1) / WF_PIECES_STEP;
}

static inline size_t
wf_pieces_size(size_t rank)
{
    return WF_PIECES_LEAST + rank * WF_PIECES_STEP;
}

static inline struct wf_piece *
wf_pieces_pop(struct wf_pieces_rack *rack)
{
    struct wf_piece *piece = rack->first;

    rack->first = piece->next;
    rack->count--;
    piece->mark = NULL;
    return piece;
}

// The seldom halves of the two below: the first takes from another batch, the
// second makes room for one more.
struct wf_piece *wf_pieces_fetch(struct wf_pieces_rack *rack, size_t rank);
bool wf_pieces_store(struct wf_pieces_rack *rack, size_t rank);

// One of at least `size` bytes, at most WF_PIECES_MOST. NULL: none is kept.
static inline void *
wf_pieces_take(struct wf_pieces *pieces, size_t size)
{
    size_t rank = wf_pieces_rank(size);
    struct wf_pieces_rack *rack = &pieces->racks[rank];

    return rack->first != NULL ? wf_pieces_pop(rack)
                               : wf_pieces_fetch(rack, rank);
}

// Keep memory of which so many bytes can be used. False: it is not kept.
static inline bool
wf_pieces_keep(struct wf_pieces *pieces, void *memory, size_t usable)
{
    struct wf_piece *piece = memory;
    struct wf_pieces_rack *rack;
    size_t rank = (usable - WF_PIECES_LEAST) / WF_PIECES_STEP; // rounds down

    if (usable < WF_PIECES_LEAST || rank >= WF_PIECES_SIZES) {
        return false;
    }
    WF_ASSERT(piece->mark != &wf_pieces_mark);
    rack = &pieces->racks[rank];
    if (rack->count == rack->batch && !wf_pieces_store(rack, rank)) {
        return false;
    }
    piece->next = rack->first;
    piece->mark = &wf_pieces_mark;
    rack->first = piece;
    rack->count++;
    return true;
}

// One of all that are kept, to be given back to libc. NULL: that was all.
void *wf_pieces_leave(struct wf_pieces *pieces);

#endif
