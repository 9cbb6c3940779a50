// SPDX-License-Identifier: Apache-2.0
//
// opened.c - a list by number, with an index when it is long. See opened.h.

#include "runtime/opened.h"

#include "base/assert.h"
#include "base/hash.h"

// Shorter lists are walked.
#define INDEXED_MIN 32

void
wf_opened_init(struct wf_opened *opened, wf_opened_id_fn *id_of)
{
    wf_list_init(&opened->list);
    wf_table_init(&opened->index);
    opened->id_of = id_of;
}

static uint64_t
hash_of(uint32_t id)
{
    return wf_hash64(&id, sizeof(id), 0);
}

struct wanted {
    wf_opened_id_fn *id_of;
    uint32_t id;
};

static bool
is_wanted(const void *item, const void *key)
{
    const struct wanted *wanted = key;

    return wanted->id_of(item) == wanted->id;
}

// The first with a higher number, or NULL. Nearly always the new one is the
// last; those read back from rows of their own come before those of the image.
static struct wf_list_node *
find_later(const struct wf_opened *opened, uint32_t id)
{
    struct wf_list_node *node = wf_list_first(&opened->list);

    if (node == NULL || opened->id_of(node) > id) {
        return node;
    }
    node = opened->list.head.prev;
    if (opened->id_of(node) < id) {
        return NULL;
    }
    while (opened->id_of(node->prev) > id) {
        node = node->prev;
    }
    return node;
}

void
wf_opened_add(struct wf_opened *opened, struct wf_list_node *node)
{
    uint32_t id = opened->id_of(node);

    WF_ASSERT_SLOW(wf_opened_find(opened, id) == NULL);
    wf_list_insert(&opened->list, find_later(opened, id), node);
    if (opened->index.count > 0) {
        wf_table_add(&opened->index, hash_of(id), node);
    } else if (opened->list.count >= INDEXED_MIN) {
        struct wf_list_node *each = wf_list_first(&opened->list);

        for (; each != NULL; each = wf_list_next(&opened->list, each)) {
            wf_table_add(&opened->index, hash_of(opened->id_of(each)), each);
        }
    }
}

void
wf_opened_remove(struct wf_opened *opened, struct wf_list_node *node)
{
    if (opened->index.count > 0) {
        wf_table_remove(&opened->index, hash_of(opened->id_of(node)), node);
    }
    wf_list_remove(&opened->list, node);
    if (opened->list.count == 0) {
        wf_table_fini(&opened->index);
        wf_table_init(&opened->index);
    }
}

struct wf_list_node *
wf_opened_pop(struct wf_opened *opened)
{
    struct wf_list_node *node = wf_list_first(&opened->list);

    if (node != NULL) {
        wf_opened_remove(opened, node);
    }
    return node;
}

struct wf_list_node *
wf_opened_find(const struct wf_opened *opened, uint32_t id)
{
    struct wf_list_node *node = wf_list_first(&opened->list);

    if (opened->index.count > 0) {
        struct wanted wanted = {.id_of = opened->id_of, .id = id};

        return wf_table_find(&opened->index, hash_of(id), is_wanted, &wanted);
    }
    while (node != NULL && opened->id_of(node) != id) {
        node = wf_list_next(&opened->list, node);
    }
    return node;
}
