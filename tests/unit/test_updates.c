// SPDX-License-Identifier: Apache-2.0
//
// test_updates.c - an actor's updates: found, kept for their ids, forgotten.

#include "runtime/updates.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "support/test.h"

static struct wf_update *
add(struct wf_updates *updates, const char *id)
{
    struct wf_update *update = wf_update_create(updates->made + 1);

    wf_free(update->id);
    update->id = wf_strdup(id);
    wf_updates_add(updates, update);
    return update;
}

static const char *
name(uint32_t number)
{
    static char text[24];

    (void)snprintf(text, sizeof(text), "u%u", number);
    return text;
}

TEST(updates, are_found_by_number_and_id)
{
    struct wf_updates updates;
    struct wf_update *named;

    (void)t;
    wf_updates_init(&updates, 1);
    (void)add(&updates, "");
    named = add(&updates, "a");
    (void)add(&updates, "b");
    CHECK(wf_updates_find_id(&updates, "a") == named);
    CHECK(wf_updates_find(&updates, 2) == named);
    CHECK(wf_updates_find_id(&updates, "") == NULL);
    CHECK(wf_updates_find_id(&updates, "c") == NULL);
    wf_updates_drop(&updates, named);
    CHECK(wf_updates_find_id(&updates, "a") == NULL);
    CHECK(wf_updates_find(&updates, 2) == NULL);
    CHECK_EQ(updates.made, 3);
    wf_updates_clear(&updates);
    CHECK_EQ(updates.made, 0);
    CHECK(wf_updates_find_id(&updates, "b") == NULL);
}

TEST(updates, the_newest_are_kept_and_never_those_under_way)
{
    struct wf_updates updates;
    struct wf_update *slow;

    (void)t;
    wf_updates_init(&updates, 1);
    slow = add(&updates, "slow");
    (void)add(&updates, "open");
    for (uint32_t i = 0; i < WF_UPDATES_KEPT_MAX; i++) {
        wf_updates_keep(&updates, add(&updates, name(i)), WEFT_OK,
                        weft_text("done"));
    }
    wf_updates_trim(&updates);
    CHECK(wf_updates_find_id(&updates, name(0)) != NULL);
    // The oldest of all, but it has only just ended.
    wf_updates_keep(&updates, slow, WEFT_OK, weft_text("done"));
    wf_updates_keep(&updates, add(&updates, "new"), WEFT_OK, weft_nothing());
    CHECK(wf_updates_find_id(&updates, "slow") == slow);
    wf_updates_trim(&updates);
    CHECK(wf_updates_find_id(&updates, "slow") == NULL);
    CHECK(wf_updates_find_id(&updates, name(0)) == NULL);
    CHECK(wf_updates_find_id(&updates, name(1)) != NULL);
    CHECK(wf_updates_find_id(&updates, "new") != NULL);
    CHECK(wf_updates_find_id(&updates, "open") != NULL);
    CHECK_EQ(updates.kept, WF_UPDATES_KEPT_MAX);
    wf_updates_clear(&updates);
}
