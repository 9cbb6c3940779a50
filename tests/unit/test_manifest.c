// SPDX-License-Identifier: Apache-2.0

#include "storage/manifest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

static void
write_file(const char *dir, const char *name, const char *mode,
           const char *text)
{
    FILE *file = fopen(test_file_in(dir, name), mode);

    CHECK(file != NULL);
    fputs(text, file);
    CHECK_EQ(fclose(file), 0);
}

// A directory whose manifest 5 has 9 bytes, and what is known of it.
static const char *
begin(struct test *t, struct wf_manifest *known)
{
    const char *dir = test_dir(t);

    write_file(dir, "CURRENT", "w", "MANIFEST-000005\n");
    write_file(dir, "MANIFEST-000005", "w", "123456789");
    *known = (struct wf_manifest){0};
    CHECK_OK(wf_manifest_measure(dir, known));
    CHECK_EQ(known->number, 5);
    CHECK_EQ(known->bytes, 9);
    CHECK_EQ(known->crc, 0xe3069283);
    return dir;
}

static void
check_lost(const char *dir, const struct wf_manifest *known, const char *detail)
{
    CHECK_ERR(wf_manifest_check(dir, known), WEFT_ELOST);
    if (strstr(weft_err_detail(), detail) == NULL) {
        CHECK_STR(weft_err_detail(), detail);
    }
}

TEST(manifest, nothing_is_known_of_a_directory_without_one)
{
    const char *dir = test_dir(t);
    struct wf_manifest known = {.number = 3};
    uint64_t number = 9;

    CHECK_OK(wf_manifest_find(dir, &number));
    CHECK_EQ(number, 0);
    CHECK_OK(wf_manifest_measure(dir, &known));
    CHECK_EQ(known.number, 0);
    CHECK_OK(wf_manifest_check(dir, &known));
}

TEST(manifest, is_measured_on_from_where_it_was)
{
    struct wf_manifest known;
    struct wf_manifest anew = {0};
    const char *dir = begin(t, &known);

    write_file(dir, "MANIFEST-000005", "a", "abc");
    CHECK_OK(wf_manifest_check(dir, &known)); // it may grow
    CHECK_OK(wf_manifest_measure(dir, &known));
    CHECK_EQ(known.bytes, 12);
    CHECK_OK(wf_manifest_measure(dir, &anew));
    CHECK_EQ(known.crc, anew.crc);
}

TEST(manifest, that_was_cut_is_lost)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);

    CHECK_EQ(truncate(test_file_in(dir, "MANIFEST-000005"), 8), 0);
    check_lost(dir, &known, "MANIFEST-000005 has 8 bytes and once had 9");
}

TEST(manifest, that_was_changed_is_lost)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);

    write_file(dir, "MANIFEST-000005", "w", "12345678x and more");
    check_lost(dir, &known, "MANIFEST-000005: its first 9 bytes");
}

TEST(manifest, that_is_missing_is_lost)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);

    CHECK_EQ(unlink(test_file_in(dir, "MANIFEST-000005")), 0);
    check_lost(dir, &known, "MANIFEST-000005: it is missing");
}

TEST(manifest, that_is_older_is_lost)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);

    write_file(dir, "MANIFEST-000004", "w", "123456789");
    write_file(dir, "CURRENT", "w", "MANIFEST-000004\n");
    check_lost(dir, &known, "CURRENT names manifest 4 and once named 5");
}

// Who dies between opening a store and its beacon leaves one.
TEST(manifest, that_is_newer_is_not_checked)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);

    write_file(dir, "MANIFEST-000006", "w", "1");
    write_file(dir, "CURRENT", "w", "MANIFEST-000006\n");
    CHECK_OK(wf_manifest_check(dir, &known));
    CHECK_OK(wf_manifest_measure(dir, &known));
    CHECK_EQ(known.number, 6);
    CHECK_EQ(known.bytes, 1);
    CHECK_OK(wf_manifest_check(dir, &known)); // and nothing is left of 5
}

TEST(manifest, that_current_does_not_name_is_not_looked_for)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);
    struct wf_manifest found = known;

    write_file(dir, "CURRENT", "w", "something else\n");
    CHECK_OK(wf_manifest_measure(dir, &found));
    CHECK_EQ(found.number, 0);
    CHECK_OK(wf_manifest_check(dir, &known)); // RocksDB says what is wrong
}

TEST(manifest, that_is_no_file_cannot_be_read)
{
    struct wf_manifest known;
    const char *dir = begin(t, &known);

    CHECK_EQ(unlink(test_file_in(dir, "MANIFEST-000005")), 0);
    CHECK_EQ(symlink("MANIFEST-000005", test_file_in(dir, "MANIFEST-000005")),
             0);
    CHECK_ERR(wf_manifest_check(dir, &known), WEFT_EIO);
    CHECK_ERR(wf_manifest_measure(dir, &known), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "MANIFEST-000005") != NULL);
}
