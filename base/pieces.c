// SPDX-License-Identifier: Apache-2.0
//
// pieces.c - batches of free memory, from thread to thread.
//
// A thread has up to two batches of a size: one that it takes from and adds to,
// and a whole one beside it. So one that takes and gives back in turn seldom
// comes here, wherever in a batch it is.
//
// The store is held for a few instructions. One that dies or forks meanwhile
// leaves it held for ever, which costs speed only: libc has memory too.

#include "base/pieces.h"

#include <stdatomic.h>

#include "base/limits.h"

// A piece that has this is kept. Its address is nothing that data holds but by
// a chance of one in 2^64, or by having been freed.
const char wf_pieces_mark = 0;

static struct {
    atomic_flag is_held;
    _Atomic uint64_t bytes; // changed only while held
    struct wf_piece *batches[WF_PIECES_SIZES];
} store = {.is_held = ATOMIC_FLAG_INIT};

static bool
hold_store(void)
{
    return !atomic_flag_test_and_set_explicit(&store.is_held,
                                              memory_order_acquire);
}

static void
release_store(void)
{
    atomic_flag_clear_explicit(&store.is_held, memory_order_release);
}

uint64_t
wf_pieces_stored(void)
{
    return atomic_load_explicit(&store.bytes, memory_order_relaxed);
}

// Only while held.
static void
count_stored(int64_t bytes)
{
    uint64_t before = wf_pieces_stored();

    atomic_store_explicit(&store.bytes, before + (uint64_t)bytes,
                          memory_order_relaxed);
}

static uint32_t
batch_of(size_t rank)
{
    size_t count = WF_PIECES_BATCH_BYTES / wf_pieces_size(rank);

    return count < 32 ? (uint32_t)count : 32;
}

void
wf_pieces_init(struct wf_pieces *pieces)
{
    *pieces = (struct wf_pieces){0};
    for (size_t i = 0; i < WF_PIECES_SIZES; i++) {
        pieces->racks[i].batch = batch_of(i);
    }
}

struct wf_piece *
wf_pieces_fetch(struct wf_pieces_rack *rack, size_t rank)
{
    struct wf_piece *batch = rack->spare;

    if (rack->batch == 0) {
        return NULL; // and nothing is written: threads may share it
    }
    rack->spare = NULL;
    if (batch == NULL && hold_store()) {
        batch = store.batches[rank];
        if (batch != NULL) {
            store.batches[rank] = batch->next_batch;
            count_stored(-(int64_t)(rack->batch * wf_pieces_size(rank)));
        }
        release_store();
    }
    if (batch == NULL) {
        return NULL;
    }
    rack->first = batch;
    rack->count = rack->batch;
    return wf_pieces_pop(rack);
}

static bool
give_spare(struct wf_pieces_rack *rack, size_t rank)
{
    bool has_room;

    if (!hold_store()) {
        return false;
    }
    has_room = wf_pieces_stored() < WF_PIECES_STORED_BYTES_MAX;
    if (has_room) {
        rack->spare->next_batch = store.batches[rank];
        store.batches[rank] = rack->spare;
        count_stored((int64_t)(rack->batch * wf_pieces_size(rank)));
    }
    release_store();
    return has_room;
}

bool
wf_pieces_store(struct wf_pieces_rack *rack, size_t rank)
{
    if (rack->batch == 0 || (rack->spare != NULL && !give_spare(rack, rank))) {
        return false;
    }
    rack->spare = rack->first;
    rack->first = NULL;
    rack->count = 0;
    return true;
}

void *
wf_pieces_leave(struct wf_pieces *pieces)
{
    for (size_t i = 0; i < WF_PIECES_SIZES; i++) {
        struct wf_pieces_rack *rack = &pieces->racks[i];

        if (rack->first == NULL && rack->spare != NULL) {
            rack->first = rack->spare;
            rack->count = rack->batch;
            rack->spare = NULL;
        }
        if (rack->first != NULL) {
            return wf_pieces_pop(rack);
        }
    }
    return NULL;
}
