// SPDX-License-Identifier: Apache-2.0
//
// test_bundle.c - several messages in one frame.

#include "transport/bundle.h"

#include <string.h>

#include "support/test.h"

// Two pings, as docs/formats/wire.md has them.
static const uint8_t pings[] = {
    0x93, 0xa4, 'p', 'i', 'n', 'g', 0x01, 0x80, // ["ping", 1, {}]
    0x93, 0xa4, 'p', 'i', 'n', 'g', 0x02, 0x80, // ["ping", 2, {}]
};

static weft_bytes
some(const uint8_t *bytes, size_t len)
{
    return weft_bytes_of(bytes, len);
}

TEST(bundle, messages_are_read_one_after_the_other)
{
    struct wf_bundle_reader reader =
        wf_bundle_read(some(pings, sizeof(pings)), true);
    struct wf_wire_message message;
    size_t bytes = 0;

    (void)t;
    for (uint64_t i = 1; i <= 2; i++) {
        CHECK(wf_bundle_has_next(&reader));
        CHECK_OK(wf_bundle_next(&reader, &message, &bytes));
        CHECK(wf_wire_is(&message, "ping"));
        CHECK_EQ(message.number, i);
        CHECK_EQ(bytes, 8);
    }
    CHECK(!wf_bundle_has_next(&reader));
}

TEST(bundle, a_frame_without_a_byte_is_no_message)
{
    struct wf_bundle_reader reader = wf_bundle_read(weft_nothing(), true);
    struct wf_wire_message message;
    size_t bytes;

    (void)t;
    CHECK(wf_bundle_has_next(&reader));
    CHECK_ERR(wf_bundle_next(&reader, &message, &bytes), WEFT_EINVAL);
}

// Each place where it may be cut short.
TEST(bundle, what_is_wrong_is_found_by_message_and_byte)
{
    (void)t;
    for (size_t len = 9; len < sizeof(pings); len++) {
        struct wf_bundle_reader reader = wf_bundle_read(some(pings, len), true);
        struct wf_wire_message message;
        size_t bytes;

        CHECK_OK(wf_bundle_next(&reader, &message, &bytes));
        CHECK_ERR(wf_bundle_next(&reader, &message, &bytes), WEFT_EINVAL);
        CHECK(strstr(weft_err_detail(),
                     "message 2 of a frame, from byte 8 on: ") != NULL);
    }
}

static weft_err
read_all(const struct wf_buf *frame)
{
    struct wf_bundle_reader reader = wf_bundle_read(wf_buf_bytes(frame), true);
    struct wf_wire_message message;
    weft_err err = WEFT_OK;
    size_t bytes;

    while (err == WEFT_OK && wf_bundle_has_next(&reader)) {
        err = wf_bundle_next(&reader, &message, &bytes);
    }
    return err;
}

TEST(bundle, a_frame_has_256_messages_at_most)
{
    struct wf_buf frame = {0};

    (void)t;
    for (int i = 0; i < 256; i++) {
        wf_buf_put(&frame, pings, 8);
    }
    CHECK_OK(read_all(&frame));
    wf_buf_put(&frame, pings, 8);
    CHECK_ERR(read_all(&frame), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "a frame has over 256 messages, which is too "
                                 "many");
    wf_buf_fini(&frame);
}

static void
put_long(struct wf_buf *frame, size_t len)
{
    struct wf_wire_writer writer;
    struct wf_buf data = {0};

    wf_buf_reserve(&data, len);
    memset(data.data, 'x', len);
    wf_wire_begin(&writer, frame, "signal", 1);
    wf_wire_put_bytes(&writer, "data", weft_bytes_of(data.data, len));
    wf_wire_end(&writer);
    wf_buf_fini(&data);
}

TEST(bundle, several_messages_have_64_KiB_and_a_single_one_may_have_more)
{
    struct wf_buf frame = {0};

    (void)t;
    put_long(&frame, 70000);
    CHECK_OK(read_all(&frame));
    wf_buf_put(&frame, pings, 8);
    CHECK_ERR(read_all(&frame), WEFT_ETOOBIG);
    CHECK(strstr(weft_err_detail(), "65536 are allowed") != NULL);
    wf_buf_fini(&frame);
}

TEST(bundle, there_is_room_for_one_of_any_size_or_several_small_ones)
{
    struct wf_bundle bundle = {0};

    (void)t;
    CHECK_EQ(wf_bundle_room(&bundle, 1), SIZE_MAX);
    wf_buf_put(&bundle.frame, pings, 8);
    bundle.count++;
    CHECK_EQ(wf_bundle_room(&bundle, 0), 0); // a node that takes none
    CHECK_EQ(wf_bundle_room(&bundle, 1), 0);
    CHECK_EQ(wf_bundle_room(&bundle, 2), 65536 - 8);
    put_long(&bundle.frame, 70000);
    CHECK_EQ(wf_bundle_room(&bundle, 3), 0);
    wf_bundle_fini(&bundle);
    CHECK_EQ(wf_bundle_room(&bundle, 1), SIZE_MAX);
}
