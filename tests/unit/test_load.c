// SPDX-License-Identifier: Apache-2.0

#include "runtime/load.h"

#include "storage/store.h"
#include "support/test.h"

static struct wf_memory_disk *disk;
static struct wf_store store;

static void
put(const char *key, const char *value)
{
    struct wf_batch batch = {0};

    wf_batch_put(&batch, WF_CF_DATA, weft_text(key), weft_text(value));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    wf_batch_fini(&batch);
}

// An image "image" that has items, one "plain" that has none, and rows "r1",
// "r2", "r3", "s".
static void
open_store(void)
{
    disk = wf_memory_disk_create();
    CHECK_OK(wf_store_memory_open(disk, &store));
    put("image", "\x01 with items");
    put("plain", "\x02 without");
    put("r1", "one");
    put("r2", "two");
    put("r3", "three");
    put("s", "other");
}

static void
close_store(void)
{
    store.ops->close(store.self);
    wf_memory_disk_destroy(disk);
}

static struct wf_load *
ask(const char *key, const char *from, const char *to, uint32_t limit)
{
    struct wf_load *load = wf_load_create();

    wf_buf_put(&load->key, key, strlen(key));
    wf_buf_put(&load->from, from, strlen(from));
    wf_buf_put(&load->to, to, strlen(to));
    load->limit = limit;
    wf_load_answer(load, &store);
    CHECK_OK(load->err);
    return load;
}

static void
check_rows(const struct wf_load *load, const char *const *expected)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(&load->rows));
    uint32_t count = 0;

    for (; expected[count * 2] != NULL; count++) {
        CHECK_BYTES(wf_reader_bytes(&reader), weft_text(expected[count * 2]));
        CHECK_BYTES(wf_reader_bytes(&reader),
                    weft_text(expected[count * 2 + 1]));
    }
    CHECK_EQ(wf_reader_left(&reader), 0);
    CHECK(!reader.failed);
    CHECK_EQ(load->rows_count, count);
}

TEST(load, no_such_row_is_an_answer)
{
    struct wf_load *load;

    open_store();
    load = ask("nothing", "r", "s", 0);
    CHECK(!load->is_found);
    check_rows(load, (const char *const[]){NULL});
    wf_load_destroy(load);
    close_store();
}

TEST(load, items_are_read_only_if_the_image_has_some)
{
    struct wf_load *load;

    open_store();
    load = ask("plain", "r", "s", 0);
    CHECK(load->is_found);
    CHECK_BYTES(wf_buf_bytes(&load->value), weft_text("\x02 without"));
    check_rows(load, (const char *const[]){NULL});
    wf_load_destroy(load);
    load = ask("image", "r", "s", 0);
    CHECK(load->is_found);
    CHECK(!load->is_more);
    check_rows(load, (const char *const[]){"r1", "one", "r2", "two", "r3",
                                           "three", NULL});
    wf_load_destroy(load);
    close_store();
}

TEST(load, a_scan_says_whether_its_limit_cut_it)
{
    struct wf_load *load;

    open_store();
    load = ask("", "r", "s", 2);
    CHECK(load->is_more);
    check_rows(load, (const char *const[]){"r1", "one", "r2", "two", NULL});
    wf_load_destroy(load);
    load = ask("", "r", "s", 3);
    CHECK(!load->is_more);
    CHECK_EQ(load->rows_count, 3);
    // Asked again, it is answered anew.
    wf_load_answer(load, &store);
    CHECK_EQ(load->rows_count, 3);
    wf_load_destroy(load);
    close_store();
}

TEST(load, a_failing_store_is_an_error)
{
    struct wf_load *load;

    open_store();
    load = ask("", "r", "s", 0);
    wf_memory_disk_crash(disk);
    wf_load_answer(load, &store);
    CHECK_ERR(load->err, WEFT_ECLOSED);
    CHECK_EQ(load->rows_count, 0);
    wf_load_destroy(load);
    wf_load_destroy(NULL);
    close_store();
}
