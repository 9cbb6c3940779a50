// SPDX-License-Identifier: Apache-2.0

#include "runtime/published.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "support/test.h"

// What `bytes` should be.
static uint64_t
count(const struct wf_publications *all)
{
    struct wf_list_node *node = wf_list_first(&all->list);
    uint64_t bytes = 0;

    for (; node != NULL; node = wf_list_next(&all->list, node)) {
        const struct wf_published *published =
            WF_CONTAINER(node, struct wf_published, node);

        bytes += strlen(published->name) + published->value.len;
    }
    return bytes;
}

TEST(published, its_bytes_are_those_of_all_names_and_values)
{
    static const uint8_t bytes[500];
    struct wf_publications all;
    struct wf_random random;
    char name[16];

    wf_random_init(&random, 5);
    wf_published_init(&all, 1);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(name, sizeof(name), "v%u",
                       (unsigned)wf_random_below(&random, 100));
        if (wf_random_below(&random, 3) == 0) {
            wf_published_remove(&all, name);
        } else {
            (void)wf_published_put(
                &all, name,
                weft_bytes_of(bytes, wf_random_below(&random, 500)));
        }
        CHECK_EQ(all.bytes, count(&all));
    }
    CHECK(all.bytes > 0);
    CHECK(
        wf_published_restore(&all, 100000, "late", weft_text("12345"), false));
    CHECK_EQ(all.bytes, count(&all));
    CHECK(!wf_published_restore(&all, 100000, "later", weft_text("12345"),
                                false));
    CHECK_EQ(all.bytes, count(&all));
    wf_published_fini(&all);
    CHECK_EQ(all.bytes, 0);
}

// A store, as a save leaves it.
struct rows {
    char values[3000][8]; // by number; empty: no row
};

static void
save(struct wf_publications *all, struct rows *rows)
{
    struct wf_reader gone = wf_reader_of(wf_buf_bytes(&all->gone));
    struct wf_list_node *node;

    while (wf_reader_left(&gone) > 0) {
        rows->values[wf_reader_u64(&gone)][0] = '\0';
    }
    wf_buf_reset(&all->gone);
    while ((node = wf_list_first(&all->unsaved)) != NULL) {
        struct wf_published *published =
            WF_CONTAINER(node, struct wf_published, unsaved);

        (void)snprintf(rows->values[published->number], sizeof(rows->values[0]),
                       "%.*s", (int)published->value.len,
                       (const char *)published->value.data);
        wf_published_saved(all, published);
    }
}

static void
check_rows(const struct wf_publications *all, const struct rows *rows)
{
    struct wf_list_node *node = wf_list_first(&all->list);
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&all->list, node)) {
        const struct wf_published *published =
            WF_CONTAINER(node, struct wf_published, node);

        CHECK_BYTES(published->value,
                    weft_text(rows->values[published->number]));
    }
    for (size_t i = 0; i < sizeof(rows->values) / sizeof(rows->values[0]);
         i++) {
        count += rows->values[i][0] != '\0';
    }
    CHECK_EQ(count, all->list.count);
    CHECK_EQ(all->rows_count, all->list.count);
}

TEST(published, saves_of_what_has_changed_make_the_store_what_it_is)
{
    static struct rows rows;
    struct wf_publications all;
    uint64_t random = 7;

    wf_published_init(&all, 1);
    for (uint32_t i = 0; i < 3000; i++) {
        char name[8];
        char value[8];

        random = random * 6364136223846793005U + 1442695040888963407U;
        (void)snprintf(name, sizeof(name), "%u", (unsigned)(random >> 33) % 60);
        (void)snprintf(value, sizeof(value), "v%u", i % 1000);
        if ((random >> 40) % 600 == 0) {
            wf_published_clear(&all);
        } else if ((random >> 45) % 16 == 0) {
            wf_published_remove(&all, name);
        } else {
            (void)wf_published_put(&all, name, weft_text(value));
        }
        if ((random >> 50) % 20 == 0) {
            save(&all, &rows);
            check_rows(&all, &rows);
        }
    }
    CHECK(all.last_number < sizeof(rows.values) / sizeof(rows.values[0]));
    save(&all, &rows);
    (void)wf_published_put(&all, "one", weft_text("of many"));
    CHECK_EQ(all.unsaved.count, 1);
    wf_published_fini(&all);
}
