// SPDX-License-Identifier: Apache-2.0

#include "remote/codec_watch.h"

#include <string.h>

#include "codec_same.h"
#include "support/test.h"
#include "transport/wire.h"

static const char packed[] = "\x05note\0\x04\x81\xa1z\x01";
static struct wf_arena memory;
static struct wf_buf frame;

static void
fini(void)
{
    wf_arena_fini(&memory);
    wf_buf_fini(&frame);
}

TEST(codec_watch, subscribe_comes_back)
{
    struct wf_codec_subscribe given = {{"order", "17"}, 3, 5, true}, got;
    struct wf_wire_message message;

    wf_codec_subscribe_encode(&given, 7, &frame);
    message = rig_read(&frame);
    CHECK(wf_wire_is(&message, "subscribe"));
    CHECK_OK(wf_codec_subscribe_decode(&message, &memory, &got));
    CHECK_STR(got.target.kind, "order");
    CHECK_STR(got.target.id, "17");
    CHECK_EQ(got.after, 3);
    CHECK_EQ(got.confirmed, 5);
    CHECK(got.is_again);
    fini();
}

TEST(codec_watch, what_is_missing_or_too_much_is_named)
{
    static const char bytes[] = "\x93\xa9subscribe\x07\x83\xa4kind\xa1k\xa2id"
                                "\xa1i\xa7wait_ms\x01";
    struct wf_codec_subscribe empty = {.target = {NULL, NULL}}, got;
    struct wf_wire_message message;

    wf_codec_subscribe_encode(&empty, 7, &frame);
    message = rig_read(&frame);
    CHECK_ERR(wf_codec_subscribe_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "kind: is missing");
    CHECK_OK(wf_wire_read(weft_bytes_of(bytes, sizeof(bytes) - 1), &message));
    CHECK_ERR(wf_codec_subscribe_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "wait_ms: there is no such field");
    fini();
}

TEST(codec_watch, an_event_comes_back)
{
    struct wf_codec_event given = {
        .instance = {.kind = "order",
                     .id = "17",
                     .status = WEFT_STATUS_FAILED,
                     .reason = "no money"},
        .values = {packed, sizeof(packed) - 1},
        .after = 9,
        .is_last = true,
    };
    struct wf_codec_event got;
    struct wf_wire_message message;

    wf_codec_event_encode(&given, 7, &frame);
    message = rig_read(&frame);
    CHECK(wf_wire_is(&message, "event"));
    CHECK_OK(wf_codec_event_decode(&message, &memory, &got));
    CHECK_STR(got.instance.id, "17");
    CHECK_EQ(got.instance.status, WEFT_STATUS_FAILED);
    CHECK_STR(got.instance.reason, "no money");
    CHECK_BYTES(got.values, given.values);
    CHECK_EQ(got.after, 9);
    CHECK(got.is_last);
    fini();
}

TEST(codec_watch, more_than_a_message_holds_is_an_error)
{
    enum { SIZE = 6 << 20 };
    struct wf_buf large = {0}, pairs = {0};
    struct wf_codec_event given = {.after = 1};
    struct wf_wire_message message;

    wf_buf_reserve(&large, SIZE);
    memset(large.data, 0, SIZE);
    large.len = SIZE;
    wf_buf_put_bytes(&pairs, weft_bytes_of("a", 2)); // with its NUL
    wf_buf_put_bytes(&pairs, wf_buf_bytes(&large));
    given.values = wf_buf_bytes(&pairs);
    wf_codec_event_encode(&given, 7, &frame);
    message = rig_read(&frame);
    CHECK(wf_wire_is(&message, "error"));
    wf_buf_fini(&large);
    wf_buf_fini(&pairs);
    fini();
}

TEST(codec_watch, unsubscribe_comes_back)
{
    struct wf_codec_unsubscribe given = {6, 5, true}, got;
    struct wf_wire_message message;

    wf_codec_unsubscribe_encode(&given, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_unsubscribe_decode(&message, &memory, &got));
    CHECK_EQ(got.subscription, 6);
    CHECK_EQ(got.confirmed, 5);
    CHECK(got.is_again);
    fini();
}
