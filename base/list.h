// SPDX-License-Identifier: Apache-2.0
//
// list.h - doubly linked lists whose links are inside the things listed.
//
// A node is in at most one list; a node that is in none is all zero or
// removed. Not for use from two threads.

#ifndef WF_BASE_LIST_H
#define WF_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct wf_list_node {
    struct wf_list_node *prev; // NULL when in no list
    struct wf_list_node *next;
};

struct wf_list {
    struct wf_list_node head; // prev is the last, next the first
    size_t count;
};

// The struct of `type` whose member `member` is at `node`.
#define WF_CONTAINER(node, type, member)                                       \
    ((type *)(void *)((char *)(node)-offsetof(type, member)))

void wf_list_init(struct wf_list *list);
void wf_list_push_back(struct wf_list *list, struct wf_list_node *node);
void wf_list_push_front(struct wf_list *list, struct wf_list_node *node);
// Before `place`, which is in the list; NULL: at the end.
void wf_list_insert(struct wf_list *list, struct wf_list_node *place,
                    struct wf_list_node *node);
void wf_list_remove(struct wf_list *list, struct wf_list_node *node);

static inline bool
wf_list_has(const struct wf_list_node *node)
{
    return node->prev != NULL;
}

// These three give NULL at the end.
static inline struct wf_list_node *
wf_list_next(const struct wf_list *list, const struct wf_list_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

static inline struct wf_list_node *
wf_list_first(const struct wf_list *list)
{
    return wf_list_next(list, &list->head);
}

static inline struct wf_list_node *
wf_list_pop_front(struct wf_list *list)
{
    struct wf_list_node *node = wf_list_first(list);

    if (node != NULL) {
        wf_list_remove(list, node);
    }
    return node;
}

// Of a list that has one at least.
static inline struct wf_list_node *
wf_list_the_first(const struct wf_list *list)
{
    struct wf_list_node *node = wf_list_first(list);

    WF_ASSERT(node != NULL);
    return node;
}

static inline struct wf_list_node *
wf_list_pop_the_first(struct wf_list *list)
{
    struct wf_list_node *node = wf_list_the_first(list);

    wf_list_remove(list, node);
    return node;
}

#endif
