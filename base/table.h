// SPDX-License-Identifier: Apache-2.0
//
// table.h - a hash table of pointers, found by a 64-bit hash and a comparison.
//
// Open addressing, linear probing, at most 70 % full, backward-shift removal:
// no tombstones. The table owns no item. Walking it gives slot order, which
// depends on hashes alone; where order can be seen, sort.

#ifndef WF_BASE_TABLE_H
#define WF_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wf_table_slot {
    uint64_t hash;
    void *item; // NULL when free
};

struct wf_table {
    struct wf_table_slot *slots;
    size_t count;
    size_t cap; // 0 or a power of two
};

typedef bool wf_table_equal_fn(const void *item, const void *key);

void wf_table_init(struct wf_table *table);
void wf_table_fini(struct wf_table *table);
// NULL if there is none.
void *wf_table_find(const struct wf_table *table, uint64_t hash,
                    wf_table_equal_fn *equal, const void *key);
void wf_table_add(struct wf_table *table, uint64_t hash, void *item);
void wf_table_remove(struct wf_table *table, uint64_t hash, const void *item);
// Walk: start with *cursor = 0; NULL at the end. Nothing may be added or
// removed meanwhile.
void *wf_table_next(const struct wf_table *table, size_t *cursor);

#endif
