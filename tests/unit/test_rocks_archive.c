// SPDX-License-Identifier: Apache-2.0
//
// test_rocks_archive.c - logs that are needed no more go back to the disk, in
// pieces, whatever happens meanwhile.

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/rocks_archive.h"
#include "storage/store.h"
#include "support/test.h"

#define MIB (1 << 20)

static struct wf_store
open_store(const char *dir)
{
    struct wf_store store;

    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    return store;
}

// Of the log with that number in the archive; -1 if there is none.
static long
archived_bytes(const char *dir, unsigned number)
{
    struct stat status;
    char path[4200];

    snprintf(path, sizeof(path), "%s/archive/%06u.log", dir, number);
    return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

static unsigned
archived(const char *dir)
{
    unsigned count = 0;

    for (unsigned number = 1; number < 100; number++) {
        count += archived_bytes(dir, number) >= 0;
    }
    return count;
}

// So many bytes in the write-ahead log, and then in a table: the log is needed
// no more, and a thread of RocksDB's moves it.
static void
fill_and_flush(struct wf_store store, const char *dir, size_t bytes)
{
    unsigned before = archived(dir);

    struct wf_batch batch = {0};
    struct wf_buf value = {0};

    wf_buf_reserve(&value, bytes);
    memset(value.data, 'v', bytes);
    value.len = bytes;
    wf_batch_put(&batch, WF_CF_DATA, weft_text("key"), wf_buf_bytes(&value));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    CHECK_OK(store.ops->flush(store.self));
    for (int i = 0; i < 60000 && archived(dir) == before; i++) {
        (void)usleep(1000);
    }
    CHECK(archived(dir) > before);
    wf_batch_fini(&batch);
    wf_buf_fini(&value);
}

static unsigned
oldest(const char *dir)
{
    unsigned number = 1;

    while (number < 100 && archived_bytes(dir, number) < 0) {
        number++;
    }
    return number;
}

TEST(rocks_archive, a_log_goes_back_a_piece_at_a_time_the_oldest_first)
{
    const char *dir = test_dir(t);
    struct wf_store store = open_store(dir);
    unsigned number;
    unsigned pieces = 0;
    long bytes;

    CHECK(!store.ops->sweep(store.self));
    fill_and_flush(store, dir, 5 * MIB);
    number = oldest(dir);
    bytes = archived_bytes(dir, number);
    CHECK(bytes > 5 * MIB);
    while (store.ops->sweep(store.self)) {
        long left = archived_bytes(dir, number);

        CHECK(left < bytes);
        CHECK(left < 0 || bytes - left <= 4 * MIB);
        bytes = left;
        number = oldest(dir);
        bytes = archived_bytes(dir, number);
        pieces++;
        CHECK(pieces < 100);
    }
    CHECK(pieces >= 2);
    CHECK_EQ(archived(dir), 0);
    CHECK(!store.ops->sweep(store.self));
    store.ops->close(store.self);
}

TEST(rocks_archive, nothing_is_left_of_it_by_a_close)
{
    const char *dir = test_dir(t);
    struct wf_store store = open_store(dir);

    fill_and_flush(store, dir, 100);
    fill_and_flush(store, dir, 100);
    CHECK(archived(dir) > 0);
    store.ops->close(store.self);
    CHECK_EQ(archived(dir), 0);
}

// What a process has left that died.
TEST(rocks_archive, what_was_left_goes_after_the_next_open)
{
    const char *dir = test_dir(t);
    struct wf_store store = open_store(dir);
    char path[4200];
    FILE *file;

    store.ops->close(store.self);
    snprintf(path, sizeof(path), "%s/archive/000001.log", dir);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs("half a record", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    store = open_store(dir);
    CHECK_EQ(archived_bytes(dir, 1), 13);
    while (store.ops->sweep(store.self)) {
        CHECK(archived(dir) < 100);
    }
    CHECK_EQ(archived(dir), 0);
    store.ops->close(store.self);
}

// A backup looks into the archive, and takes nothing of it.
TEST(rocks_archive, a_checkpoint_is_made_beside_logs_that_are_half_gone)
{
    const char *dir = test_dir(t);
    char from[4096];
    char to[4096];
    char taken[4200] = "";
    struct wf_store store;
    struct wf_buf value = {0};

    snprintf(from, sizeof(from), "%s/from", dir);
    snprintf(to, sizeof(to), "%s/to", dir);
    store = open_store(from);
    fill_and_flush(store, from, 3 * MIB);
    CHECK(archived(from) > 0);
    for (int i = 0; i < 8 && archived(from) > 0; i++) {
        CHECK_OK(store.ops->checkpoint(store.self, to));
        CHECK_EQ(archived(to), 0);
        snprintf(taken, sizeof(taken), "%s/taken%d", dir, i);
        CHECK_EQ(rename(to, taken), 0);
        (void)store.ops->sweep(store.self);
    }
    store.ops->close(store.self);
    store = open_store(taken);
    CHECK_OK(store.ops->get(store.self, WF_CF_DATA, weft_text("key"), &value));
    CHECK_EQ(value.len, 3 * MIB);
    wf_buf_fini(&value);
    store.ops->close(store.self);
}

// Somebody took the directory away: there is nothing to give back, and that is
// no reason to stop.
TEST(rocks_archive, nothing_to_look_into_is_nothing_to_do)
{
    struct wf_rocks_archive archive;

    wf_rocks_archive_init(&archive, test_dir(t));
    CHECK(!wf_rocks_archive_shrink(&archive));
    wf_rocks_archive_clear(&archive);
    wf_rocks_archive_fini(&archive);
}
