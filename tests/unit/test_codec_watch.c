// SPDX-License-Identifier: Apache-2.0

#include "remote/codec_watch.h"

#include <string.h>

#include "codec_same.h"
#include "support/test.h"
#include "transport/wire.h"

static struct wf_arena memory;
static struct wf_buf frame;

static void
fini(void)
{
    wf_arena_fini(&memory);
    wf_buf_fini(&frame);
}

TEST(codec_watch, watch_and_subscribe_come_back)
{
    for (int i = 0; i < 2; i++) {
        struct wf_codec_watch given = {i == 1, {"order", "17"}, 3, 4, 5, true};
        struct wf_codec_watch got;
        struct wf_wire_message message;

        wf_codec_watch_encode(&given, 7, &frame);
        message = rig_read(&frame);
        CHECK(wf_wire_is(&message, i == 1 ? "subscribe" : "watch"));
        CHECK_OK(wf_codec_watch_decode(&message, &memory, &got));
        CHECK_EQ(got.is_subscribe, i == 1);
        CHECK_STR(got.target.kind, "order");
        CHECK_STR(got.target.id, "17");
        CHECK_EQ(got.after, 3);
        CHECK_EQ(got.wait_ms, i == 1 ? 0 : 4); // a subscription has none
        CHECK_EQ(got.confirmed, 5);
        CHECK(got.is_again);
        fini();
    }
}

TEST(codec_watch, what_is_missing_or_too_much_is_named)
{
    static const char bytes[] = "\x93\xa9subscribe\x07\x83\xa4kind\xa1k\xa2id"
                                "\xa1i\xa7wait_ms\x01";
    struct wf_codec_watch empty = {.target = {NULL, NULL}}, got;
    struct wf_wire_message message;

    wf_codec_watch_encode(&empty, 7, &frame);
    message = rig_read(&frame);
    CHECK_ERR(wf_codec_watch_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "kind: is missing");
    CHECK_OK(wf_wire_read(weft_bytes_of(bytes, sizeof(bytes) - 1), &message));
    CHECK_ERR(wf_codec_watch_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "wait_ms: there is no such field");
    fini();
}

TEST(codec_watch, what_was_watched_comes_back)
{
    static const weft_pair values[] = {{"total", {"\x05", 1}},
                                       {"state", {"\xa2go", 3}}};

    for (int i = 0; i < 2; i++) {
        struct wf_codec_watched given = {
            .is_event = i == 1,
            .instance = {.kind = "order",
                         .id = "17",
                         .status = WEFT_STATUS_FAILED,
                         .reason = "no money"},
            .values = values,
            .values_count = 2,
            .after = 9,
            .is_last = true,
        };
        struct wf_codec_watched got;
        struct wf_wire_message message;

        wf_codec_watched_encode(&given, 7, &frame);
        message = rig_read(&frame);
        CHECK(wf_wire_is(&message, i == 1 ? "event" : "ok"));
        CHECK_OK(wf_codec_watched_decode(&message, &memory, &got));
        CHECK_EQ(got.is_event, i == 1);
        CHECK_STR(got.instance.id, "17");
        CHECK_EQ(got.instance.status, WEFT_STATUS_FAILED);
        CHECK_STR(got.instance.reason, "no money");
        CHECK_EQ(got.values_count, 2);
        CHECK_STR(got.values[1].name, "state");
        CHECK_BYTES(got.values[1].value, values[1].value);
        CHECK_EQ(got.after, 9);
        CHECK(got.is_last);
        fini();
    }
}

TEST(codec_watch, more_than_a_message_holds_is_an_error)
{
    struct wf_buf large = {0};
    weft_pair values[3] = {
        {"a", {NULL, 0}}, {"b", {NULL, 0}}, {"c", {NULL, 0}}};
    struct wf_codec_watched given = {.values = values, .values_count = 3};
    struct wf_wire_message message;

    wf_buf_reserve(&large, 2 << 20);
    memset(large.data, 0, 2 << 20);
    large.len = 2 << 20;
    for (int i = 0; i < 3; i++) {
        values[i].value = wf_buf_bytes(&large);
    }
    wf_codec_watched_encode(&given, 7, &frame);
    message = rig_read(&frame);
    CHECK(wf_wire_is(&message, "error"));
    wf_buf_fini(&large);
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
