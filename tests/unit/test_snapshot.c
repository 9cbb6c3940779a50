// SPDX-License-Identifier: Apache-2.0

#include "storage/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/store.h"
#include "support/test.h"

// "dir/name", valid until 15 more were asked for.
static const char *
path_of(const char *dir, const char *name)
{
    static char *paths[16]; // the last few stay valid
    static unsigned next;
    size_t size = strlen(dir) + strlen(name) + 2;

    next = (next + 1) % 16;
    free(paths[next]);
    paths[next] = malloc(size);
    CHECK(paths[next] != NULL);
    snprintf(paths[next], size, "%s/%s", dir, name);
    return paths[next];
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    fputs(text, file);
    CHECK_EQ(fclose(file), 0);
}

static void
check_file(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");

    CHECK(file != NULL);
    CHECK_EQ(fread(found, 1, sizeof(found) - 1, file), strlen(text));
    fclose(file);
    CHECK_STR(found, text);
}

static bool
exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

// A directory with two files, an empty one, and one in a directory.
static const char *
make_source(struct test *t)
{
    static char from[4096];

    snprintf(from, sizeof(from), "%s/from", test_dir(t));
    CHECK_EQ(mkdir(from, 0755), 0);
    write_file(path_of(from, "one"), "1");
    write_file(path_of(from, "empty"), "");
    CHECK_EQ(mkdir(path_of(from, "inner"), 0755), 0);
    write_file(path_of(from, "inner/two"), "22");
    return from;
}

TEST(snapshot, copies_files_and_directories)
{
    const char *from = make_source(t);
    const char *to = path_of(test_dir(t), "to");

    CHECK_OK(wf_snapshot_copy_dir(from, to));
    check_file(path_of(to, "one"), "1");
    check_file(path_of(to, "empty"), "");
    check_file(path_of(to, "inner/two"), "22");
    CHECK(!exists(path_of(test_dir(t), "to.partial")));
}

TEST(snapshot, a_copy_shares_nothing)
{
    const char *from = make_source(t);
    const char *to = path_of(test_dir(t), "to");
    struct stat status;

    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK_EQ(stat(path_of(to, "one"), &status), 0);
    CHECK_EQ(status.st_nlink, 1);
    write_file(path_of(from, "one"), "changed");
    check_file(path_of(to, "one"), "1");
}

TEST(snapshot, copies_more_than_one_block)
{
    const char *from = make_source(t);
    char to[4096];
    FILE *file;
    struct stat status;

    snprintf(to, sizeof(to), "%s/to", test_dir(t));
    file = fopen(path_of(from, "large"), "w");
    for (int i = 0; i < 1000000; i++) {
        fputc(i % 251, file);
    }
    fclose(file);
    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK_EQ(stat(path_of(to, "large"), &status), 0);
    CHECK_EQ(status.st_size, 1000000);
    file = fopen(path_of(to, "large"), "r");
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
    const char *to = path_of(test_dir(t), "to");

    CHECK_EQ(mkdir(to, 0755), 0);
    CHECK_ERR(wf_snapshot_copy_dir(from, to), WEFT_EEXISTS);
    CHECK(!exists(path_of(to, "one")));
}

TEST(snapshot, refuses_a_source_that_is_no_directory)
{
    const char *dir = test_dir(t);
    const char *to = path_of(dir, "to");

    CHECK_ERR(wf_snapshot_copy_dir(path_of(dir, "none"), to), WEFT_ENOTFOUND);
    write_file(path_of(dir, "file"), "x");
    CHECK_ERR(wf_snapshot_copy_dir(path_of(dir, "file"), to), WEFT_EINVAL);
    CHECK(!exists(to));
}

TEST(snapshot, removes_what_it_wrote_when_it_fails)
{
    const char *from = make_source(t);
    const char *dir = test_dir(t);
    const char *to = path_of(dir, "to");

    CHECK_EQ(symlink("/etc/passwd", path_of(from, "inner/link")), 0);
    CHECK_ERR(wf_snapshot_copy_dir(from, to), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "inner/link") != NULL);
    CHECK(!exists(to));
    CHECK(!exists(path_of(dir, "to.partial")));
    CHECK_ERR(wf_snapshot_copy_dir(from, path_of(dir, "no/where/to")),
              WEFT_EIO);
}

TEST(snapshot, removes_what_a_crash_left)
{
    const char *from = make_source(t);
    const char *dir = test_dir(t);
    const char *to = path_of(dir, "to");

    CHECK_EQ(mkdir(path_of(dir, "to.partial"), 0755), 0);
    write_file(path_of(dir, "to.partial/stale"), "x");
    CHECK_OK(wf_snapshot_copy_dir(from, to));
    CHECK(!exists(path_of(to, "stale")));
    check_file(path_of(to, "one"), "1");
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
    CHECK(!exists(to));
    CHECK(!exists(path_of(test_dir(t), "to.partial")));
}

TEST(snapshot, a_target_may_end_in_slashes)
{
    const char *from = make_source(t);

    CHECK_OK(wf_snapshot_copy_dir(from, path_of(test_dir(t), "to//")));
    check_file(path_of(test_dir(t), "to/one"), "1");
    CHECK(!exists(path_of(test_dir(t), "to.partial")));
}

TEST(snapshot, a_copied_store_opens_and_lives_on_its_own)
{
    const char *from = path_of(test_dir(t), "store");
    const char *to = path_of(test_dir(t), "copy");
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
