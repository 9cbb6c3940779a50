// SPDX-License-Identifier: Apache-2.0
//
// opened.h - what an actor waits for, by number: timers, commands, calls.
//
// A list in order of number, which is the order in which a workflow opened
// them. A hundred thousand may be open, so a long list has an index; most are
// short and do without.

#ifndef WF_RUNTIME_OPENED_H
#define WF_RUNTIME_OPENED_H

#include <stdint.h>

#include "base/list.h"
#include "base/table.h"

typedef uint32_t wf_opened_id_fn(const struct wf_list_node *node);

struct wf_opened {
    struct wf_list list;
    struct wf_table index; // empty while the list is short
    wf_opened_id_fn *id_of;
};

// Owns no item; holds no memory once it is empty.
void wf_opened_init(struct wf_opened *opened, wf_opened_id_fn *id_of);
void wf_opened_add(struct wf_opened *opened, struct wf_list_node *node);
void wf_opened_remove(struct wf_opened *opened, struct wf_list_node *node);
// Remove and return the first, or NULL.
struct wf_list_node *wf_opened_pop(struct wf_opened *opened);
// NULL if there is none.
struct wf_list_node *wf_opened_find(const struct wf_opened *opened,
                                    uint32_t id);

#endif
