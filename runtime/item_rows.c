// SPDX-License-Identifier: Apache-2.0
//
// item_rows.c - which items of an actor have rows of their own in the store.

#include "runtime/item_rows.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "storage/keys.h"
#include "storage/store.h"

static int
compare(const void *a, const void *b)
{
    const struct wf_item_row *left = a;
    const struct wf_item_row *right = b;

    if (left->class != right->class) {
        return left->class < right->class ? -1 : 1;
    }
    if (left->number != right->number) {
        return left->number < right->number ? -1 : 1;
    }
    return 0;
}

void
wf_item_rows_reserve(struct wf_item_rows *rows, uint32_t count)
{
    if (count > rows->cap) {
        rows->cap = count;
        rows->rows = wf_realloc(rows->rows, rows->cap * sizeof(*rows->rows));
    }
}

void
wf_item_rows_add(struct wf_item_rows *rows, struct wf_item_row row)
{
    if (rows->count == rows->cap) {
        wf_item_rows_reserve(rows, rows->cap == 0 ? 8 : rows->cap * 2);
    }
    rows->rows[rows->count++] = row;
}

const struct wf_item_row *
wf_item_rows_find(const struct wf_item_rows *rows, uint8_t class,
                  uint64_t number)
{
    const struct wf_item_row wanted = {.class = class, .number = number};

    return rows->count == 0 ? NULL
                            : bsearch(&wanted, rows->rows, rows->count,
                                      sizeof(*rows->rows), compare);
}

void
wf_item_rows_fini(struct wf_item_rows *rows)
{
    wf_free(rows->rows);
    *rows = (struct wf_item_rows){0};
}

// Nearly always; a hundred thousand need not be sorted for each save.
static bool
is_sorted(const struct wf_item_rows *rows)
{
    for (uint32_t i = 1; i < rows->count; i++) {
        if (compare(&rows->rows[i - 1], &rows->rows[i]) > 0) {
            return false;
        }
    }
    return true;
}

void
wf_item_rows_settle(struct wf_item_rows *rows, struct wf_item_rows *wanted,
                    uint32_t partition, weft_bytes actor,
                    struct wf_batch *batch)
{
    struct wf_buf key = {0};
    uint32_t at = 0;

    if (!is_sorted(wanted)) {
        qsort(wanted->rows, wanted->count, sizeof(*wanted->rows), compare);
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct wf_item_row *old = &rows->rows[i];

        while (at < wanted->count && compare(&wanted->rows[at], old) < 0) {
            at++;
        }
        if (at < wanted->count && compare(&wanted->rows[at], old) == 0) {
            continue;
        }
        wf_keys_item(&key, partition, actor, old->class, old->number);
        wf_batch_delete(batch, WF_CF_DATA, wf_buf_bytes(&key));
    }
    wf_buf_fini(&key);
    wf_item_rows_fini(rows);
    *rows = *wanted;
    *wanted = (struct wf_item_rows){0};
}
