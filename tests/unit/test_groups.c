// SPDX-License-Identifier: Apache-2.0
//
// test_groups.c - counts by value: in order of type and value, put together
// from parts, and not more of them than there is room for.

#include "runtime/groups.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/filter.h"
#include "support/test.h"

static void
add(struct wf_groups *groups, struct wf_filter_value value)
{
    CHECK_OK(wf_groups_add(groups, &value));
}

TEST(groups, are_in_order_of_type_and_value)
{
    struct wf_groups groups = {0};

    for (int i = 0; i < 2; i++) {
        add(&groups,
            (struct wf_filter_value){.type = WEFT_ATTRIBUTE_INT, .integer = 7});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_INT,
                                              .integer = -7});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_KEYWORD,
                                              .text = weft_text("b")});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_KEYWORD,
                                              .text = weft_text("a")});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_TEXT,
                                              .text = weft_text("a")});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_DOUBLE,
                                              .real = 0.5});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_BOOL,
                                              .boolean = true});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_TIME,
                                              .time_ms = 5});
        add(&groups, (struct wf_filter_value){.type = WEFT_ATTRIBUTE_NONE});
        CHECK_OK(wf_groups_add(&groups, NULL)); // counted, and of none
    }
    CHECK_EQ(groups.count, 20);
    CHECK_EQ(groups.groups_count, 9);
    for (size_t i = 0; i < groups.groups_count; i++) {
        const weft_group *group = &groups.groups[i];

        CHECK_EQ(group->count, 2);
        if (i > 0) {
            CHECK(group[-1].value.type <= group->value.type);
        }
        if (group->value.type == WEFT_ATTRIBUTE_INT) {
            CHECK(group->value.value.integer == 7 ||
                  group[1].value.value.integer == 7);
        }
    }
    wf_groups_fini(&groups);
}

TEST(groups, of_several_parts_are_put_together_or_too_many)
{
    struct wf_groups all = {0};
    struct wf_groups more = {0};

    for (int i = 0; i < WF_GROUPS_MAX; i++) {
        add(&all,
            (struct wf_filter_value){.type = WEFT_ATTRIBUTE_INT, .integer = i});
    }
    add(&more,
        (struct wf_filter_value){.type = WEFT_ATTRIBUTE_INT, .integer = 3});
    CHECK_OK(wf_groups_merge(&all, &more));
    CHECK_EQ(all.count, WF_GROUPS_MAX + 1);
    CHECK_EQ(all.groups[3].count, 2);
    add(&more,
        (struct wf_filter_value){.type = WEFT_ATTRIBUTE_INT, .integer = -1});
    CHECK_ERR(wf_groups_merge(&all, &more), WEFT_ETOOBIG);
    CHECK(strstr(weft_err_detail(), "there are more than ") != NULL);
    CHECK_EQ(all.groups_count, WF_GROUPS_MAX);
    wf_groups_fini(&all);
    wf_groups_fini(&more);
}
