// SPDX-License-Identifier: Apache-2.0

#include "base/list.h"

#include "support/test.h"

struct thing {
    int number;
    struct wf_list_node node;
};

static int
number_of(struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct thing, node)->number;
}

// The numbers in order, as decimal digits of one number.
static int
digits(const struct wf_list *list)
{
    int digits = 0;

    for (struct wf_list_node *node = wf_list_first(list); node != NULL;
         node = wf_list_next(list, node)) {
        digits = digits * 10 + number_of(node);
    }
    return digits;
}

TEST(list, both_ends_take_and_the_front_gives)
{
    struct thing things[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct wf_list list;

    wf_list_init(&list);
    CHECK(wf_list_first(&list) == NULL);
    CHECK(wf_list_pop_front(&list) == NULL);
    wf_list_push_back(&list, &things[1].node);
    wf_list_push_back(&list, &things[2].node);
    wf_list_push_front(&list, &things[0].node);
    CHECK_EQ(digits(&list), 123);
    CHECK_EQ(list.count, 3);
    CHECK_EQ(wf_list_pop_front(&list), &things[0].node);
    CHECK_EQ(digits(&list), 23);
    CHECK_EQ(list.count, 2);
}

TEST(list, removal_works_anywhere_and_the_node_can_be_listed_again)
{
    struct thing things[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct wf_list list;

    wf_list_init(&list);
    for (size_t i = 0; i < 3; i++) {
        CHECK(!wf_list_has(&things[i].node));
        wf_list_push_back(&list, &things[i].node);
        CHECK(wf_list_has(&things[i].node));
    }
    wf_list_remove(&list, &things[1].node);
    CHECK(!wf_list_has(&things[1].node));
    CHECK_EQ(digits(&list), 13);
    wf_list_remove(&list, &things[2].node);
    CHECK_EQ(digits(&list), 1);
    wf_list_push_front(&list, &things[1].node);
    CHECK_EQ(digits(&list), 21);
    wf_list_remove(&list, &things[1].node);
    wf_list_remove(&list, &things[0].node);
    CHECK_EQ(list.count, 0);
    CHECK(wf_list_first(&list) == NULL);
}

TEST(list, one_can_be_put_before_another)
{
    struct thing things[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct wf_list list;

    wf_list_init(&list);
    wf_list_insert(&list, NULL, &things[2].node);
    wf_list_insert(&list, &things[2].node, &things[0].node);
    wf_list_insert(&list, &things[2].node, &things[1].node);
    CHECK_EQ(digits(&list), 123);
    CHECK_EQ(list.count, 3);
}
