// SPDX-License-Identifier: Apache-2.0
//
// test_rocks_tables.c - a table of a real store, damaged everywhere.

#include "storage/rocks_tables.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "storage/store.h"
#include "support/test.h"
#include "unit/rocks_rig.h"

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

// Tables that RocksDB would not write. --------------------------------------

#define FOOTER_BYTES 53

// A block, and behind it its kind and checksum.
static void
put_block(struct wf_buf *file, const struct wf_buf *block)
{
    uint64_t hash = wf_hash64(block->data, block->len, 0);

    wf_buf_put(file, block->data, block->len);
    wf_buf_put_u8(file, 0);
    rocks_rig_fixed(file, (uint32_t)hash, 4);
}

// The last bytes, with a handle of the list, at the file's first byte.
static void
put_footer(struct wf_buf *file, uint64_t list_len)
{
    size_t end = file->len + FOOTER_BYTES;

    wf_buf_put_u8(file, 4); // the kind of checksum
    rocks_rig_varint(file, 0);
    rocks_rig_varint(file, list_len);
    rocks_rig_varint(file, 0);
    rocks_rig_varint(file, 1);
    while (file->len < end - 12) {
        wf_buf_put_u8(file, 0);
    }
    rocks_rig_fixed(file, 5, 4);
    rocks_rig_fixed(file, 0x88e241b785f4cff7U, 8);
}

// The only table of a directory is of these bytes.
static weft_err
check_table_of(struct test *t, struct wf_buf *file)
{
    struct wf_buf edit = {0};

    rocks_rig_varint(&edit, 103);
    rocks_rig_varint(&edit, 0);
    rocks_rig_varint(&edit, 7);
    rocks_rig_varint(&edit, file->len);
    rocks_rig_text(&edit, "a");
    rocks_rig_text(&edit, "z");
    rocks_rig_varint(&edit, 1);
    rocks_rig_varint(&edit, 2);
    rocks_rig_varint(&edit, 1);
    rocks_rig_manifest(test_dir(t), &edit);
    rocks_rig_file(test_dir(t), "000007.sst", file);
    return wf_rocks_tables_check(test_dir(t), true);
}

// With such a list, whose checksum is right.
static weft_err
check_list_of(struct test *t, struct wf_buf *list)
{
    struct wf_buf file = {0};

    put_block(&file, list);
    put_footer(&file, list->len);
    wf_buf_fini(list);
    return check_table_of(t, &file);
}

// An entry whose name begins with so much of the one before. Its block is the
// file's first byte, and its checksum is wrong.
static void
put_entry(struct wf_buf *list, uint64_t shared, const char *rest)
{
    rocks_rig_varint(list, shared);
    rocks_rig_varint(list, strlen(rest));
    rocks_rig_varint(list, 2);
    wf_buf_put(list, rest, strlen(rest));
    wf_buf_put_u8(list, 0);
    wf_buf_put_u8(list, 1);
}

TEST(rocks_tables, each_block_of_a_list_is_looked_at)
{
    struct wf_buf list = {0};

    put_entry(&list, 0, "filter");
    rocks_rig_fixed(&list, 0, 4); // where entries begin anew; one
    rocks_rig_fixed(&list, 1, 4);
    CHECK_ERR(check_list_of(t, &list), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "filter, 1 bytes at byte 0") != NULL);
}

// What is not as expected is left for RocksDB to find.
TEST(rocks_tables, a_list_that_is_not_understood_is_left)
{
    static const uint64_t shared[] = {300, UINT64_MAX, UINT64_MAX - 5};
    struct wf_buf list = {0};

    for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++) {
        put_entry(&list, shared[i], "filter");
        rocks_rig_fixed(&list, 0, 4);
        CHECK_OK(check_list_of(t, &list));
    }
    rocks_rig_varint(&list, 0);
    rocks_rig_varint(&list, 100); // a name that is longer than the list
    rocks_rig_fixed(&list, 0, 4);
    CHECK_OK(check_list_of(t, &list));

    rocks_rig_fixed(&list, 1000, 4); // more beginnings than there is room for
    CHECK_OK(check_list_of(t, &list));
    rocks_rig_fixed(&list, 0, 3);
    CHECK_OK(check_list_of(t, &list));
}

TEST(rocks_tables, a_table_that_is_short_or_of_another_kind_is_left)
{
    struct wf_buf file = {0};

    rocks_rig_fixed(&file, 0, FOOTER_BYTES - 1);
    CHECK_OK(check_table_of(t, &file));
    rocks_rig_fixed(&file, 0, FOOTER_BYTES);
    CHECK_OK(check_table_of(t, &file));
    rocks_rig_fixed(&file, 4, FOOTER_BYTES); // the checksum; no magic
    CHECK_OK(check_table_of(t, &file));
}

// Numbers that do not end before the zeros do.
TEST(rocks_tables, handles_without_an_end_are_no_harm)
{
    struct wf_buf file = {0};

    wf_buf_put_u8(&file, 4);
    while (file.len < FOOTER_BYTES - 12) {
        wf_buf_put_u8(&file, 0xff);
    }
    rocks_rig_fixed(&file, 5, 4);
    rocks_rig_fixed(&file, 0x88e241b785f4cff7U, 8);
    CHECK_ERR(check_table_of(t, &file), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "outside of it") != NULL);
}
