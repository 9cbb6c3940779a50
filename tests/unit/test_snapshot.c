// SPDX-License-Identifier: Apache-2.0

#include "storage/snapshot.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/store.h"
#include "support/test.h"

// A directory with two files, an empty one, and one in a directory.
static const char *
make_source(struct test *t)
{
    static char from[4096];

    snprintf(from, sizeof(from), "%s/from", test_dir(t));
    CHECK_EQ(mkdir(from, 0755), 0);
    test_file_write(test_file_in(from, "one"), "1");
    test_file_write(test_file_in(from, "empty"), "");
    CHECK_EQ(mkdir(test_file_in(from, "inner"), 0755), 0);
    test_file_write(test_file_in(from, "inner/two"), "22");
    return from;
}

TEST(snapshot, copies_files_and_directories)
{
    const char *from = make_source(t);
    const char *to = test_file_in(test_dir(t), "to");

    CHECK_OK(wf_snapshot_copy_dir(from, to));
    test_file_check(test_file_in(to, "one"), "1");
    test_file_check(test_file_in(to, "empty"), "");
    test_file_check(test_file_in(to, "inner/two"), "22");
    CHECK(!test_file_exists(test_file_in(test_dir(t), "to.partial")));
}

TEST(snapshot, a_copy_shares_nothing)
{
    const char *from = make_source(t);
    const char *to = test_file_in(test_dir(t), "to");
    struct stat status;

    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK_EQ(stat(test_file_in(to, "one"), &status), 0);
    CHECK_EQ(status.st_nlink, 1);
    test_file_write(test_file_in(from, "one"), "changed");
    test_file_check(test_file_in(to, "one"), "1");
}

TEST(snapshot, copies_more_than_one_block)
{
    const char *from = make_source(t);
    char to[4096];
    FILE *file;
    struct stat status;

    snprintf(to, sizeof(to), "%s/to", test_dir(t));
    file = fopen(test_file_in(from, "large"), "w");
    for (int i = 0; i < 1000000; i++) {
        fputc(i % 251, file);
    }
    fclose(file);
    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK_EQ(stat(test_file_in(to, "large"), &status), 0);
    CHECK_EQ(status.st_size, 1000000);
    file = fopen(test_file_in(to, "large"), "r");
    for (int i = 0; i < 1000000; i++) {
        if (fgetc(file) != i % 251) {
            CHECK(false);
        }
    }
    fclose(file);
}

TEST(snapshot, refuses_a_target_that_exists)
{
    const char *from = make_source(t);
    const char *to = test_file_in(test_dir(t), "to");

    CHECK_EQ(mkdir(to, 0755), 0);
    CHECK_ERR(wf_snapshot_copy_dir(from, to), WEFT_EEXISTS);
    CHECK(!test_file_exists(test_file_in(to, "one")));
}

TEST(snapshot, refuses_a_source_that_is_no_directory)
{
    const char *dir = test_dir(t);
    const char *to = test_file_in(dir, "to");

    CHECK_ERR(wf_snapshot_copy_dir(test_file_in(dir, "none"), to),
              WEFT_ENOTFOUND);
    test_file_write(test_file_in(dir, "file"), "x");
    CHECK_ERR(wf_snapshot_copy_dir(test_file_in(dir, "file"), to), WEFT_EINVAL);
    CHECK(!test_file_exists(to));
}

TEST(snapshot, removes_what_it_wrote_when_it_fails)
{
    const char *from = make_source(t);
    const char *dir = test_dir(t);
    const char *to = test_file_in(dir, "to");

    CHECK_EQ(symlink("/etc/passwd", test_file_in(from, "inner/link")), 0);
    CHECK_ERR(wf_snapshot_copy_dir(from, to), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "inner/link") != NULL);
    CHECK(!test_file_exists(to));
    CHECK(!test_file_exists(test_file_in(dir, "to.partial")));
    CHECK_ERR(wf_snapshot_copy_dir(from, test_file_in(dir, "no/where/to")),
              WEFT_EIO);
}

TEST(snapshot, removes_what_a_crash_left)
{
    const char *from = make_source(t);
    const char *dir = test_dir(t);
    const char *to = test_file_in(dir, "to");

    CHECK_EQ(mkdir(test_file_in(dir, "to.partial"), 0755), 0);
    test_file_write(test_file_in(dir, "to.partial/stale"), "x");
    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK(!test_file_exists(test_file_in(to, "stale")));
    test_file_check(test_file_in(to, "one"), "1");
}

TEST(snapshot, refuses_what_is_too_deep_for_a_store)
{
    const char *from = make_source(t);
    char to[4096];
    char path[4096];

    snprintf(path, sizeof(path), "%s", from);
    for (int i = 0; i < 20; i++) {
        strcat(path, "/d");
        CHECK_EQ(mkdir(path, 0755), 0);
    }
    snprintf(to, sizeof(to), "%s/to", test_dir(t));
    CHECK_ERR(wf_snapshot_copy_dir(from, to), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "too deep") != NULL);
    CHECK(!test_file_exists(to));
    CHECK(!test_file_exists(test_file_in(test_dir(t), "to.partial")));
}

TEST(snapshot, a_target_may_end_in_slashes)
{
    const char *from = make_source(t);

    CHECK_OK(wf_snapshot_copy_dir(from, test_file_in(test_dir(t), "to//")));
    test_file_check(test_file_in(test_dir(t), "to/one"), "1");
    CHECK(!test_file_exists(test_file_in(test_dir(t), "to.partial")));
}

TEST(snapshot, a_copied_store_opens_and_lives_on_its_own)
{
    const char *from = test_file_in(test_dir(t), "store");
    const char *to = test_file_in(test_dir(t), "copy");
    struct wf_store store;
    struct wf_store copy;
    struct wf_batch batch = {0};
    struct wf_buf value = {0};

    wf_batch_put(&batch, WF_CF_DATA, weft_text("k"), weft_text("old"));
    CHECK_OK(wf_store_rocks_open(from, false, &store));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    CHECK_ERR(wf_snapshot_copy_dir(from, to), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), from) != NULL);
    store.ops->close(store.self);

    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK_OK(wf_store_rocks_open(from, false, &store));
    CHECK_OK(wf_store_rocks_open(to, false, &copy));
    wf_batch_reset(&batch);
    wf_batch_put(&batch, WF_CF_DATA, weft_text("k"), weft_text("new"));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    CHECK_OK(copy.ops->get(copy.self, WF_CF_DATA, weft_text("k"), &value));
    CHECK_BYTES(wf_buf_bytes(&value), weft_text("old"));
    store.ops->close(store.self);
    copy.ops->close(copy.self);
    wf_batch_fini(&batch);
    wf_buf_fini(&value);
}
