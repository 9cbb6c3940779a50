// SPDX-License-Identifier: Apache-2.0
//
// test_rocks_tables.c - a table of a real store, damaged everywhere.

#include "storage/rocks_tables.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/store.h"
#include "support/test.h"

// A store whose rows are in a table.
static const char *
make_store(struct test *t)
{
    static char dir[600];
    struct wf_batch batch = {0};
    struct wf_store store;
    char key[16];

    snprintf(dir, sizeof(dir), "%s/store", test_dir(t));
    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        wf_batch_put(&batch, WF_CF_DATA, weft_text(key), weft_text(key));
    }
    CHECK_OK(store.ops->write(store.self, &batch, true));
    CHECK_OK(store.ops->flush(store.self));
    CHECK_OK(store.ops->verify(store.self));
    store.ops->close(store.self);
    wf_batch_fini(&batch);
    return dir;
}

// The largest table.
static void
find_table(const char *dir, char path[1000])
{
    struct dirent *entry;
    off_t largest = 0;
    DIR *stream = opendir(dir);

    CHECK(stream != NULL);
    while ((entry = readdir(stream)) != NULL) {
        char file[1000];

        snprintf(file, sizeof(file), "%.600s/%.300s", dir, entry->d_name);
        if (strstr(entry->d_name, ".sst") != NULL &&
            test_file_size(file) > largest) {
            largest = test_file_size(file);
            memcpy(path, file, sizeof(file));
        }
    }
    closedir(stream);
    CHECK(largest > 0);
}

TEST(rocks_tables, filters_and_properties_are_found_wherever_they_are_damaged)
{
    const char *dir = make_store(t);
    unsigned properties = 0;
    unsigned filters = 0;
    unsigned ends = 0;
    unsigned at_open = 0;
    char path[1000];

    find_table(dir, path);
    for (off_t at = 0; at < test_file_size(path); at += 7) {
        test_file_damage(path, at);
        if (wf_rocks_tables_check(dir, true) != WEFT_OK) {
            CHECK(strstr(weft_err_detail(), path) != NULL);
            properties +=
                strstr(weft_err_detail(), "rocksdb.properties") != NULL;
            filters += strstr(weft_err_detail(), "filter") != NULL;
            ends += strstr(weft_err_detail(), "outside of it") != NULL;
        }
        at_open += wf_rocks_tables_check(dir, false) == WEFT_ECORRUPT;
        test_file_damage(path, at);
    }
    CHECK(properties > 50);
    CHECK(filters > 30);
    CHECK_EQ(at_open, properties + ends);
    CHECK_OK(wf_rocks_tables_check(dir, true));
}

TEST(rocks_tables, a_store_with_damaged_properties_is_not_opened)
{
    const char *dir = make_store(t);
    struct wf_store store;
    char path[1000];
    off_t at = 0;

    find_table(dir, path);
    do {
        test_file_damage(path, at);
        if (wf_rocks_tables_check(dir, false) != WEFT_OK) {
            break;
        }
        test_file_damage(path, at);
        at += 50;
    } while (at < test_file_size(path));
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "rocksdb.properties") != NULL);
}

// RocksDB would take so much memory, and stop the process when it gets none.
TEST(rocks_tables, a_table_whose_end_tells_of_endless_blocks_is_not_opened)
{
    static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x7f};
    const char *dir = make_store(t);
    struct wf_store store;
    char path[1000];
    FILE *file;

    find_table(dir, path);
    file = fopen(path, "r+b");
    CHECK(file != NULL);
    CHECK_EQ(fseek(file, -50, SEEK_END), 0); // among the handles
    CHECK_EQ(fwrite(endless, sizeof(endless), 1, file), 1);
    CHECK_EQ(fclose(file), 0);
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), path) != NULL);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_ECORRUPT);
}

// What a crash leaves half made is not looked at.
TEST(rocks_tables, a_table_that_the_manifest_does_not_know_is_none)
{
    const char *dir = make_store(t);
    char path[1000];
    char other[1000];
    struct wf_store store;

    find_table(dir, path);
    snprintf(other, sizeof(other), "%.600s/000999.sst", dir);
    CHECK_EQ(link(path, other), 0);
    CHECK_OK(wf_rocks_tables_check(dir, true));
    CHECK_EQ(unlink(other), 0);
    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    store.ops->close(store.self);
}
