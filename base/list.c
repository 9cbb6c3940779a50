// SPDX-License-Identifier: Apache-2.0
//
// list.c - a ring through the list's own head, so no end is a special case.
//
// An all-zero list has no ring yet: init is needed, and once listed the struct
// must not move.
//
// Threads: one list, one thread.

#include "base/list.h"

#include "base/assert.h"

void
wf_list_init(struct wf_list *list)
{
    list->head.prev = &list->head;
    list->head.next = &list->head;
    list->count = 0;
}

static void
insert_after(struct wf_list *list, struct wf_list_node *place,
             struct wf_list_node *node)
{
    WF_ASSERT(!wf_list_has(node));

    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
    list->count++;
}

void
wf_list_push_back(struct wf_list *list, struct wf_list_node *node)
{
    insert_after(list, list->head.prev, node);
}

void
wf_list_push_front(struct wf_list *list, struct wf_list_node *node)
{
    insert_after(list, &list->head, node);
}

void
wf_list_insert(struct wf_list *list, struct wf_list_node *place,
               struct wf_list_node *node)
{
    insert_after(list, place == NULL ? list->head.prev : place->prev, node);
}

void
wf_list_remove(struct wf_list *list, struct wf_list_node *node)
{
    WF_ASSERT(wf_list_has(node));
    WF_ASSERT(list->count > 0);

    node->prev->next = node->next;
    node->next->prev = node->prev;
    *node = (struct wf_list_node){0};
    list->count--;
}
