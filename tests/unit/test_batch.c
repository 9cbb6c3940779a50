// SPDX-License-Identifier: Apache-2.0

#include "storage/store.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "storage/batch_impl.h"
#include "support/test.h"

static void
check_next(const struct wf_batch *batch, size_t *at, enum wf_batch_op op,
           enum wf_cf cf, const char *key, const char *value)
{
    enum wf_batch_op found_op;
    enum wf_cf found_cf;
    weft_bytes found_key;
    weft_bytes found_value;

    CHECK(wf_batch_next(batch, at, &found_op, &found_cf, &found_key,
                        &found_value));
    CHECK_EQ(found_op, op);
    CHECK_EQ(found_cf, cf);
    CHECK_BYTES(found_key, weft_text(key));
    CHECK_BYTES(found_value, weft_text(value));
}

static void
check_end(const struct wf_batch *batch, size_t at)
{
    enum wf_batch_op op;
    enum wf_cf cf;
    weft_bytes key;
    weft_bytes value;

    CHECK(!wf_batch_next(batch, &at, &op, &cf, &key, &value));
}

TEST(batch, an_empty_batch_has_nothing)
{
    struct wf_batch batch = {0};

    check_end(&batch, 0);
    CHECK_EQ(batch.count, 0);
    wf_batch_fini(&batch);
}

TEST(batch, what_is_put_in_comes_out_in_order)
{
    struct wf_batch batch = {0};
    size_t at = 0;

    wf_batch_put(&batch, WF_CF_DATA, weft_text("k"), weft_text("value"));
    wf_batch_put(&batch, WF_CF_LOG, weft_text("empty"), weft_nothing());
    wf_batch_delete(&batch, WF_CF_META, weft_text("gone"));
    wf_batch_delete_range(&batch, WF_CF_DATA, weft_text("a"), weft_text("b"));

    CHECK_EQ(batch.count, 4);
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_DATA, "k", "value");
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_LOG, "empty", "");
    check_next(&batch, &at, WF_BATCH_DELETE, WF_CF_META, "gone", "");
    check_next(&batch, &at, WF_BATCH_DELETE_RANGE, WF_CF_DATA, "a", "b");
    check_end(&batch, at);
    wf_batch_fini(&batch);
}

TEST(batch, a_reset_batch_is_empty_and_usable)
{
    struct wf_batch batch = {0};
    size_t at = 0;

    wf_batch_put(&batch, WF_CF_DATA, weft_text("one"), weft_text("1"));
    wf_batch_reset(&batch);
    check_end(&batch, 0);
    wf_batch_put(&batch, WF_CF_DATA, weft_text("two"), weft_text("2"));
    CHECK_EQ(batch.count, 1);
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_DATA, "two", "2");

    wf_batch_fini(&batch);
    check_end(&batch, 0);
    at = 0;
    wf_batch_put(&batch, WF_CF_DATA, weft_text("three"), weft_text("3"));
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_DATA, "three", "3");
    wf_batch_fini(&batch);
}

TEST(batch, a_value_in_two_parts_is_one)
{
    struct wf_batch batch = {0};
    size_t at = 0;

    wf_batch_put_parts(&batch, WF_CF_LOG, weft_text("k"), weft_text("he"),
                       weft_text("llo"));
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_LOG, "k", "hello");
    check_end(&batch, at);
    wf_batch_fini(&batch);
}

TEST(batch, an_appended_batch_comes_behind)
{
    struct wf_batch batch = {0};
    struct wf_batch other = {0};
    struct wf_batch empty = {0};
    size_t at = 0;

    wf_batch_put(&batch, WF_CF_LOG, weft_text("1"), weft_text("x"));
    wf_batch_delete(&other, WF_CF_DATA, weft_text("2"));
    wf_batch_put(&other, WF_CF_META, weft_text("3"), weft_text("y"));
    wf_batch_append(&batch, &other);
    wf_batch_append(&batch, &empty);

    CHECK_EQ(batch.count, 3);
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_LOG, "1", "x");
    check_next(&batch, &at, WF_BATCH_DELETE, WF_CF_DATA, "2", "");
    check_next(&batch, &at, WF_BATCH_PUT, WF_CF_META, "3", "y");
    check_end(&batch, at);
    wf_batch_fini(&batch);
    wf_batch_fini(&other);
}

TEST(batch, an_empty_range_is_left_out)
{
    struct wf_batch batch = {0};

    wf_batch_delete_range(&batch, WF_CF_DATA, weft_text("a"), weft_text("a"));
    CHECK_EQ(batch.count, 0);
    check_end(&batch, 0);
    wf_batch_fini(&batch);
}

static void
put_wrong_range(void *ctx)
{
    struct wf_batch batch = {0};

    (void)ctx;
    wf_batch_delete_range(&batch, WF_CF_DATA, weft_text("b"), weft_text("a"));
}

// RocksDB would take it into its write-ahead log, and never open again.
TEST(batch, a_range_the_wrong_way_round_stops_the_process)
{
    CHECK(WIFSIGNALED(test_fork(put_wrong_range, NULL)));
}
