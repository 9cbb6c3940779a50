// SPDX-License-Identifier: Apache-2.0
//
// published.h - an actor's values by name, in the order of first publishing.
//
// There may be hundreds of thousands: a long list has an index. Each value is
// an item of its own in the image, by a number that it keeps, so that one that
// changes or goes rewrites no other.

#ifndef WF_RUNTIME_PUBLISHED_H
#define WF_RUNTIME_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "weft/bytes.h"

struct wf_published {
    struct wf_list_node node;
    uint64_t number; // ascends in the list; of this life in memory
    bool is_removed; // in a turn's changes: it is there no more
    char *name;
    weft_bytes value; // owned
    // Of the row that it has, which needs no look then: image.c.
    bool is_saved;
    uint64_t saved_hash;
};

struct wf_publications {
    struct wf_list list;
    struct wf_table index; // by name; empty while the list is short
    uint64_t last_number;
    uint64_t bytes; // of all names and values
};

void wf_published_init(struct wf_publications *all);
// Leaves it empty and usable.
void wf_published_clear(struct wf_publications *all);
// NULL if there is none.
struct wf_published *wf_published_find(const struct wf_publications *all,
                                       const char *name);
// Add it, or replace its value. Returns it.
struct wf_published *wf_published_put(struct wf_publications *all,
                                      const char *name, weft_bytes value);
// Nothing if there is none.
void wf_published_remove(struct wf_publications *all, const char *name);
// Read back under its number. False: there is one of that number or name.
bool wf_published_restore(struct wf_publications *all, uint64_t number,
                          const char *name, weft_bytes value);

#endif
