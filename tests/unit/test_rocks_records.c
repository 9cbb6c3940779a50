// SPDX-License-Identifier: Apache-2.0
//
// test_rocks_records.c - files of a real store, with something of them again.

#include "storage/rocks_records.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/store.h"
#include "support/test.h"
#include "unit/rocks_rig.h"

#define WRITES 40
#define BLOCK 32768

// Writes, and dies with all of it in the write-ahead log.
static void
write_and_die(void *ctx)
{
    struct wf_store store;
    char value[5000];

    memset(value, 'v', sizeof(value));
    if (wf_store_rocks_open(ctx, false, &store) != WEFT_OK) {
        _exit(1);
    }
    for (int i = 0; i < WRITES; i++) {
        struct wf_batch batch = {0};

        wf_batch_put(&batch, WF_CF_DATA, weft_text("key"),
                     weft_bytes_of(value, 100 + 100 * (size_t)i));
        wf_batch_delete(&batch, WF_CF_LOG, weft_text("none"));
        if (store.ops->write(store.self, &batch, i % 2 == 0) != WEFT_OK) {
            _exit(1);
        }
        wf_batch_fini(&batch);
        if (i == WRITES / 4 && store.ops->flush(store.self) != WEFT_OK) {
            _exit(1);
        }
    }
    (void)kill(getpid(), SIGKILL);
}

static char *
make_store(struct test *t)
{
    static char dir[600];

    snprintf(dir, sizeof(dir), "%s/store", test_dir(t));
    CHECK(WIFSIGNALED(test_fork(write_and_die, dir)));
    return dir;
}

// A file of this beginning and end; there is one.
static void
find_file(const char *dir, const char *prefix, const char *suffix,
          char path[1000])
{
    struct dirent *entry;
    DIR *stream = opendir(dir);

    path[0] = '\0';
    CHECK(stream != NULL);
    while ((entry = readdir(stream)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            len > strlen(suffix) &&
            strcmp(entry->d_name + len - strlen(suffix), suffix) == 0) {
            snprintf(path, 1000, "%s/%.300s", dir, entry->d_name);
        }
    }
    closedir(stream);
    CHECK(path[0] != '\0');
}

// Append what `from` has from its second block on, or all of it, to `to`, where
// a block begins.
static void
append(const char *from, bool is_all, const char *to)
{
    static char bytes[1 << 20];
    FILE *file = fopen(from, "r");
    size_t skip = is_all ? 0 : BLOCK;
    size_t len;

    CHECK(file != NULL);
    len = fread(bytes, 1, sizeof(bytes), file);
    CHECK_EQ(fclose(file), 0);
    CHECK(len > skip && len < sizeof(bytes));
    if (access(to, F_OK) == 0) {
        off_t end = test_file_size(to);

        CHECK_EQ(truncate(to, (end + BLOCK - 1) / BLOCK * BLOCK), 0);
    }
    file = fopen(to, "a");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes + skip, 1, len - skip, file), len - skip);
    CHECK_EQ(fclose(file), 0);
}

static void
check_found(const char *dir, const char *path)
{
    struct wf_store store;

    CHECK_ERR(wf_rocks_records_check(dir), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), path) != NULL);
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_ECORRUPT);
}

TEST(rocks_records, are_in_order_after_a_kill_and_after_many)
{
    char *dir = make_store(t);

    CHECK_OK(wf_rocks_records_check(dir));
    for (int i = 0; i < 3; i++) {
        CHECK(WIFSIGNALED(test_fork(write_and_die, dir)));
        CHECK_OK(wf_rocks_records_check(dir));
    }
}

TEST(rocks_records, a_log_whose_end_comes_again_is_found)
{
    char *dir = make_store(t);
    char path[1000];

    find_file(dir, "0", ".log", path);
    append(path, false, path);
    check_found(dir, path);
}

TEST(rocks_records, a_log_that_is_there_twice_is_found)
{
    char *dir = make_store(t);
    char copy[1000];
    char path[1000];

    find_file(dir, "0", ".log", path);
    snprintf(copy, sizeof(copy), "%.800s/000999.log", dir);
    append(path, true, copy);
    check_found(dir, copy);
}

TEST(rocks_records, a_torn_end_is_no_fault)
{
    char *dir = make_store(t);
    char path[1000];

    find_file(dir, "0", ".log", path);
    CHECK_EQ(truncate(path, test_file_size(path) - 50), 0);
    CHECK_OK(wf_rocks_records_check(dir));
    test_file_damage(path, test_file_size(path) - 10);
    CHECK_OK(wf_rocks_records_check(dir));
}

TEST(rocks_records, a_manifest_that_goes_back_is_found)
{
    char *dir = make_store(t);
    char path[1000];

    find_file(dir, "MANIFEST", "", path);
    append(path, true, path);
    check_found(dir, path);
}

TEST(rocks_records, a_manifest_that_is_missing_is_found)
{
    char *dir = make_store(t);
    char path[1000];

    find_file(dir, "MANIFEST", "", path);
    CHECK_EQ(unlink(path), 0);
    check_found(dir, path);
}

// What is too short, or says something else, is for RocksDB to find.
TEST(rocks_records, what_is_not_known_is_no_fault_of_order)
{
    const char *dir = test_dir(t);
    struct wf_buf buf = {0};

    rocks_rig_varint(&buf, 1); // comparator
    rocks_rig_text(&buf, "bytes");
    rocks_rig_varint(&buf, 4); // the last sequence
    rocks_rig_varint(&buf, 10);
    rocks_rig_varint(&buf, 5); // none of those: what follows is not looked at
    rocks_rig_varint(&buf, 4);
    rocks_rig_varint(&buf, 3);
    rocks_rig_manifest(dir, &buf);
    rocks_rig_fixed(&buf, 1, 8); // a write of eleven bytes
    rocks_rig_fixed(&buf, 1, 3);
    rocks_rig_record(dir, "000004.log", &buf);
    CHECK_OK(wf_rocks_records_check(dir));

    rocks_rig_varint(&buf, 4); // and ends there
    rocks_rig_manifest(dir, &buf);
    CHECK_OK(wf_rocks_records_check(dir));

    rocks_rig_varint(&buf, 1); // a name that is longer than its record
    rocks_rig_varint(&buf, 100);
    rocks_rig_manifest(dir, &buf);
    CHECK_OK(wf_rocks_records_check(dir));
}

TEST(rocks_records, sequences_that_go_back_within_one_edit_are_found)
{
    const char *dir = test_dir(t);
    struct wf_buf buf = {0};

    for (uint64_t sequence = 10; sequence > 8; sequence--) {
        rocks_rig_varint(&buf, 4);
        rocks_rig_varint(&buf, sequence);
    }
    rocks_rig_manifest(dir, &buf);
    CHECK_ERR(wf_rocks_records_check(dir), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "MANIFEST-000005") != NULL);
}

// A directory of this name cannot be listed.
TEST(rocks_records, a_directory_that_is_none_cannot_be_checked)
{
    char path[700];
    struct wf_buf buf = {0};

    rocks_rig_file(test_dir(t), "file", &buf);
    snprintf(path, sizeof(path), "%s/file", test_dir(t));
    CHECK_ERR(wf_rocks_records_check(path), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), path) != NULL);
}
