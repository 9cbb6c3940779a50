// SPDX-License-Identifier: Apache-2.0

#include "runtime/opened.h"

#include "base/random.h"
#include "support/test.h"

enum { COUNT = 2000 };

struct thing {
    struct wf_list_node node;
    uint32_t id;
};

static uint32_t
id_of(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct thing, node)->id;
}

static void
check_order(const struct wf_opened *opened)
{
    const struct wf_list_node *node = wf_list_first(&opened->list);
    uint32_t last = 0;

    for (; node != NULL; node = wf_list_next(&opened->list, node)) {
        CHECK_EQ(id_of(node) > last, 1);
        last = id_of(node);
    }
}

TEST(opened, finds_everything_and_keeps_order_however_long_it_is)
{
    static struct thing things[COUNT];
    struct wf_opened opened;
    struct wf_random random;

    wf_random_init(&random, 7);
    wf_opened_init(&opened, id_of);
    // What is read back from rows of its own comes before the first 64.
    for (uint32_t i = 64; i < 64 + COUNT; i++) {
        things[i % COUNT].id = i % COUNT + 1;
        wf_opened_add(&opened, &things[i % COUNT].node);
    }
    check_order(&opened);
    for (uint32_t round = 0; round < 5 * COUNT; round++) {
        struct thing *thing = &things[wf_random_u64(&random) % COUNT];

        if (wf_list_has(&thing->node)) {
            CHECK_EQ(wf_opened_find(&opened, thing->id) == &thing->node, 1);
            wf_opened_remove(&opened, &thing->node);
        } else {
            wf_opened_add(&opened, &thing->node);
        }
        CHECK_EQ(wf_opened_find(&opened, thing->id) != NULL,
                 wf_list_has(&thing->node));
    }
    check_order(&opened);
    while (wf_opened_pop(&opened) != NULL) {
        check_order(&opened);
    }
    CHECK_EQ(opened.index.cap, 0);
    CHECK_EQ(wf_opened_find(&opened, 1) == NULL, 1);
}
