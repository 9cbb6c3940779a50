// SPDX-License-Identifier: Apache-2.0
//
// heap.h - a priority queue of nodes that live inside other structs.
//
// Smallest `due` first; among equals the one added first, so that the order
// never depends on addresses. Add, remove and move cost log n.

#ifndef WF_BASE_HEAP_H
#define WF_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wf_heap_node {
    uint64_t due;
    uint64_t seq; // set by the heap
    size_t index; // place in the heap, from 1; 0 when in none
};

struct wf_heap {
    struct wf_heap_node **nodes; // nodes[0] unused
    size_t count;
    size_t cap;
    uint64_t next_seq;
};

void wf_heap_init(struct wf_heap *heap);
void wf_heap_fini(struct wf_heap *heap);
void wf_heap_add(struct wf_heap *heap, struct wf_heap_node *node, uint64_t due);
void wf_heap_remove(struct wf_heap *heap, struct wf_heap_node *node);
struct wf_heap_node *wf_heap_first(const struct wf_heap *heap); // or NULL

static inline bool
wf_heap_has(const struct wf_heap_node *node)
{
    return node->index != 0;
}

#endif
