// SPDX-License-Identifier: Apache-2.0
//
// table.c - linear probing with backward-shift removal.
//
//   I1  count <= 70 % of cap                     so a probe always ends
//   I2  between an item's home slot (hash modulo cap) and its own slot no slot
//       is free                                  so a probe always finds it
//
// The whole hash is kept beside the pointer: a probe touches an item's memory
// only when all 64 bits agree, and growing touches none.
//
// Threads: one table, one thread; or several that only read.

#include "base/table.h"

#include "base/alloc.h"
#include "base/assert.h"

enum {
    CAP_MIN = 16,
    FULL_PERCENT = 70,
};

void
wf_table_init(struct wf_table *table)
{
    *table = (struct wf_table){0};
}

void
wf_table_fini(struct wf_table *table)
{
    wf_free(table->slots);
    wf_table_init(table);
}

static size_t
slot_after(const struct wf_table *table, size_t slot)
{
    return (slot + 1) & (table->cap - 1);
}

static size_t
home_slot(const struct wf_table *table, uint64_t hash)
{
    return (size_t)hash & (table->cap - 1);
}

void *
wf_table_find(const struct wf_table *table, uint64_t hash,
              wf_table_equal_fn *equal, const void *key)
{
    if (table->count == 0) {
        return NULL;
    }
    for (size_t i = home_slot(table, hash);; i = slot_after(table, i)) {
        const struct wf_table_slot *slot = &table->slots[i];

        if (slot->item == NULL) {
            return NULL; // I2
        }
        if (slot->hash == hash && equal(slot->item, key)) {
            return slot->item;
        }
    }
}

static void
put(struct wf_table *table, uint64_t hash, void *item)
{
    size_t i = home_slot(table, hash);

    while (table->slots[i].item != NULL) {
        i = slot_after(table, i);
    }
    table->slots[i] = (struct wf_table_slot){.hash = hash, .item = item};
}

static void
grow(struct wf_table *table)
{
    struct wf_table_slot *slots = table->slots;
    size_t cap = table->cap;

    table->cap = cap == 0 ? CAP_MIN : cap * 2;
    table->slots = wf_calloc(table->cap * sizeof(*table->slots));
    for (size_t i = 0; i < cap; i++) {
        if (slots[i].item != NULL) {
            put(table, slots[i].hash, slots[i].item);
        }
    }
    wf_free(slots);
}

void
wf_table_add(struct wf_table *table, uint64_t hash, void *item)
{
    WF_ASSERT(item != NULL);

    if ((table->count + 1) * 100 > table->cap * FULL_PERCENT) {
        grow(table); // I1
    }
    put(table, hash, item);
    table->count++;
}

// Close the gap at `hole`: move back each item of the run behind it that may
// stand there, which is one whose home is not between the hole and itself.
static void
shift_back(struct wf_table *table, size_t hole)
{
    size_t mask = table->cap - 1;
    size_t i = slot_after(table, hole);

    while (table->slots[i].item != NULL) {
        size_t home = home_slot(table, table->slots[i].hash);

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
        i = slot_after(table, i);
    }
    table->slots[hole] = (struct wf_table_slot){0};
}

void
wf_table_remove(struct wf_table *table, uint64_t hash, const void *item)
{
    size_t i;

    WF_ASSERT(table->count > 0);
    i = home_slot(table, hash);
    while (table->slots[i].item != item) {
        WF_ASSERT(table->slots[i].item != NULL); // it must be there
        i = slot_after(table, i);
    }
    WF_ASSERT(table->slots[i].hash == hash);
    shift_back(table, i);
    table->count--;
}

void *
wf_table_next(const struct wf_table *table, size_t *cursor)
{
    while (*cursor < table->cap) {
        void *item = table->slots[(*cursor)++].item;

        if (item != NULL) {
            return item;
        }
    }
    return NULL;
}
