// SPDX-License-Identifier: Apache-2.0
//
// alloc.c - memory from libc, or the end of the process.
//
// Size 0 asks for one byte, so that every result is a pointer of its own and
// NULL means one thing only: there is no memory.
//
// Threads: any.

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void *
wf_try_alloc(size_t size)
{
    return malloc(size == 0 ? 1 : size);
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
    return must_have(calloc(1, size == 0 ? 1 : size));
}

void *
wf_realloc(void *memory, size_t size)
{
    return must_have(realloc(memory, size == 0 ? 1 : size));
}

void
wf_free(void *memory)
{
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
