// SPDX-License-Identifier: Apache-2.0
//
// test_codec_bad.c - requests that are wrong, cut, changed or lie: refused in
// words, with no more memory than what came.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec_rig.h"
#include "codec_same.h"
#include "remote/codec.h"
#include "support/test.h"
#include "transport/wire.h"

// What decoding says to a request with one field more, of those bytes.
static weft_err
decode_with(weft_verb verb, const char *name, const char *value,
            size_t value_len)
{
    weft_request request = {.struct_size = sizeof(request), .verb = verb};
    struct wf_codec_request out;
    struct wf_buf frame = {0};
    weft_err err;

    wf_codec_request_encode(&request, 7, 0, false, &frame);
    CHECK_EQ(frame.data[frame.len - 1], 0x80); // no fields
    frame.data[frame.len - 1] = 0x81;
    wf_buf_put_u8(&frame, (uint8_t)(0xa0 | strlen(name)));
    wf_buf_put(&frame, name, strlen(name));
    wf_buf_put(&frame, value, value_len);
    err = rig_decode(&frame, &out);
    wf_codec_request_fini(&out);
    wf_buf_fini(&frame);
    return err;
}

#define WITH(verb, name, value)                                                \
    decode_with(WEFT_VERB_##verb, name, "" value, sizeof("" value) - 1)

// The frame with the value of one field replaced, and another count of fields.
static void
rebuild(const struct wf_wire_message *message, uint32_t at, weft_bytes value,
        struct wf_buf *out)
{
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_field field;

    wf_buf_put_u8(out, 0x93);
    wf_buf_put_u8(out, (uint8_t)(0xa0 | message->verb.len));
    wf_buf_put(out, message->verb.data, message->verb.len);
    wf_buf_put_u8(out, (uint8_t)message->number);
    wf_buf_put_u8(out, 0xde);
    wf_buf_put_u16(out, (uint16_t)walk.count);
    while (wf_wire_next(&walk, &field)) {
        weft_bytes put = field.index == at ? value : field.value;

        wf_buf_put_u8(out, (uint8_t)(0xa0 | field.name.len));
        wf_buf_put(out, field.name.data, field.name.len);
        wf_buf_put(out, put.data, put.len);
    }
}

// Each field of each verb's request, with each of the values in its place.
static void
replace_each(const weft_bytes *values, size_t count,
             void (*check)(const struct wf_buf *bad, weft_bytes name))
{
    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        struct wf_buf frame = {0};
        struct wf_wire_message message;
        struct wf_wire_walk walk;
        struct wf_wire_field field;

        rig_frame((weft_verb)verb, &frame);
        message = rig_read(&frame);
        walk = wf_wire_fields(&message);
        while (wf_wire_next(&walk, &field)) {
            for (size_t i = 0; i < count; i++) {
                struct wf_buf bad = {0};

                rebuild(&message, field.index, values[i], &bad);
                check(&bad, field.name);
                wf_buf_fini(&bad);
            }
        }
        wf_buf_fini(&frame);
    }
}

static void
check_named(const struct wf_buf *bad, weft_bytes name)
{
    struct wf_codec_request got;

    CHECK_ERR(rig_decode(bad, &got), WEFT_EINVAL);
    CHECK(strncmp(weft_err_detail(), name.data, name.len) == 0);
    wf_codec_request_fini(&got);
}

TEST(codec_bad, every_field_of_a_wrong_type_is_named)
{
    static const weft_bytes wrong[] = {
        {"\xc0", 1},         // nil
        {"\xff", 1},         // -1
        {"\xd4\x01z", 3},    // ext
        {"\x91\xc0", 2},     // array of nil
        {"\x81\xa1z\xc0", 4} // map of nil
    };

    replace_each(wrong, sizeof(wrong) / sizeof(wrong[0]), check_named);
}

TEST(codec_bad, what_a_verb_does_not_know_is_named)
{
    CHECK_ERR(WITH(START, "colour", "\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "colour: there is no such field");
    CHECK_ERR(WITH(SIGNAL, "input", "\xc4\x00"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "input: there is no such field");
    CHECK_ERR(WITH(START, "wait_ms", "\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "wait_ms: there is no such field");
    CHECK_ERR(WITH(START, "retry", "\x81\xa1z\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.z: there is no such field");
    CHECK_ERR(
        WITH(ACTIVITY_CHANGE, "options", "\x81\xa5retry\x81\xa6jitter\xa0"),
        WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "options.retry.jitter: is a text, want a "
                                 "number");
    CHECK_ERR(WITH(START, "retry", "\x82\xa6jitter\x01\xa6jitter\x00"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.jitter: is there twice");
    CHECK_ERR(WITH(PARK, "by", "\x82\xa3who\xa1z\xa3who\xa1y"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "by.who: is there twice");
}

TEST(codec_bad, names_of_a_choice_are_told)
{
    CHECK_ERR(WITH(START, "reuse", "\xa3yes"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "reuse: \"yes\" is none of \"allow\", "
                                 "\"after_failure\", \"reject\"");
    CHECK_ERR(WITH(LIST, "status", "\xa0"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "status: \"\" is none of \"running\", \"completed\", \"failed\", "
              "\"cancelled\", \"terminated\", \"timed_out\"");
    CHECK_OK(WITH(LIST, "status", "\xa7running"));
}

TEST(codec_bad, numbers_have_their_ranges)
{
    CHECK_OK(WITH(LIST, "limit", "\xce\xff\xff\xff\xff"));
    CHECK_ERR(WITH(LIST, "limit", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "limit: is 4294967296, at most 4294967295 is allowed");
    CHECK_ERR(WITH(START, "retry",
                   "\x81\xb0maximum_attempts"
                   "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.maximum_attempts: is 4294967296, at "
                                 "most 4294967295 is allowed");
    CHECK_ERR(WITH(START, "retry",
                   "\x81\xab"
                   "coefficient"
                   "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "retry.coefficient: is no number");
}

TEST(codec_bad, texts_and_payloads_have_their_limits)
{
    static const struct {
        weft_verb verb;
        const char *name;
        bool is_text;
        size_t max;
    } limits[] = {
        {WEFT_VERB_START, "kind", true, WF_KIND_BYTES_MAX},
        {WEFT_VERB_START, "id", true, WF_ID_BYTES_MAX},
        {WEFT_VERB_LIST, "kind", true, WF_KIND_BYTES_MAX},
        {WEFT_VERB_LIST, "filter", true, WF_FILTER_BYTES_MAX},
        {WEFT_VERB_LIST, "cursor", true, 2048},
        {WEFT_VERB_COUNT_MATCHING, "group_by", true, WF_NAME_BYTES_MAX},
        {WEFT_VERB_SIGNAL, "name", true, WF_NAME_BYTES_MAX},
        {WEFT_VERB_SIGNAL, "data", false, WF_PAYLOAD_BYTES_MAX},
        {WEFT_VERB_START, "input", false, WF_PAYLOAD_BYTES_MAX},
        {WEFT_VERB_UPDATE, "update_id", true, WF_NAME_BYTES_MAX},
        {WEFT_VERB_COMPLETE, "token", true, WEFT_TOKEN_CHARS_MAX},
        {WEFT_VERB_FAIL, "error_name", true, WF_NAME_BYTES_MAX},
        {WEFT_VERB_FAIL, "error_message", true, WF_PAYLOAD_BYTES_MAX},
    };
    struct wf_buf value = {0};
    char wanted[100];

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        size_t len = limits[i].max + 1;

        wf_buf_reset(&value);
        wf_buf_put_u8(&value, limits[i].is_text ? 0xdb : 0xc6);
        wf_buf_put_u32(&value, (uint32_t)len);
        wf_buf_reserve(&value, len);
        memset(value.data + value.len, 'x', len);
        value.len += len;
        CHECK_ERR(decode_with(limits[i].verb, limits[i].name,
                              (const char *)value.data, value.len),
                  WEFT_ETOOBIG);
        snprintf(wanted, sizeof(wanted), "%s: has %zu bytes, %zu are allowed",
                 limits[i].name, len, limits[i].max);
        CHECK_STR(weft_err_detail(), wanted);
    }
    wf_buf_fini(&value);
}

TEST(codec_bad, attributes_are_a_type_and_a_value)
{
    CHECK_ERR(WITH(START, "attributes", "\x81\xa1z\x01"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "attributes.z: is an integer, want an array");
    CHECK_ERR(WITH(START, "attributes", "\x81\xa1z\x90"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "attributes.z: want [type, value]");
    CHECK_ERR(WITH(START, "attributes", "\x81\xa1z\x91\xa3int"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "attributes.z: want [type, value]");
    CHECK_ERR(WITH(START, "attributes", "\x81\xa1z\x93\xa3int\x01\x01"),
              WEFT_EINVAL);
    CHECK_ERR(WITH(START, "attributes", "\x81\xa1z\x92\xa3int\xa0"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "attributes.z[1]: is a text, want an integer "
                                 "of 64 bits with its sign");
    CHECK_ERR(WITH(START, "attributes", "\x81\xa1z\x92\xa4long\x01"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(),
              "attributes.z[0]: \"long\" is none of \"none\", \"keyword\", "
              "\"text\", \"int\", \"double\", \"bool\", \"time\"");
    CHECK_ERR(WITH(START, "attributes",
                   "\x82\xa1z\x92\xa3int\x01\xa1z\x92\xa3int\x01"),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "attributes.z: is there twice");
}

TEST(codec_bad, no_verb_and_no_number_are_refused)
{
    struct wf_codec_request got;
    struct wf_buf frame = {0};

    wf_buf_put(&frame, "\x93\xa3two\x01\x80", 7);
    CHECK_ERR(rig_decode(&frame, &got), WEFT_ENOTFOUND);
    wf_codec_request_fini(&got);
    wf_buf_reset(&frame);
    wf_buf_put(&frame, "\x93\xa4list\x00\x80", 8);
    CHECK_ERR(rig_decode(&frame, &got), WEFT_EINVAL);
    wf_codec_request_fini(&got);
    wf_buf_fini(&frame);
}

TEST(codec_bad, a_request_cut_short_anywhere_is_refused)
{
    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        struct wf_wire_message message;
        struct wf_buf frame = {0};

        rig_frame((weft_verb)verb, &frame);
        for (size_t len = 0; len < frame.len; len++) {
            CHECK_ERR(wf_wire_read(weft_bytes_of(frame.data, len), &message),
                      WEFT_EINVAL);
        }
        wf_buf_fini(&frame);
    }
}

// What decoding takes is bounded by what came, not by what it says.
static void
check_memory(const struct wf_codec_request *got, size_t frame_len)
{
    CHECK(got->memory.bytes <= 48 * frame_len + 1200);
}

static void
check_unread(const struct wf_buf *bad, weft_bytes name)
{
    struct wf_wire_message message;

    (void)name;
    CHECK_ERR(wf_wire_read(wf_buf_bytes(bad), &message), WEFT_EINVAL);
}

TEST(codec_bad, counts_that_lie_take_no_memory)
{
    static const weft_bytes lies[] = {
        {"\xdd\xff\xff\xff\xff", 5}, {"\xdf\xff\xff\xff\xff", 5},
        {"\xdc\xff\xff", 3},         {"\xde\xff\xff", 3},
        {"\xdb\xff\xff\xff\xff", 5}, {"\xc6\xff\xff\xff\xff", 5}};

    replace_each(lies, sizeof(lies) / sizeof(lies[0]), check_unread);
}

// The most entries that a frame can say, of the smallest size.
TEST(codec_bad, memory_follows_the_size_of_the_frame)
{
    struct wf_codec_request got;
    struct wf_buf frame = {0};

    wf_buf_put(&frame, "\x93\xa5start\x01\x83\xa4kind\xa1k\xa2id\xa1i\xa5retry",
               27);
    wf_buf_put(&frame, "\x81\xadnon_retryable\xdc\x10\x00", 18);
    for (int i = 0; i < WF_WIRE_ENTRIES_MAX; i++) {
        wf_buf_put_u8(&frame, 0xa0);
    }
    CHECK_OK(rig_decode(&frame, &got));
    CHECK(got.memory.bytes > (size_t)WF_WIRE_ENTRIES_MAX * 8);
    check_memory(&got, frame.len);
    wf_codec_request_fini(&got);
    wf_buf_fini(&frame);
}

// Mutations. ------------------------------------------------------------------

// Whatever decodes is a request, which encodes to the same again.
static void
try_request(const struct wf_buf *frame, size_t *decoded)
{
    struct wf_wire_message message;
    struct wf_codec_request got, second;
    struct wf_buf once = {0}, twice = {0};

    if (wf_wire_read(wf_buf_bytes(frame), &message) != WEFT_OK) {
        return;
    }
    if (wf_codec_request_decode(&message, &got) == WEFT_OK) {
        (*decoded)++;
        wf_codec_request_encode(&got.request, got.request.number, got.confirmed,
                                got.is_again, &once);
        CHECK_OK(rig_decode(&once, &second));
        wf_codec_request_encode(&second.request, second.request.number,
                                second.confirmed, second.is_again, &twice);
        CHECK_BYTES(wf_buf_bytes(&twice), wf_buf_bytes(&once));
        wf_codec_request_fini(&second);
    } else {
        CHECK(weft_err_detail()[0] != '\0');
    }
    check_memory(&got, frame->len);
    wf_codec_request_fini(&got);
    wf_buf_fini(&once);
    wf_buf_fini(&twice);
}

TEST(codec_bad, a_hundred_thousand_mutations_do_no_harm)
{
    struct wf_random random;
    struct wf_buf frame = {0};
    size_t decoded = 0;

    wf_random_init(&random, 4);
    for (int i = 0; i < 100000; i++) {
        wf_buf_reset(&frame);
        rig_frame((weft_verb)wf_random_below(&random, WEFT_VERB_COUNT), &frame);
        rig_mutate(&random, &frame);
        try_request(&frame, &decoded);
    }
    // Some stay whole, else nothing but the guard was tried.
    CHECK(decoded > 5000);
    wf_buf_fini(&frame);
}
