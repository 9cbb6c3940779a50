// SPDX-License-Identifier: Apache-2.0
//
// alloc.h - memory. Everything inside weft allocates through here.
//
// wf_alloc and its kin never return NULL: without memory a partition cannot
// apply what is already durable, so the process stops, which is safe (nothing
// acknowledged is lost). Where the size comes from outside, at the edge,
// wf_try_alloc is used, and the caller answers WEFT_ENOMEM.
//
// What is allocated is counted, so that a node can stop taking work before
// there is no memory.

#ifndef WF_BASE_ALLOC_H
#define WF_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *wf_alloc(size_t size);  // not zeroed; size 0 gives a unique pointer
void *wf_calloc(size_t size); // zeroed
void *wf_realloc(void *memory, size_t size);
void *wf_try_alloc(size_t size); // NULL when there is none
void wf_free(void *memory);      // NULL is fine
char *wf_strdup(const char *text);
void *wf_memdup(const void *bytes, size_t len);

// Bytes allocated through here in this process and not freed, but for up to
// 16 KiB of each thread that it has not told yet, and with what each has freed
// and keeps (pieces.h). Costs two loads.
uint64_t wf_alloc_bytes(void);

#endif
