// SPDX-License-Identifier: Apache-2.0
//
// alloc.c - memory from libc, or the end of the process.
//
// Size 0 asks for one byte, so that every result is a pointer of its own and
// NULL means one thing only: there is no memory.
//
// Each thread counts what it takes and gives back, and tells the total when it
// has come far enough, and when it ends: what one thread allocates another
// frees, so a count that was not told would stay wrong.
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

#define UNTOLD_MAX 16384

static _Atomic int64_t total;
static _Thread_local int64_t untold __attribute__((tls_model("initial-exec")));
static _Thread_local bool is_known __attribute__((tls_model("initial-exec")));
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_end;

static void
tell(void)
{
    atomic_fetch_add_explicit(&total, untold, memory_order_relaxed);
    untold = 0;
}

static void
tell_at_end(void *unused)
{
    (void)unused;
    tell();
    is_known = false; // another destructor may still free
}

static void
make_key(void)
{
    if (pthread_key_create(&at_end, tell_at_end) != 0) {
        wf_panic(__FILE__, __LINE__, "no key for a thread's count");
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
        is_known = true; // first: setting it may allocate
        (void)pthread_once(&once, make_key);
        (void)pthread_setspecific(at_end, &total);
    }
}

uint64_t
wf_alloc_bytes(void)
{
    int64_t bytes = atomic_load_explicit(&total, memory_order_relaxed);

    return bytes > 0 ? (uint64_t)bytes : 0;
}

static void *
counted(void *memory)
{
    if (memory != NULL) {
        count((int64_t)malloc_usable_size(memory));
    }
    return memory;
}

void *
wf_try_alloc(size_t size)
{
    return counted(malloc(size == 0 ? 1 : size));
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
    return must_have(counted(calloc(1, size == 0 ? 1 : size)));
}

void *
wf_realloc(void *memory, size_t size)
{
    int64_t before = (int64_t)malloc_usable_size(memory); // of NULL: 0
    void *moved = must_have(realloc(memory, size == 0 ? 1 : size));

    count((int64_t)malloc_usable_size(moved) - before);
    return moved;
}

void
wf_free(void *memory)
{
    count(-(int64_t)malloc_usable_size(memory));
    free(memory);
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
