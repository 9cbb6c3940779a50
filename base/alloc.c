// SPDX-License-Identifier: Apache-2.0
//
// alloc.c - memory from libc, or the end of the process.
//
// Size 0 asks for one byte, so that every result is a pointer of its own and
// NULL means one thing only: there is no memory.
//
// Pieces that are given back are kept for whoever asks next (pieces.h), but
// where bugs are looked for: there each goes back to libc at once, so that
// tools see how it is used, and tests let each allocation fail.
//
// Each thread counts what it takes from libc and gives back to it, and tells
// the total when it has come far enough, and when it ends: what one thread
// allocates another frees, so a count that was not told would stay wrong.
//
// Threads: any.

#include "base/alloc.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/pieces.h"

#define UNTOLD_MAX 16384

#if defined(WF_SLOW_CHECKS) || defined(__SANITIZE_ADDRESS__)
static const bool keeps = false;
#else
static const bool keeps = true;
#endif

static _Atomic int64_t total;
static _Thread_local int64_t untold __attribute__((tls_model("initial-exec")));
static _Thread_local bool is_known __attribute__((tls_model("initial-exec")));
static struct wf_pieces nothing; // of a thread that is not known
static _Thread_local struct wf_pieces *pieces
    __attribute__((tls_model("initial-exec"))) = &nothing;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_end;

static void
tell(void)
{
    atomic_fetch_add_explicit(&total, untold, memory_order_relaxed);
    untold = 0;
}

static void
forget_thread(void *unused)
{
    void *memory;

    (void)unused;
    while ((memory = wf_pieces_leave(pieces)) != NULL) {
        untold -= (int64_t)malloc_usable_size(memory);
        free(memory);
    }
    if (pieces != &nothing) {
        free(pieces);
        pieces = &nothing;
    }
    tell();
    is_known = false; // another destructor may still free
}

static void
make_key(void)
{
    if (pthread_key_create(&at_end, forget_thread) != 0) {
        wf_panic(__FILE__, __LINE__, "no key for a thread's count");
    }
}

static void
know_thread(void)
{
    is_known = true; // first: setting it may allocate
    (void)pthread_once(&once, make_key);
    (void)pthread_setspecific(at_end, &total);
    if (keeps) {
        struct wf_pieces *own = malloc(sizeof(*own));

        if (own != NULL) {
            wf_pieces_init(own);
            pieces = own;
        }
    }
}

static void
count(int64_t bytes)
{
    untold += bytes;
    if (untold > UNTOLD_MAX || untold < -UNTOLD_MAX) {
        tell();
    }
    if (!is_known) {
        know_thread();
    }
}

static void *
counted(void *memory)
{
    if (memory != NULL) {
        count((int64_t)malloc_usable_size(memory));
    }
    return memory;
}

uint64_t
wf_alloc_bytes(void)
{
    int64_t bytes = atomic_load_explicit(&total, memory_order_relaxed) -
                    (int64_t)wf_pieces_stored();

    return bytes > 0 ? (uint64_t)bytes : 0;
}

// What libc is asked for: a piece does for all sizes of its rank.
static size_t
whole(size_t size)
{
    if (!keeps) {
        return size == 0 ? 1 : size;
    }
    return size > WF_PIECES_MOST ? size : wf_pieces_size(wf_pieces_rank(size));
}

static void *
take(size_t size)
{
    return keeps && size <= WF_PIECES_MOST ? wf_pieces_take(pieces, size)
                                           : NULL;
}

void *
wf_try_alloc(size_t size)
{
    void *memory = take(size);

    return memory != NULL ? memory : counted(malloc(whole(size)));
}

static void *
must_have(void *memory)
{
    if (memory == NULL) {
        wf_panic(__FILE__, __LINE__, "out of memory");
    }
    return memory;
}

void *
wf_alloc(size_t size)
{
    return must_have(wf_try_alloc(size));
}

void *
wf_calloc(size_t size)
{
    void *memory = take(size);

    return memory != NULL ? memset(memory, 0, size)
                          : must_have(counted(calloc(1, whole(size))));
}

// Without a piece there would be no gain: libc may have room behind it.
void *
wf_realloc(void *memory, size_t size)
{
    size_t before = malloc_usable_size(memory); // of NULL: 0
    void *moved = before <= WF_PIECES_MOST ? take(size) : NULL;

    if (moved == NULL) {
        moved = must_have(realloc(memory, whole(size)));
        count(-(int64_t)before);
        return counted(moved);
    }
    if (memory != NULL) {
        memcpy(moved, memory, before < size ? before : size);
        wf_free(memory);
    }
    return moved;
}

void
wf_free(void *memory)
{
    size_t usable;

    if (memory == NULL) {
        return;
    }
    usable = malloc_usable_size(memory);
    if (!keeps || !wf_pieces_keep(pieces, memory, usable)) {
        count(-(int64_t)usable);
        free(memory);
    }
}

char *
wf_strdup(const char *text)
{
    return wf_memdup(text, strlen(text) + 1);
}

void *
wf_memdup(const void *bytes, size_t len)
{
    void *copy = wf_alloc(len);

    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}
