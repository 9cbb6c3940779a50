// SPDX-License-Identifier: Apache-2.0

#include "base/heap.h"

#include "base/random.h"
#include "support/test.h"

static void
remove_first(struct wf_heap *heap, struct wf_heap_node *expected)
{
    CHECK_EQ(wf_heap_first(heap), expected);
    wf_heap_remove(heap, expected);
    CHECK(!wf_heap_has(expected));
}

TEST(heap, the_smallest_due_is_first)
{
    struct wf_heap_node nodes[3] = {{0}};
    struct wf_heap heap;

    wf_heap_init(&heap);
    CHECK(wf_heap_first(&heap) == NULL);
    wf_heap_add(&heap, &nodes[0], 30);
    wf_heap_add(&heap, &nodes[1], 10);
    wf_heap_add(&heap, &nodes[2], 20);
    CHECK(wf_heap_has(&nodes[0]));
    remove_first(&heap, &nodes[1]);
    remove_first(&heap, &nodes[2]);
    remove_first(&heap, &nodes[0]);
    CHECK(wf_heap_first(&heap) == NULL);
    wf_heap_fini(&heap);
}

TEST(heap, equals_come_in_the_order_they_were_added)
{
    struct wf_heap_node nodes[100] = {{0}};
    struct wf_heap heap;

    wf_heap_init(&heap);
    for (size_t i = 100; i > 0; i--) {
        wf_heap_add(&heap, &nodes[i - 1], 5);
    }
    for (size_t i = 100; i > 0; i--) {
        remove_first(&heap, &nodes[i - 1]);
    }
    wf_heap_fini(&heap);
}

static void
check_heap(const struct wf_heap *heap)
{
    for (size_t i = 1; i <= heap->count; i++) {
        CHECK_EQ(heap->nodes[i]->index, i);                              // I1
        CHECK(i == 1 || heap->nodes[i]->due >= heap->nodes[i / 2]->due); // I2
    }
}

static struct wf_heap_node *
find_first_slowly(struct wf_heap_node *nodes, size_t count)
{
    struct wf_heap_node *first = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!wf_heap_has(&nodes[i])) {
            continue;
        }
        if (first == NULL || nodes[i].due < first->due ||
            (nodes[i].due == first->due && nodes[i].seq < first->seq)) {
            first = &nodes[i];
        }
    }
    return first;
}

TEST(heap, random_adds_and_removes_agree_with_a_search)
{
    enum { COUNT = 64 };
    struct wf_heap_node nodes[COUNT] = {{0}};
    struct wf_random random;
    struct wf_heap heap;

    wf_random_init(&random, 2);
    wf_heap_init(&heap);
    for (int round = 0; round < 50000; round++) {
        struct wf_heap_node *node = &nodes[wf_random_below(&random, COUNT)];

        if (wf_heap_has(node)) {
            wf_heap_remove(&heap, node);
        } else {
            wf_heap_add(&heap, node, wf_random_below(&random, 20));
        }
        check_heap(&heap);
        CHECK_EQ(wf_heap_first(&heap), find_first_slowly(nodes, COUNT));
    }
    wf_heap_fini(&heap);
}
