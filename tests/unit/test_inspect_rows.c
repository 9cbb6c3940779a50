// SPDX-License-Identifier: Apache-2.0
//
// test_inspect_rows.c - each row of a store that is missing, strange or changed
// is found, and said what it is.
//
// What is shown of such a store is in test_inspect.c and
// test_inspect_strange.c.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "inspect_rows_rig.h"
#include "runtime/image.h"
#include "runtime/inspect_impl.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "support/test.h"

TEST(inspect_rows, what_is_whole_has_no_problems)
{
    rig_open();
    CHECK_EQ(rig_look(), 0);
    rig_close();
}

TEST(inspect_rows, items_are_as_many_as_the_image_says)
{
    static const struct {
        uint8_t class;
        const char *said;
    } cases[] = {
        {WF_ITEM_TIMER, "its image counts 70 timers, and has 69"},
        {WF_ITEM_COMMAND, "its image counts 70 activities, and has 69"},
        {WF_ITEM_CALL, "calls, and has "},
    };

    rig_open();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t nth = 0; nth < 2; nth++) {
            struct rig_row item = rig_find_item(cases[i].class, nth);

            rig_change(wf_buf_bytes(&item.key), NULL);
            rig_check_said(cases[i].said);
            rig_put(&item.key, weft_text("\xff what"));
            rig_check_said("its image or its items do not decode");
            rig_forget(&item);
        }
    }
    rig_close();
}

TEST(inspect_rows, rows_of_nobody_are_found)
{
    struct wf_buf key = {0};
    struct wf_key ghost;
    weft_bytes name;

    rig_open();
    CHECK_OK(wf_key_make("default", "ghost", "b", &ghost));
    name = wf_key_bytes(&ghost);
    wf_keys_item(&key, rig.partition, name, 2, 7);
    rig_put(&key, weft_text("what"));
    rig_check_said("ghost/b: an item of class 2, number 7, that no image has");
    wf_keys_mailbox(&key, rig.partition, name, 3);
    rig_put(&key, weft_text("what"));
    rig_check_said("ghost/b: letter 3 of a mailbox, that no image has");
    wf_keys_ready(&key, rig.partition, name);
    rig_put(&key, weft_nothing());
    rig_check_said("ghost/b: the wake index says \"ready\", and no image does");
    wf_keys_sleep(&key, rig.partition, UINT64_MAX / 2, name);
    rig_put(&key, weft_nothing());
    rig_check_said(
        "ghost/b: the wake index says \"sleeps\", and no image does");
    wf_key_fini(&ghost);
    wf_buf_fini(&key);
    rig_close();
}

TEST(inspect_rows, letters_are_all_there_and_in_their_place)
{
    struct wf_buf from = {0};
    struct rig_row letter;

    rig_open();
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 0);
    from.len -= sizeof(uint64_t);
    for (uint32_t nth = 0; nth < 3; nth++) {
        char said[80];
        struct wf_reader tail;

        letter = rig_find_row(&from, nth);
        tail = wf_reader_of(
            weft_bytes_of(letter.key.data + letter.key.len - 8, 8));
        (void)snprintf(said, sizeof(said),
                       "letter %llu of its mailbox is missing "
                       "or does not decode",
                       (unsigned long long)wf_reader_u64(&tail));
        rig_change(wf_buf_bytes(&letter.key), NULL);
        rig_check_said(said);
        rig_put(&letter.key, weft_text("what"));
        rig_check_said(said);
        rig_forget(&letter);
    }
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 1U << 20);
    rig_put(&from, weft_text("what"));
    rig_check_said("mailbox/b: letter 1048576 of a mailbox, that no image has");
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 0);
    rig_put(&from, weft_text("what"));
    rig_check_said("mailbox/b: letter 0 of a mailbox, that no image has");
    wf_buf_fini(&from);
    rig_close();
}

TEST(inspect_rows, the_wake_index_and_the_images_say_the_same)
{
    struct wf_buf key = {0};
    struct rig_row row;

    rig_open();
    wf_keys_range(&key, WF_KEY_READY, rig.partition);
    row = rig_find_row(&key, 0);
    rig_change(wf_buf_bytes(&row.key), NULL);
    rig_check_said(
        "its image says \"ready\", but the wake index has no such row");
    rig_forget(&row);
    wf_keys_sleep(&key, rig.partition, 1, wf_key_bytes(&rig.busy));
    rig_put(&key, weft_nothing());
    rig_check_said("busy/b: the wake index says \"sleeps\", and no image does");
    wf_buf_fini(&key);
    rig_close();
}

// Each byte of a small image in turn is this one instead. Leaves all that is
// said in rig.problems.
static void
look_at_each(const struct wf_key *key, uint8_t byte)
{
    struct wf_buf name = {0};
    struct wf_buf said = {0};
    struct rig_row image;

    wf_keys_image(&name, rig.partition, wf_key_bytes(key));
    image = rig_find_row(&name, 0);
    for (size_t i = 0; i < image.value.len; i++) {
        uint8_t before = image.value.data[i];

        image.value.data[i] = byte;
        rig_put(&name, wf_buf_bytes(&image.value));
        (void)rig_look();
        wf_buf_put(&said, rig.problems.data, rig.problems.len - 1);
        rig_put_back();
        image.value.data[i] = before;
    }
    wf_buf_put_u8(&said, '\0');
    wf_buf_fini(&rig.problems);
    rig.problems = said;
    rig_forget(&image);
    wf_buf_fini(&name);
}

// It is taken for what it says, or named; some of it must be found.
TEST(inspect_rows, an_image_with_another_byte_in_it_is_named)
{
    struct wf_key child;

    rig_open();
    CHECK_OK(wf_key_make("default", "quiet", "b/1", &child));
    look_at_each(&child, 9);
    CHECK(rig_is_said("quiet/b/1: its image has wake 9"));
    look_at_each(&child, 127);
    CHECK(rig_is_said("quiet/b/1: its image or its items do not decode"));
    CHECK(rig_is_said("quiet/b/1: its image counts 127 timers, and has 0"));
    CHECK(rig_is_said("quiet/b/1: its image counts 127 activities, and has 0"));
    CHECK(rig_is_said("quiet/b/1: its image counts 127 calls, and has 0"));
    CHECK(rig_is_said("entry 0 of its journal does not decode"));
    wf_key_fini(&child);
    rig_close();
}

// Messages. -------------------------------------------------------------------

TEST(inspect_rows, messages_under_way_have_a_link)
{
    struct wf_buf key = {0};
    struct wf_buf message = {0};

    rig_open();
    rig_put_envelope(&message, false);
    wf_keys_outbox(&key, rig.partition, 1 - rig.partition, 6);
    rig_put(&key, wf_buf_bytes(&message));
    rig_check_said("message 6 to p");
    wf_buf_put_u8(&message, 0);
    rig_put(&key, wf_buf_bytes(&message));
    rig_check_said("does not decode");
    wf_buf_fini(&key);
    wf_buf_fini(&message);
    rig_close();
}

TEST(inspect_rows, dead_letters_come_before_the_next)
{
    struct wf_buf key = {0};
    struct wf_buf letter = {0};

    rig_open();
    rig_put_envelope(&letter, true);
    wf_keys_letter(&key, rig.partition, 500);
    rig_put(&key, wf_buf_bytes(&letter));
    rig.is_log_cut = true; // then nobody knows how many there are
    CHECK_EQ(rig_look(), 0);
    rig.is_log_cut = false;
    rig_check_said("dead letter 500, though the next is ");
    letter.len--;
    rig_put(&key, wf_buf_bytes(&letter));
    rig_check_said("dead letter 500 does not decode");
    key.len -= 2;
    rig_put_envelope(&letter, true);
    rig_put(&key, wf_buf_bytes(&letter));
    rig_check_said("does not decode");
    wf_buf_fini(&key);
    wf_buf_fini(&letter);
    rig_close();
}

TEST(inspect_rows, keys_that_are_too_short_are_of_no_kind)
{
    static const char *const keys[] = {"a", "a\1", "zz\1"};

    rig_open();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const weft_bytes nothing = weft_nothing();

        rig_change(weft_text(keys[i]), &nothing);
        rig_check_said("a row of unknown kind");
    }
    rig_change(weft_bytes_of("\0\0\0", 3), &(weft_bytes){0});
    rig_check_said("a row of unknown kind, its key has 3 bytes");
    rig_close();
}

// A store that fails while it is walked.
TEST(inspect_rows, rows_that_cannot_be_read_are_said_to_be_so)
{
    struct wf_inspect_check check = {
        .fn = rig_add_problem,
        .ctx = &rig.problems,
        .log_from = wf_calloc(RIG_PARTITIONS * sizeof(uint64_t)),
    };
    weft_inspect *inspect;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};

    rig_open();
    inspect = rig_open_inspect(&check);
    wf_memory_disk_crash(rig.disk);
    wf_inspect_check_rows(inspect, 0);
    wf_buf_put_u8(&rig.problems, '\0');
    CHECK_EQ(check.counts.problems, 1);
    CHECK(rig_is_said("store-0: rows: "));
    CHECK_ERR(weft_inspect_get_summary(inspect, &summary), WEFT_ECLOSED);
    weft_inspect_close(inspect);
    wf_free(check.log_from);
    rig_close();
}
