// SPDX-License-Identifier: Apache-2.0
//
// heap.c - a binary heap of pointers, each node knowing its place.
//
//   I1  nodes[i]->index == i                          so remove finds it
//   I2  nodes[i] is not before nodes[i / 2]           so the first is at 1
//
// Places count from 1: a parent is i / 2, and 0 can mean "in no heap".
//
// Threads: one heap, one thread.

#include "base/heap.h"

#include "base/alloc.h"
#include "base/assert.h"

void
wf_heap_init(struct wf_heap *heap)
{
    *heap = (struct wf_heap){0};
}

void
wf_heap_fini(struct wf_heap *heap)
{
    wf_free(heap->nodes);
    wf_heap_init(heap);
}

static bool
is_before(const struct wf_heap_node *a, const struct wf_heap_node *b)
{
    return a->due < b->due || (a->due == b->due && a->seq < b->seq);
}

static void
place(struct wf_heap *heap, struct wf_heap_node *node, size_t index)
{
    heap->nodes[index] = node;
    node->index = index; // I1
}

// Move the hole at `index` up until node fits into it.
static void
sift_up(struct wf_heap *heap, struct wf_heap_node *node, size_t index)
{
    while (index > 1 && is_before(node, heap->nodes[index / 2])) {
        place(heap, heap->nodes[index / 2], index);
        index /= 2;
    }
    place(heap, node, index);
}

// Move the hole at `index` down until node fits into it.
static void
sift_down(struct wf_heap *heap, struct wf_heap_node *node, size_t index)
{
    for (;;) {
        size_t child = index * 2;

        if (child > heap->count) {
            break;
        }
        if (child < heap->count &&
            is_before(heap->nodes[child + 1], heap->nodes[child])) {
            child++;
        }
        if (!is_before(heap->nodes[child], node)) {
            break;
        }
        place(heap, heap->nodes[child], index);
        index = child;
    }
    place(heap, node, index);
}

static void
grow(struct wf_heap *heap)
{
    heap->cap = heap->cap == 0 ? 16 : heap->cap * 2;
    heap->nodes = wf_realloc(heap->nodes, heap->cap * sizeof(*heap->nodes));
}

void
wf_heap_add(struct wf_heap *heap, struct wf_heap_node *node, uint64_t due)
{
    WF_ASSERT(!wf_heap_has(node));

    if (heap->count + 1 >= heap->cap) {
        grow(heap);
    }
    node->due = due;
    node->seq = heap->next_seq++;
    heap->count++;
    sift_up(heap, node, heap->count);
}

void
wf_heap_remove(struct wf_heap *heap, struct wf_heap_node *node)
{
    size_t index = node->index;
    struct wf_heap_node *last;

    WF_ASSERT(index > 0 && index <= heap->count);
    WF_ASSERT(heap->nodes[index] == node); // I1, and that it is this heap's

    last = heap->nodes[heap->count];
    heap->count--;
    node->index = 0;
    if (last == node) {
        return;
    }
    // The last one fills the hole; it may belong above or below.
    if (index > 1 && is_before(last, heap->nodes[index / 2])) {
        sift_up(heap, last, index);
    } else {
        sift_down(heap, last, index);
    }
}

struct wf_heap_node *
wf_heap_first(const struct wf_heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[1];
}
