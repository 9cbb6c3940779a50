// SPDX-License-Identifier: Apache-2.0

#include "base/bytes.h"

#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "support/test.h"

TEST(bytes, a_recycled_buffer_keeps_what_is_small)
{
    static const uint8_t bytes[1000];
    struct wf_buf buf = {0};
    const uint8_t *data;

    wf_buf_put(&buf, bytes, 100);
    data = buf.data;
    wf_buf_recycle(&buf, buf.cap);
    CHECK_EQ(buf.len, 0);
    CHECK(buf.data == data);
    wf_buf_put(&buf, bytes, sizeof(bytes));
    wf_buf_recycle(&buf, 500);
    CHECK_EQ(buf.len, 0);
    CHECK_EQ(buf.cap, 0);
    wf_buf_fini(&buf);
}

TEST(bytes, integers_are_big_endian)
{
    struct wf_buf buf = {0};

    wf_buf_put_u8(&buf, 1);
    wf_buf_put_u16(&buf, 0x0203);
    wf_buf_put_u32(&buf, 0x04050607);
    wf_buf_put_u64(&buf, 0x08090a0b0c0d0e0f);
    CHECK_BYTES(wf_buf_bytes(&buf),
                weft_bytes_of("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 15));
    wf_buf_fini(&buf);
}

TEST(bytes, what_is_put_is_read)
{
    struct wf_buf buf = {0};
    struct wf_reader reader;

    wf_buf_put_u8(&buf, 0xfe);
    wf_buf_put_u16(&buf, 0xfedc);
    wf_buf_put_u32(&buf, 0xfedcba98);
    wf_buf_put_u64(&buf, 0xfedcba9876543210);
    wf_buf_put_text(&buf, "pay");
    wf_buf_put_bytes(&buf, weft_nothing());
    wf_buf_put(&buf, "rest", 4);

    reader = wf_reader_of(wf_buf_bytes(&buf));
    CHECK_EQ(wf_reader_u8(&reader), 0xfe);
    CHECK_EQ(wf_reader_u16(&reader), 0xfedc);
    CHECK_EQ(wf_reader_u32(&reader), 0xfedcba98);
    CHECK_EQ(wf_reader_u64(&reader), 0xfedcba9876543210);
    CHECK_BYTES(wf_reader_bytes(&reader), weft_text("pay"));
    CHECK_EQ(wf_reader_bytes(&reader).len, 0);
    CHECK_EQ(wf_reader_left(&reader), 4);
    CHECK_BYTES(wf_reader_take(&reader, 1), weft_text("r"));
    CHECK_BYTES(wf_reader_rest(&reader), weft_text("est"));
    CHECK_EQ(wf_reader_left(&reader), 0);
    CHECK(!reader.failed);
    wf_buf_fini(&buf);
}

TEST(bytes, room_from_outside_is_asked_for_and_may_be_refused)
{
    struct wf_buf buf = {0};

    wf_buf_put(&buf, "abc", 3);
    CHECK(wf_buf_try_reserve(&buf, 100000));
    CHECK(buf.cap >= 100003);
    CHECK_BYTES(wf_buf_bytes(&buf), weft_text("abc"));
    // Sanitizers end the process on a size as large.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(!wf_buf_try_reserve(&buf, SIZE_MAX / 4));
    CHECK_BYTES(wf_buf_bytes(&buf), weft_text("abc"));
#endif
    wf_buf_fini(&buf);
}

TEST(bytes, varints_of_every_length_survive)
{
    struct wf_buf buf = {0};
    struct wf_reader reader;

    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t delta = 0; delta < 3; delta++) {
            uint64_t value = (1ULL << bit) + delta - 1;

            wf_buf_reset(&buf);
            wf_buf_put_varint(&buf, value);
            reader = wf_reader_of(wf_buf_bytes(&buf));
            CHECK_EQ(wf_reader_varint(&reader), value);
            CHECK(!reader.failed);
            CHECK_EQ(wf_reader_left(&reader), 0);
        }
    }
    wf_buf_reset(&buf);
    wf_buf_put_varint(&buf, UINT64_MAX);
    CHECK_EQ(buf.len, 10);
    reader = wf_reader_of(wf_buf_bytes(&buf));
    CHECK_EQ(wf_reader_varint(&reader), UINT64_MAX);
    wf_buf_fini(&buf);
}

static bool
is_varint(const char *bytes, size_t len)
{
    struct wf_reader reader = wf_reader_of(weft_bytes_of(bytes, len));

    wf_reader_varint(&reader);
    return !reader.failed;
}

TEST(bytes, malformed_varints_are_refused)
{
    CHECK(is_varint("\0", 1));
    CHECK(is_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
    CHECK(!is_varint("", 0));
    CHECK(!is_varint("\x80", 1));                                      // cut
    CHECK(!is_varint("\x80\x00", 2));                                  // 0 as 2
    CHECK(!is_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10)); // 65
    CHECK(!is_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11));
}

TEST(bytes, a_failed_reader_stays_failed)
{
    struct wf_reader reader = wf_reader_of(weft_bytes_of("\1\2\3", 3));

    CHECK_EQ(wf_reader_u32(&reader), 0);
    CHECK(reader.failed);
    CHECK_EQ(wf_reader_u8(&reader), 0);
    CHECK_EQ(wf_reader_left(&reader), 0);
    CHECK_EQ(wf_reader_rest(&reader).len, 0);
    CHECK(wf_reader_take(&reader, 0).data == NULL);
    CHECK(reader.failed);
}

TEST(bytes, a_claimed_length_beyond_the_end_is_refused)
{
    struct wf_buf buf = {0};
    struct wf_reader reader;

    wf_buf_put_varint(&buf, UINT64_MAX);
    wf_buf_put(&buf, "abc", 3);
    reader = wf_reader_of(wf_buf_bytes(&buf));
    CHECK_EQ(wf_reader_bytes(&reader).len, 0);
    CHECK(reader.failed);

    reader = wf_reader_of(wf_buf_bytes(&buf));
    CHECK_EQ(wf_reader_take(&reader, SIZE_MAX).len, 0);
    CHECK(reader.failed);
    wf_buf_fini(&buf);
}

TEST(bytes, an_empty_reader_may_come_from_null)
{
    struct wf_reader reader = wf_reader_of(weft_nothing());

    CHECK_EQ(wf_reader_left(&reader), 0);
    CHECK_EQ(wf_reader_rest(&reader).len, 0);
    CHECK(!reader.failed);
}

// Whatever is read in whatever order, nothing outside is touched (the
// allocation is exact, so that the sanitizer would see it).
TEST(bytes, random_reads_of_random_bytes_stay_inside)
{
    struct wf_random random;

    wf_random_init(&random, 1);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)wf_random_below(&random, 24);
        uint8_t *data = wf_alloc(len);
        struct wf_reader reader;

        for (size_t i = 0; i < len; i++) {
            data[i] = (uint8_t)wf_random_u64(&random);
        }
        reader = wf_reader_of(weft_bytes_of(data, len));
        for (int i = 0; i < 8; i++) {
            switch (wf_random_below(&random, 5)) {
            case 0:
                wf_reader_u8(&reader);
                break;
            case 1:
                wf_reader_u64(&reader);
                break;
            case 2:
                wf_reader_varint(&reader);
                break;
            case 3:
                wf_reader_bytes(&reader);
                break;
            default:
                wf_reader_take(&reader, (size_t)wf_random_below(&random, 9));
                break;
            }
            CHECK(wf_reader_left(&reader) <= len);
        }
        wf_free(data);
    }
}

TEST(bytes, a_buffer_grows_and_keeps_what_it_has)
{
    struct wf_buf buf;

    wf_buf_init(&buf);
    for (unsigned i = 0; i < 10000; i++) {
        wf_buf_put_u32(&buf, i);
    }
    CHECK_EQ(buf.len, 40000);
    for (unsigned i = 0; i < 10000; i++) {
        struct wf_reader reader =
            wf_reader_of(weft_bytes_of(buf.data + (size_t)i * 4, 4));

        CHECK_EQ(wf_reader_u32(&reader), i);
    }
    wf_buf_truncate(&buf, 4);
    CHECK_BYTES(wf_buf_bytes(&buf), weft_bytes_of("\0\0\0\0", 4));
    wf_buf_fini(&buf);
    CHECK(buf.data == NULL && buf.len == 0 && buf.cap == 0);
    wf_buf_put_u8(&buf, 7); // usable again
    CHECK_EQ(buf.data[0], 7);
    wf_buf_fini(&buf);
}

TEST(bytes, compare_is_memcmp_then_length)
{
    CHECK(wf_bytes_compare(weft_text("a"), weft_text("b")) < 0);
    CHECK(wf_bytes_compare(weft_text("b"), weft_text("abc")) > 0);
    CHECK(wf_bytes_compare(weft_text("ab"), weft_text("abc")) < 0);
    CHECK(wf_bytes_compare(weft_text("\x80"), weft_text("\x7f")) > 0);
    CHECK_EQ(wf_bytes_compare(weft_text("ab"), weft_text("ab")), 0);
    CHECK_EQ(wf_bytes_compare(weft_nothing(), weft_text("")), 0);
    CHECK(wf_bytes_equal(weft_nothing(), weft_text("")));
    CHECK(!wf_bytes_equal(weft_text("a"), weft_text("b")));
    CHECK(!wf_bytes_equal(weft_text("a"), weft_text("aa")));
}

TEST(bytes, a_copy_is_apart)
{
    char text[] = "abc";
    weft_bytes copy = wf_bytes_copy(weft_text(text));

    text[0] = 'x';
    CHECK_BYTES(copy, weft_text("abc"));
    wf_free((void *)(uintptr_t)copy.data);
}
