// SPDX-License-Identifier: Apache-2.0
//
// published.h - an actor's values by name, in the order of first publishing.
//
// There may be hundreds of thousands: a long list has an index. Each value is
// an item of its own in the image, by a number that it keeps, so that one that
// changes or goes rewrites no other; and what has changed since the last save
// is listed, so that a save looks at no other.

#ifndef WF_RUNTIME_PUBLISHED_H
#define WF_RUNTIME_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/table.h"
#include "weft/bytes.h"

struct wf_published {
    struct wf_list_node node;
    struct wf_list_node unsaved; // not in the list: its row is what it is
    uint64_t number;             // ascends in the list
    bool is_removed;             // in a turn's changes: it is there no more
    bool has_row;                // in the store, of its own
    char *name;
    weft_bytes value; // owned
};

struct wf_publications {
    struct wf_list list;
    struct wf_table index; // by name; empty while the list is short
    uint64_t hash_seed;    // names may come from clients
    uint64_t last_number;
    uint64_t bytes; // of all names and values

    // What a save has to do (image.c).
    struct wf_list unsaved;
    struct wf_buf gone;  // numbers of rows whose values are there no more
    uint64_t rows_count; // of those that have one
};

void wf_published_init(struct wf_publications *all, uint64_t hash_seed);
// Frees all, and forgets their rows.
void wf_published_fini(struct wf_publications *all);
// Remove all.
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
                          const char *name, weft_bytes value, bool has_row);
// The store has, or is about to have, a row of it as it is.
void wf_published_saved(struct wf_publications *all,
                        struct wf_published *published);

#endif
