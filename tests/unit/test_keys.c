// SPDX-License-Identifier: Apache-2.0

#include "storage/keys.h"

#include "support/test.h"

// "ns" NUL "kind" NUL "id"
static const weft_bytes actor = {"ns\0kind\0id", 10};

// clang-format off
TEST(keys, every_key_has_its_golden_bytes)
{
    static const uint8_t client[16] = "0123456789abcdef";
    struct wf_buf key = {0};

    wf_keys_log(&key, 0x0102030405060708);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("\1\2\3\4\5\6\7\10", 8));
    wf_keys_range(&key, WF_KEY_IMAGE, 0x0102);
    CHECK_BYTES(wf_buf_bytes(&key), weft_bytes_of("a\1\2", 3));
    wf_keys_image(&key, 0x0102, actor);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("a\1\2ns\0kind\0id", 13));
    wf_keys_items(&key, 0x0102, actor);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("i\1\2ns\0kind\0id\0", 14));
    wf_keys_item(&key, 0x0102, actor, 7, 258);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("i\1\2ns\0kind\0id\0\7"
                              "\0\0\0\0\0\0\1\2", 23));
    wf_keys_mailbox(&key, 0x0102, actor, 258);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("m\1\2ns\0kind\0id\0"
                              "\0\0\0\0\0\0\1\2", 22));
    wf_keys_ready(&key, 0x0102, actor);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("r\1\2ns\0kind\0id", 13));
    wf_keys_sleep(&key, 0x0102, 258, actor);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("t\1\2\0\0\0\0\0\0\1\2"
                              "ns\0kind\0id", 21));
    wf_keys_outbox(&key, 0x0102, 0x0304, 258);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("o\1\2\3\4\0\0\0\0\0\0\1\2", 13));
    wf_keys_link(&key, 0x0102, 0x0304);
    CHECK_BYTES(wf_buf_bytes(&key), weft_bytes_of("l\1\2\3\4", 5));
    wf_keys_window(&key, 0x0102, client);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("w\1\2" "0123456789abcdef", 19));
    wf_keys_letter(&key, 0x0102, 258);
    CHECK_BYTES(wf_buf_bytes(&key),
                weft_bytes_of("d\1\2\0\0\0\0\0\0\1\2", 11));
    wf_keys_partition(&key, 0x0102);
    CHECK_BYTES(wf_buf_bytes(&key), weft_bytes_of("p\1\2", 3));
    wf_keys_store(&key, "format");
    CHECK_BYTES(wf_buf_bytes(&key), weft_text("sformat"));
    wf_buf_fini(&key);
}
// clang-format on

TEST(keys, key_order_is_number_order)
{
    static const uint64_t numbers[] = {
        0, 1, 255, 256, 65535, 65536, 1U << 31, 1ULL << 32, UINT64_MAX};
    struct wf_buf below = {0};
    struct wf_buf above = {0};

    for (size_t i = 0; i + 1 < sizeof(numbers) / sizeof(numbers[0]); i++) {
        wf_keys_log(&below, numbers[i]);
        wf_keys_log(&above, numbers[i + 1]);
        CHECK(wf_bytes_compare(wf_buf_bytes(&below), wf_buf_bytes(&above)) < 0);
        wf_keys_sleep(&below, 3, numbers[i], weft_text("z"));
        wf_keys_sleep(&above, 3, numbers[i + 1], weft_text("a"));
        CHECK(wf_bytes_compare(wf_buf_bytes(&below), wf_buf_bytes(&above)) < 0);
        wf_keys_mailbox(&below, 3, actor, numbers[i]);
        wf_keys_mailbox(&above, 3, actor, numbers[i + 1]);
        CHECK(wf_bytes_compare(wf_buf_bytes(&below), wf_buf_bytes(&above)) < 0);
    }
    wf_buf_fini(&below);
    wf_buf_fini(&above);
}

static bool
is_in(const struct wf_buf *key, const struct wf_buf *from,
      const struct wf_buf *to)
{
    return wf_bytes_compare(wf_buf_bytes(key), wf_buf_bytes(from)) >= 0 &&
           wf_bytes_compare(wf_buf_bytes(key), wf_buf_bytes(to)) < 0;
}

TEST(keys, an_items_range_holds_one_actor_only)
{
    weft_bytes longer = {"ns\0kind\0id2", 11};
    struct wf_buf from = {0};
    struct wf_buf to = {0};
    struct wf_buf key = {0};

    wf_keys_items(&from, 5, actor);
    wf_keys_after(&to, wf_buf_bytes(&from));
    wf_keys_item(&key, 5, actor, 0, 0);
    CHECK(is_in(&key, &from, &to));
    wf_keys_item(&key, 5, actor, 255, UINT64_MAX);
    CHECK(is_in(&key, &from, &to));
    wf_keys_item(&key, 5, longer, 0, 0);
    CHECK(!is_in(&key, &from, &to));
    wf_keys_item(&key, 6, actor, 0, 0);
    CHECK(!is_in(&key, &from, &to));
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    wf_buf_fini(&key);
}

TEST(keys, a_partition_is_a_range_of_each_kind)
{
    struct wf_buf from = {0};
    struct wf_buf to = {0};
    struct wf_buf key = {0};

    wf_keys_range(&from, WF_KEY_IMAGE, 255);
    wf_keys_after(&to, wf_buf_bytes(&from));
    CHECK_BYTES(wf_buf_bytes(&to), weft_bytes_of("a\1", 2));
    wf_keys_image(&key, 255, actor);
    CHECK(is_in(&key, &from, &to));
    wf_keys_image(&key, 256, actor);
    CHECK(!is_in(&key, &from, &to));
    wf_keys_ready(&key, 255, actor);
    CHECK(!is_in(&key, &from, &to));
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    wf_buf_fini(&key);
}

TEST(keys, after_is_the_smallest_key_behind_a_prefix)
{
    struct wf_buf key = {0};

    wf_keys_after(&key, weft_text("ab"));
    CHECK_BYTES(wf_buf_bytes(&key), weft_text("ac"));
    wf_keys_after(&key, weft_bytes_of("a\xff\xff", 3));
    CHECK_BYTES(wf_buf_bytes(&key), weft_text("b"));
    wf_keys_after(&key, weft_bytes_of("\xff\xff", 2));
    CHECK_BYTES(wf_buf_bytes(&key), weft_nothing());
    wf_keys_after(&key, weft_nothing());
    CHECK_BYTES(wf_buf_bytes(&key), weft_nothing());
    wf_buf_fini(&key);
}
