// SPDX-License-Identifier: Apache-2.0
//
// test_store.c - one contract, two stores: what store.h says, checked on the
// one in memory and on RocksDB. What only one of them can do is in
// test_store_rocks.c and test_store_memory.c.

#include "storage/store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "support/test.h"

// One of the two stores, and how to open it.
struct rig {
    struct wf_memory_disk *disk; // NULL: RocksDB
    const char *dir;
    struct wf_store store;
};

static weft_err
try_open(struct rig *rig, struct wf_store *out_store)
{
    return rig->disk != NULL ? wf_store_memory_open(rig->disk, out_store)
                             : wf_store_rocks_open(rig->dir, false, out_store);
}

static void
reopen(struct rig *rig)
{
    rig->store.ops->close(rig->store.self);
    CHECK_OK(try_open(rig, &rig->store));
}

static void
on_both(struct test *t, void (*check)(struct rig *rig))
{
    struct rig memory = {.disk = wf_memory_disk_create()};
    struct rig rocks = {.dir = test_dir(t)};

    CHECK_OK(try_open(&memory, &memory.store));
    check(&memory);
    memory.store.ops->close(memory.store.self);
    wf_memory_disk_destroy(memory.disk);

    CHECK_OK(try_open(&rocks, &rocks.store));
    check(&rocks);
    rocks.store.ops->close(rocks.store.self);
}

static weft_err
write_batch(struct rig *rig, struct wf_batch *batch)
{
    weft_err err = rig->store.ops->write(rig->store.self, batch, true);

    wf_batch_fini(batch);
    return err;
}

static void
put(struct rig *rig, enum wf_cf cf, const char *key, const char *value)
{
    struct wf_batch batch = {0};

    wf_batch_put(&batch, cf, weft_text(key), weft_text(value));
    CHECK_OK(write_batch(rig, &batch));
}

static void
check_value(struct rig *rig, enum wf_cf cf, const char *key, const char *value)
{
    struct wf_buf found = {0};

    CHECK_OK(rig->store.ops->get(rig->store.self, cf, weft_text(key), &found));
    CHECK_BYTES(wf_buf_bytes(&found), weft_text(value));
    wf_buf_fini(&found);
}

static void
check_absent(struct rig *rig, enum wf_cf cf, const char *key)
{
    struct wf_buf found = {0};

    wf_buf_put_u8(&found, 1);
    CHECK_ERR(rig->store.ops->get(rig->store.self, cf, weft_text(key), &found),
              WEFT_ENOTFOUND);
    CHECK_EQ(found.len, 0);
    wf_buf_fini(&found);
}

// What a scan said: "a=1 b=2 ".
struct story {
    char text[256];
    unsigned rows_max; // 0: all
    unsigned rows;
};

static bool
tell(void *ctx, weft_bytes key, weft_bytes value)
{
    struct story *story = ctx;
    size_t len = strlen(story->text);

    snprintf(story->text + len, sizeof(story->text) - len, "%.*s=%.*s ",
             (int)key.len, (const char *)key.data, (int)value.len,
             (const char *)value.data);
    return ++story->rows != story->rows_max;
}

static void
check_scan(struct rig *rig, const char *from, const char *to,
           const char *expected)
{
    struct story story = {0};

    CHECK_OK(rig->store.ops->scan(rig->store.self, WF_CF_DATA, weft_text(from),
                                  weft_text(to), tell, &story));
    CHECK_STR(story.text, expected);
}

static void
get_what_was_put(struct rig *rig)
{
    check_absent(rig, WF_CF_DATA, "k");
    put(rig, WF_CF_DATA, "k", "v1");
    check_value(rig, WF_CF_DATA, "k", "v1");
    put(rig, WF_CF_DATA, "k", "v2");
    check_value(rig, WF_CF_DATA, "k", "v2");
    put(rig, WF_CF_DATA, "empty", "");
    check_value(rig, WF_CF_DATA, "empty", "");
    check_absent(rig, WF_CF_META, "k");
    check_absent(rig, WF_CF_LOG, "k");
    check_absent(rig, WF_CF_DATA, "kk");
}

TEST(store, get_gives_what_was_put_last)
{
    on_both(t, get_what_was_put);
}

static void
write_in_order(struct rig *rig)
{
    struct wf_batch batch = {0};

    put(rig, WF_CF_DATA, "old", "1");
    wf_batch_put(&batch, WF_CF_DATA, weft_text("a"), weft_text("1"));
    wf_batch_put(&batch, WF_CF_DATA, weft_text("a"), weft_text("2"));
    wf_batch_put(&batch, WF_CF_META, weft_text("b"), weft_text("1"));
    wf_batch_delete(&batch, WF_CF_META, weft_text("b"));
    wf_batch_delete(&batch, WF_CF_DATA, weft_text("old"));
    wf_batch_delete(&batch, WF_CF_DATA, weft_text("never"));
    wf_batch_put(&batch, WF_CF_LOG, weft_text("c"), weft_text("1"));
    CHECK_OK(write_batch(rig, &batch));
    check_value(rig, WF_CF_DATA, "a", "2");
    check_absent(rig, WF_CF_META, "b");
    check_absent(rig, WF_CF_DATA, "old");
    check_value(rig, WF_CF_LOG, "c", "1");
}

TEST(store, a_batch_is_applied_in_its_order)
{
    on_both(t, write_in_order);
}

static void
write_nothing(struct rig *rig)
{
    struct wf_batch batch = {0};

    CHECK_OK(write_batch(rig, &batch));
    reopen(rig);
    check_scan(rig, "", "", "");
}

TEST(store, an_empty_batch_is_a_barrier)
{
    on_both(t, write_nothing);
}

static void
delete_ranges(struct rig *rig)
{
    struct wf_batch batch = {0};

    put(rig, WF_CF_DATA, "a", "1");
    put(rig, WF_CF_DATA, "b", "2");
    put(rig, WF_CF_DATA, "b1", "3");
    put(rig, WF_CF_DATA, "c", "4");
    wf_batch_put(&batch, WF_CF_DATA, weft_text("b2"), weft_text("5"));
    wf_batch_delete_range(&batch, WF_CF_DATA, weft_text("b"), weft_text("c"));
    wf_batch_put(&batch, WF_CF_DATA, weft_text("b3"), weft_text("6"));
    CHECK_OK(write_batch(rig, &batch));
    check_scan(rig, "", "", "a=1 b3=6 c=4 ");
    check_absent(rig, WF_CF_DATA, "b1");
    CHECK_OK(rig->store.ops->flush(rig->store.self));
    check_scan(rig, "", "", "a=1 b3=6 c=4 ");
    reopen(rig);
    check_scan(rig, "", "", "a=1 b3=6 c=4 ");
}

TEST(store, a_range_is_deleted_up_to_its_end)
{
    on_both(t, delete_ranges);
}

static void
scan_ranges(struct rig *rig)
{
    struct story story = {.rows_max = 2};

    put(rig, WF_CF_DATA, "c", "3");
    put(rig, WF_CF_DATA, "a", "1");
    put(rig, WF_CF_DATA, "\xff", "9");
    put(rig, WF_CF_DATA, "b", "2");
    put(rig, WF_CF_META, "bb", "x");
    check_scan(rig, "", "", "a=1 b=2 c=3 \xff=9 ");
    check_scan(rig, "b", "", "b=2 c=3 \xff=9 ");
    check_scan(rig, "aa", "c", "b=2 ");
    check_scan(rig, "", "a", "");
    check_scan(rig, "b", "b", "");
    check_scan(rig, "\xff\xff", "", "");
    CHECK_OK(rig->store.ops->scan(rig->store.self, WF_CF_DATA, weft_nothing(),
                                  weft_nothing(), tell, &story));
    CHECK_STR(story.text, "a=1 b=2 ");
}

TEST(store, scan_gives_rows_in_key_order)
{
    on_both(t, scan_ranges);
}

static bool
write_meanwhile(void *ctx, weft_bytes key, weft_bytes value)
{
    struct rig *rig = ctx;

    (void)key;
    (void)value;
    put(rig, WF_CF_DATA, "b", "changed");
    put(rig, WF_CF_DATA, "z", "new");
    return true;
}

static bool
write_and_tell(void *ctx, weft_bytes key, weft_bytes value)
{
    void **both = ctx;

    return write_meanwhile(both[0], key, value) && tell(both[1], key, value);
}

static void
scan_beside_writes(struct rig *rig)
{
    struct story story = {0};
    void *both[] = {rig, &story};

    put(rig, WF_CF_DATA, "a", "1");
    put(rig, WF_CF_DATA, "b", "2");
    CHECK_OK(rig->store.ops->scan(rig->store.self, WF_CF_DATA, weft_nothing(),
                                  weft_nothing(), write_and_tell, both));
    CHECK_STR(story.text, "a=1 b=2 ");
    check_scan(rig, "", "", "a=1 b=changed z=new ");
}

TEST(store, scan_is_as_of_one_moment)
{
    on_both(t, scan_beside_writes);
}

static void
close_and_open(struct rig *rig)
{
    struct wf_batch batch = {0};

    put(rig, WF_CF_DATA, "synced", "1");
    wf_batch_put(&batch, WF_CF_DATA, weft_text("unsynced"), weft_text("2"));
    CHECK_OK(rig->store.ops->write(rig->store.self, &batch, false));
    wf_batch_fini(&batch);
    reopen(rig);
    check_value(rig, WF_CF_DATA, "synced", "1");
    check_value(rig, WF_CF_DATA, "unsynced", "2");
    CHECK_OK(rig->store.ops->flush(rig->store.self));
    CHECK_OK(rig->store.ops->verify(rig->store.self));
    reopen(rig);
    check_value(rig, WF_CF_DATA, "synced", "1");
    check_value(rig, WF_CF_DATA, "unsynced", "2");
}

TEST(store, what_was_written_is_there_after_close_and_open)
{
    on_both(t, close_and_open);
}

static void
open_twice(struct rig *rig)
{
    struct wf_store second;

    CHECK_ERR(try_open(rig, &second), WEFT_EBUSY);
    put(rig, WF_CF_DATA, "k", "still open");
    reopen(rig);
    check_value(rig, WF_CF_DATA, "k", "still open");
}

TEST(store, is_open_only_once)
{
    on_both(t, open_twice);
}

static void
write_large(struct rig *rig)
{
    struct wf_batch batch = {0};
    struct wf_buf value = {0};
    struct wf_buf found = {0};

    wf_buf_reserve(&value, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) {
        wf_buf_put_u8(&value, (uint8_t)(i * 7));
    }
    wf_batch_put(&batch, WF_CF_LOG, weft_text("k"), wf_buf_bytes(&value));
    CHECK_OK(write_batch(rig, &batch));
    CHECK_OK(rig->store.ops->get(rig->store.self, WF_CF_LOG, weft_text("k"),
                                 &found));
    CHECK_BYTES(wf_buf_bytes(&found), wf_buf_bytes(&value));
    wf_buf_fini(&value);
    wf_buf_fini(&found);
}

TEST(store, takes_large_values)
{
    on_both(t, write_large);
}

static void *
read_often(void *ctx)
{
    struct rig *rig = ctx;
    struct wf_buf value = {0};
    const char *problem = NULL;

    for (int i = 0; i < 300 && problem == NULL; i++) {
        struct story story = {0};
        weft_err err = rig->store.ops->get(rig->store.self, WF_CF_DATA,
                                           weft_text("a"), &value);
        if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
            problem = "get";
        }
        err = rig->store.ops->scan(rig->store.self, WF_CF_DATA, weft_nothing(),
                                   weft_nothing(), tell, &story);
        // "a" and "b" are written together: both, equal, or none.
        if (err != WEFT_OK ||
            (story.rows != 0 &&
             (story.rows != 2 || story.text[2] != story.text[6]))) {
            problem = "scan";
        }
        if (i % 100 == 50 &&
            rig->store.ops->flush(rig->store.self) != WEFT_OK) {
            problem = "flush";
        }
    }
    wf_buf_fini(&value);
    return (void *)(uintptr_t)problem;
}

static void
use_threads(struct rig *rig)
{
    pthread_t threads[3];
    weft_err err;

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, read_often, rig), 0);
    }
    for (int i = 0; i < 300; i++) {
        struct wf_batch batch = {0};
        char digit[2] = {(char)('0' + i % 10), '\0'};

        wf_batch_put(&batch, WF_CF_DATA, weft_text("a"), weft_text(digit));
        wf_batch_put(&batch, WF_CF_DATA, weft_text("b"), weft_text(digit));
        // Flushes one behind the other are a stall for RocksDB.
        do {
            err = rig->store.ops->write(rig->store.self, &batch, i % 10 == 0);
        } while (err == WEFT_EBUSY);
        CHECK_OK(err);
        wf_batch_fini(&batch);
    }
    for (int i = 0; i < 3; i++) {
        void *problem;
        CHECK_EQ(pthread_join(threads[i], &problem), 0);
        CHECK(problem == NULL);
    }
}

TEST(store, may_be_read_and_flushed_beside_a_write)
{
    on_both(t, use_threads);
}

// Add some random operations on 200 keys to a batch.
static void
add_random(struct wf_batch *batch, struct wf_random *random)
{
    unsigned count = (unsigned)(wf_random_below(random, 8));

    for (unsigned i = 0; i < count; i++) {
        char key[8];
        char end[8];
        uint64_t dice = wf_random_u64(random);
        enum wf_cf cf = (enum wf_cf)(dice / 7 % WF_CF_COUNT);
        unsigned at = (unsigned)(dice / 100 % 200);

        snprintf(key, sizeof(key), "%03u", at);
        snprintf(end, sizeof(end), "%03u", at + (unsigned)(dice / 11 % 9));
        if (dice % 10 < 6) {
            wf_batch_put(batch, cf, weft_text(key), weft_text(end));
        } else if (dice % 10 < 9) {
            wf_batch_delete(batch, cf, weft_text(key));
        } else {
            wf_batch_delete_range(batch, cf, weft_text(key), weft_text(end));
        }
    }
}

static bool
collect(void *ctx, weft_bytes key, weft_bytes value)
{
    wf_buf_put_bytes(ctx, key);
    wf_buf_put_bytes(ctx, value);
    return true;
}

static void
dump(struct wf_store store, struct wf_buf *out)
{
    wf_buf_reset(out);
    for (int cf = 0; cf < WF_CF_COUNT; cf++) {
        CHECK_OK(store.ops->scan(store.self, (enum wf_cf)cf, weft_nothing(),
                                 weft_nothing(), collect, out));
        wf_buf_put_u8(out, 0xff);
    }
}

TEST(store, both_hold_the_same_after_the_same_random_batches)
{
    struct rig memory = {.disk = wf_memory_disk_create()};
    struct rig rocks = {.dir = test_dir(t)};
    struct wf_buf expected = {0};
    struct wf_buf found = {0};
    struct wf_random random;

    wf_random_init(&random, 48151);
    CHECK_OK(try_open(&memory, &memory.store));
    CHECK_OK(try_open(&rocks, &rocks.store));
    for (int round = 1; round <= 600; round++) {
        struct wf_batch batch = {0};

        add_random(&batch, &random);
        CHECK_OK(memory.store.ops->write(memory.store.self, &batch, true));
        CHECK_OK(
            rocks.store.ops->write(rocks.store.self, &batch, round % 50 == 0));
        wf_batch_fini(&batch);
        if (round % 97 == 0) {
            CHECK_OK(rocks.store.ops->flush(rocks.store.self));
        }
        if (round % 200 == 0) {
            reopen(&rocks);
            wf_memory_disk_crash(memory.disk);
            reopen(&memory);
        }
        if (round % 20 == 0) {
            dump(memory.store, &expected);
            dump(rocks.store, &found);
            CHECK_BYTES(wf_buf_bytes(&found), wf_buf_bytes(&expected));
        }
    }
    memory.store.ops->close(memory.store.self);
    rocks.store.ops->close(rocks.store.self);
    wf_memory_disk_destroy(memory.disk);
    wf_buf_fini(&expected);
    wf_buf_fini(&found);
}
