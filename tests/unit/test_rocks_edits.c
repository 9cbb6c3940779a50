// SPDX-License-Identifier: Apache-2.0
//
// test_rocks_edits.c - which tables a manifest knows, whatever it says.

#include "storage/rocks_edits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/rocks_rig.h"

struct seen {
    char numbers[200];
    uint64_t fails_at;
};

static weft_err
note_number(void *ctx, const char *dir, uint64_t number)
{
    struct seen *seen = ctx;
    size_t len = strlen(seen->numbers);

    (void)dir;
    snprintf(seen->numbers + len, sizeof(seen->numbers) - len, "%" PRIu64 " ",
             number);
    return number == seen->fails_at ? WEFT_EIO : WEFT_OK;
}

// A table that comes, with a tag of its own before the last.
static void
put_table(struct wf_buf *edit, uint64_t number)
{
    rocks_rig_varint(edit, 103);
    rocks_rig_varint(edit, 0); // level
    rocks_rig_varint(edit, number);
    rocks_rig_varint(edit, 1000);
    rocks_rig_text(edit, "aaa");
    rocks_rig_text(edit, "zzz");
    rocks_rig_varint(edit, 1);
    rocks_rig_varint(edit, 300);
    rocks_rig_varint(edit, 5);
    rocks_rig_text(edit, "when");
    rocks_rig_varint(edit, 1);
}

static void
check_numbers(struct test *t, struct wf_buf *edit, const char *numbers)
{
    struct seen seen = {0};

    rocks_rig_manifest(test_dir(t), edit);
    CHECK_OK(wf_rocks_edits_each_table(test_dir(t), note_number, &seen));
    CHECK_STR(seen.numbers, numbers);
}

TEST(rocks_edits, tables_come_and_go)
{
    struct wf_buf edit = {0};

    rocks_rig_varint(&edit, 1);
    rocks_rig_text(&edit, "leveldb.BytewiseComparator");
    put_table(&edit, 7);
    put_table(&edit, 9);
    put_table(&edit, 20);
    rocks_rig_varint(&edit, 6); // table 9 goes
    rocks_rig_varint(&edit, 0);
    rocks_rig_varint(&edit, 9);
    check_numbers(t, &edit, "7 20 ");
}

TEST(rocks_edits, what_else_is_said_is_stepped_over)
{
    static const uint64_t with_number[] = {2, 3, 4, 9, 10, 200, 203, 300};
    struct wf_buf edit = {0};

    for (size_t i = 0; i < sizeof(with_number) / sizeof(*with_number); i++) {
        rocks_rig_varint(&edit, with_number[i]);
        rocks_rig_varint(&edit, 1000000);
    }
    rocks_rig_varint(&edit, 5); // a cursor
    rocks_rig_varint(&edit, 1);
    rocks_rig_text(&edit, "key");
    rocks_rig_varint(&edit, 201);
    rocks_rig_text(&edit, "family");
    rocks_rig_varint(&edit, 202);
    rocks_rig_varint(&edit, 8192 + 77); // may be skipped
    rocks_rig_text(&edit, "whatever");
    put_table(&edit, 3);
    check_numbers(t, &edit, "3 ");
}

// It may say of any of these tables that it is gone.
TEST(rocks_edits, of_an_edit_that_is_not_known_no_table_is_told)
{
    struct wf_buf edit = {0};

    put_table(&edit, 7);
    rocks_rig_varint(&edit, 99);
    rocks_rig_text(&edit, "whatever");
    put_table(&edit, 8);
    check_numbers(t, &edit, "");

    put_table(&edit, 7);
    put_table(&edit, UINT64_C(1) << 40); // no store has so many
    check_numbers(t, &edit, "");
}

TEST(rocks_edits, of_an_edit_that_is_cut_no_table_is_told)
{
    struct wf_buf whole = {0};
    size_t first;

    put_table(&whole, 7);
    first = whole.len;
    put_table(&whole, 8);
    for (size_t len = first + 1; len < whole.len; len++) {
        struct wf_buf edit = {0};

        wf_buf_put(&edit, whole.data, len);
        check_numbers(t, &edit, "");
    }
    check_numbers(t, &whole, "7 8 ");
}

TEST(rocks_edits, an_error_ends_it)
{
    struct seen seen = {.fails_at = 8};
    struct wf_buf edit = {0};

    put_table(&edit, 9);
    put_table(&edit, 8);
    put_table(&edit, 7);
    rocks_rig_manifest(test_dir(t), &edit);
    CHECK_ERR(wf_rocks_edits_each_table(test_dir(t), note_number, &seen),
              WEFT_EIO);
    CHECK_STR(seen.numbers, "7 8 ");
}

TEST(rocks_edits, a_manifest_that_is_not_there_is_corrupt)
{
    struct wf_buf current = {0};
    struct seen seen = {0};

    wf_buf_put(&current, "MANIFEST-000005\n", 16);
    rocks_rig_file(test_dir(t), "CURRENT", &current);
    CHECK_ERR(wf_rocks_edits_each_table(test_dir(t), note_number, &seen),
              WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "MANIFEST-000005") != NULL);

    wf_buf_put(&current, "something\n", 10);
    rocks_rig_file(test_dir(t), "CURRENT", &current);
    CHECK_OK(wf_rocks_edits_each_table(test_dir(t), note_number, &seen));
    CHECK_STR(seen.numbers, "");
}
