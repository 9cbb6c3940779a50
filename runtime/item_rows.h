// SPDX-License-Identifier: Apache-2.0
//
// item_rows.h - which items of an actor have rows of their own in the store.
//
// With a hash of each: so a save writes only what has changed, and deletes what
// is gone.

#ifndef WF_RUNTIME_ITEM_ROWS_H
#define WF_RUNTIME_ITEM_ROWS_H

#include <stdint.h>

#include "base/bytes.h"

struct wf_batch;

struct wf_item_row {
    uint8_t class; // enum wf_item_class
    uint64_t number;
    uint64_t hash; // of its value; 0: nobody asks
};

// Zeroed is empty. Sorted by class and number, but for those that were added
// last.
struct wf_item_rows {
    struct wf_item_row *rows;
    uint32_t count;
    uint32_t cap;
};

// Make room for so many, and no more than that.
void wf_item_rows_reserve(struct wf_item_rows *rows, uint32_t count);
void wf_item_rows_add(struct wf_item_rows *rows, struct wf_item_row row);
// Of sorted ones. NULL: it has none.
const struct wf_item_row *wf_item_rows_find(const struct wf_item_rows *rows,
                                            uint8_t class, uint64_t number);
void wf_item_rows_fini(struct wf_item_rows *rows);

// The actor's rows in the store are to be `wanted`, which is sorted and taken:
// those that are not are deleted, by `batch`.
void wf_item_rows_settle(struct wf_item_rows *rows, struct wf_item_rows *wanted,
                         uint32_t partition, weft_bytes actor,
                         struct wf_batch *batch);

#endif
