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
    wf_published_init(&all);
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
    CHECK(wf_published_restore(&all, 100000, "late", weft_text("12345")));
    CHECK_EQ(all.bytes, count(&all));
    CHECK(!wf_published_restore(&all, 100000, "later", weft_text("12345")));
    CHECK_EQ(all.bytes, count(&all));
    wf_published_clear(&all);
    CHECK_EQ(all.bytes, 0);
}
