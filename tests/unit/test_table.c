// SPDX-License-Identifier: Apache-2.0

#include "base/table.h"

#include "base/random.h"
#include "support/test.h"

enum { ITEMS = 512 };

struct item {
    uint64_t hash;
    uint32_t number;
    bool is_in;
};

static bool
has_number(const void *item, const void *key)
{
    return ((const struct item *)item)->number == *(const uint32_t *)key;
}

static void *
find(const struct wf_table *table, uint64_t hash, uint32_t number)
{
    return wf_table_find(table, hash, has_number, &number);
}

TEST(table, an_empty_table_finds_nothing)
{
    struct wf_table table = {0};
    size_t cursor = 0;

    CHECK(find(&table, 1, 1) == NULL);
    CHECK(wf_table_next(&table, &cursor) == NULL);
    wf_table_init(&table);
    wf_table_fini(&table);
}

TEST(table, items_of_one_hash_are_told_apart)
{
    struct item a = {.hash = 7, .number = 1};
    struct item b = {.hash = 7, .number = 2};
    struct wf_table table;

    wf_table_init(&table);
    wf_table_add(&table, 7, &a);
    wf_table_add(&table, 7, &b);
    CHECK_EQ(find(&table, 7, 1), &a);
    CHECK_EQ(find(&table, 7, 2), &b);
    CHECK(find(&table, 7, 3) == NULL);
    CHECK(find(&table, 8, 1) == NULL);
    wf_table_remove(&table, 7, &a);
    CHECK(find(&table, 7, 1) == NULL);
    CHECK_EQ(find(&table, 7, 2), &b);
    wf_table_fini(&table);
}

// I1 and I2 of table.c, and that every item counted is there.
static void
check_table(const struct wf_table *table)
{
    size_t count = 0;

    CHECK(table->count * 100 <= table->cap * 70);
    for (size_t i = 0; i < table->cap; i++) {
        if (table->slots[i].item == NULL) {
            continue;
        }
        count++;
        for (size_t j = table->slots[i].hash & (table->cap - 1); j != i;
             j = (j + 1) & (table->cap - 1)) {
            CHECK(table->slots[j].item != NULL);
        }
    }
    CHECK_EQ(count, table->count);
}

static void
check_walk(const struct wf_table *table, const struct item *items)
{
    size_t cursor = 0;
    size_t walked = 0;
    size_t in = 0;
    struct item *item;

    while ((item = wf_table_next(table, &cursor)) != NULL) {
        CHECK(item->is_in);
        walked++;
    }
    for (size_t i = 0; i < ITEMS; i++) {
        in += items[i].is_in;
    }
    CHECK_EQ(walked, in);
}

// Against a flag in each item. Few distinct hashes make long runs, also over
// the end of the slots, which is where removal goes wrong.
static void
fuzz(uint64_t seed, uint64_t hashes)
{
    static struct item items[ITEMS];
    struct wf_random random;
    struct wf_table table;

    wf_random_init(&random, seed);
    wf_table_init(&table);
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = (struct item){.number = i};
        items[i].hash = wf_random_below(&random, hashes) - hashes / 2;
    }
    for (int round = 0; round < 20000; round++) {
        struct item *item = &items[wf_random_below(&random, ITEMS)];

        CHECK_EQ(find(&table, item->hash, item->number),
                 item->is_in ? item : NULL);
        if (item->is_in) {
            wf_table_remove(&table, item->hash, item);
        } else {
            wf_table_add(&table, item->hash, item);
        }
        item->is_in = !item->is_in;
        if (round % 64 == 0) {
            check_table(&table);
            check_walk(&table, items);
        }
    }
    wf_table_fini(&table);
}

TEST(table, random_changes_agree_with_a_reference)
{
    fuzz(1, UINT64_MAX);
    fuzz(2, 1000);
    fuzz(3, 40);
    fuzz(4, 3);
}
