// SPDX-License-Identifier: Apache-2.0
//
// test_inspect_strange.c - what is shown of a store of which some rows are
// missing or strange, or that fails; and questions that make no sense.

#include <string.h>

#include "base/error.h"
#include "inspect_rows_rig.h"
#include "runtime/image.h"
#include "runtime/inspect_impl.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "support/test.h"
#include "weft/inspect.h"

struct seen {
    uint32_t actors;
    uint32_t problems;
    uint32_t letters;
    uint64_t number; // of the last of them
    uint32_t groups;
};

static int
see_actor(void *ctx, const weft_inspect_actor *actor)
{
    struct seen *seen = ctx;

    seen->actors++;
    seen->problems += actor->problem[0] != '\0';
    return 0;
}

static int
see_letter(void *ctx, const weft_inspect_dead_letter *letter)
{
    struct seen *seen = ctx;

    seen->letters++;
    seen->number = letter->letter.number;
    return 1; // no more
}

static int
see_group(void *ctx, const weft_group *group)
{
    (void)group;
    ((struct seen *)ctx)->groups++;
    return 1;
}

static void
see_bytes(void *ctx, weft_bytes bytes)
{
    (void)ctx;
    (void)bytes;
    CHECK(false);
}

TEST(inspect_strange, an_actor_that_does_not_decode_is_shown_with_its_problem)
{
    const weft_target busy_b = {"busy", "b"};
    struct seen seen = {0};
    struct rig_row item;
    weft_inspect *inspect;
    uint64_t count = 7;

    rig_open();
    item = rig_find_item(WF_ITEM_TIMER, 0);
    rig_put(&item.key, weft_text("\xff what"));
    inspect = rig_open_inspect(NULL);
    CHECK_ERR(weft_inspect_each(inspect, NULL, see_actor, &seen),
              WEFT_ECORRUPT);
    CHECK_EQ(seen.problems, 1);
    CHECK(seen.actors > RIG_MANY);
    CHECK_ERR(weft_inspect_find(inspect, NULL, busy_b, see_actor, &seen),
              WEFT_ECORRUPT);
    CHECK_EQ(seen.problems, 2);
    CHECK_ERR(weft_inspect_export(inspect, NULL, busy_b, see_bytes, NULL),
              WEFT_ECORRUPT);
    CHECK_ERR(
        weft_inspect_count(inspect, NULL, "kind", &count, see_group, &seen),
        WEFT_ECORRUPT);
    CHECK_EQ(count, 0);
    CHECK_EQ(seen.groups, 0);
    weft_inspect_close(inspect);
    rig_put_back();
    rig_forget(&item);
    rig_close();
}

TEST(inspect_strange, a_mailbox_with_a_letter_missing_is_shown_with_its_problem)
{
    const weft_target mailbox_b = {"mailbox", "b"};
    struct seen seen = {0};
    struct wf_buf from = {0};
    weft_inspect *inspect;
    struct rig_row letter;

    rig_open();
    inspect = rig_open_inspect(NULL);
    CHECK_OK(weft_inspect_find(inspect, NULL, mailbox_b, see_actor, &seen));
    CHECK_EQ(seen.problems, 0);
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 0);
    from.len -= sizeof(uint64_t);
    for (uint32_t nth = 0; nth < 2; nth++) {
        letter = rig_find_row(&from, nth);
        rig_change(wf_buf_bytes(&letter.key), NULL);
        CHECK_ERR(weft_inspect_find(inspect, NULL, mailbox_b, see_actor, &seen),
                  WEFT_ECORRUPT);
        CHECK_EQ(seen.problems, nth + 1);
        CHECK(strstr(weft_err_detail(), "letter ") != NULL);
        CHECK(strstr(weft_err_detail(), " of its mailbox is missing") != NULL);
        rig_put_back();
        rig_forget(&letter);
    }
    weft_inspect_close(inspect);
    wf_buf_fini(&from);
    rig_close();
}

TEST(inspect_strange, dead_letters_are_shown_until_it_is_enough)
{
    struct seen seen = {0};
    struct wf_buf key = {0};
    struct wf_buf letter = {0};
    weft_inspect *inspect;

    rig_open();
    rig_put_envelope(&letter, true);
    for (uint32_t i = 0; i < RIG_PARTITIONS * 2; i++) {
        wf_keys_letter(&key, i / 2, 5 + i % 2);
        rig_put(&key, wf_buf_bytes(&letter));
    }
    inspect = rig_open_inspect(NULL);
    CHECK_OK(weft_inspect_letters(inspect, see_letter, &seen));
    CHECK_EQ(seen.letters, 1);
    CHECK_EQ(seen.number, 5);
    wf_keys_letter(&key, 0, 5);
    for (uint32_t cut = 1; cut < 6; cut++) {
        rig_put(&key, weft_bytes_of(letter.data, letter.len - cut));
        CHECK_ERR(weft_inspect_letters(inspect, see_letter, &seen),
                  WEFT_ECORRUPT);
        CHECK(strstr(weft_err_detail(), "p0: dead letter 5 does not decode") !=
              NULL);
        CHECK_EQ(seen.letters, 1 + cut); // others are shown all the same
        CHECK_EQ(seen.number, 6);
    }
    weft_inspect_close(inspect);
    rig_put_back();
    wf_buf_fini(&key);
    wf_buf_fini(&letter);
    rig_close();
}

TEST(inspect_strange, what_is_asked_wrongly_is_refused)
{
    const weft_target nobody = {"busy", ""};
    weft_inspect_filter filter = WEFT_INSPECT_FILTER_INIT;
    struct seen seen = {0};
    weft_inspect *inspect;
    uint64_t count = 7;

    rig_open();
    inspect = rig_open_inspect(NULL);
    filter.where = "kind =";
    CHECK_ERR(weft_inspect_each(inspect, &filter, see_actor, &seen),
              WEFT_EINVAL);
    filter.where = "kind = 'busy'";
    filter.struct_size = 1;
    CHECK_ERR(weft_inspect_each(inspect, &filter, see_actor, &seen),
              WEFT_EINVAL);
    filter.struct_size = sizeof(filter);
    CHECK_ERR(weft_inspect_count(inspect, &filter, "a b", &count, NULL, NULL),
              WEFT_EINVAL);
    CHECK_EQ(count, 0);
    CHECK_ERR(weft_inspect_export(inspect, NULL, nobody, see_bytes, NULL),
              WEFT_EINVAL);
    CHECK_EQ(seen.actors, 0);
    CHECK_OK(weft_inspect_each(inspect, &filter, see_actor, &seen));
    CHECK_EQ(seen.actors, 1);
    filter.where = NULL;
    CHECK_OK(
        weft_inspect_count(inspect, &filter, "kind", &count, see_group, &seen));
    CHECK(count > RIG_MANY);
    CHECK_EQ(seen.groups, 1); // then it was enough
    CHECK_OK(weft_inspect_count(inspect, &filter, "kind", &count, NULL, NULL));
    weft_inspect_close(inspect);
    rig_close();
}

TEST(inspect_strange, a_store_that_fails_is_an_error_of_every_look)
{
    const weft_target busy_b = {"busy", "b"};
    struct seen seen = {0};
    weft_inspect *inspect;
    uint64_t count = 7;

    rig_open();
    inspect = rig_open_inspect(NULL);
    wf_memory_disk_crash(rig.disk);
    CHECK_ERR(weft_inspect_each(inspect, NULL, see_actor, &seen), WEFT_ECLOSED);
    CHECK_EQ(seen.actors, 0);
    CHECK_ERR(weft_inspect_count(inspect, NULL, NULL, &count, NULL, NULL),
              WEFT_ECLOSED);
    CHECK_ERR(weft_inspect_find(inspect, NULL, busy_b, see_actor, &seen),
              WEFT_ECLOSED);
    CHECK_EQ(seen.problems, 1);
    CHECK_ERR(weft_inspect_export(inspect, NULL, busy_b, see_bytes, NULL),
              WEFT_ECLOSED);
    CHECK_ERR(weft_inspect_letters(inspect, see_letter, &seen), WEFT_ECLOSED);
    weft_inspect_close(inspect);
    rig_close();
}
