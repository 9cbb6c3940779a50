// SPDX-License-Identifier: Apache-2.0

#include "remote/codec.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec_rig.h"
#include "codec_same.h"
#include "support/test.h"
#include "transport/wire.h"

// The bytes of docs/formats/wire.md, section 1, as they are written there.
static const uint8_t start_frame[] = {
    0x93, 0xa5, 0x73, 0x74, 0x61, 0x72, 0x74, 0x01, 0x84, 0xa4, 0x6b,
    0x69, 0x6e, 0x64, 0xa5, 0x6f, 0x72, 0x64, 0x65, 0x72, 0xa2, 0x69,
    0x64, 0xa2, 0x31, 0x37, 0xa5, 0x69, 0x6e, 0x70, 0x75, 0x74, 0xc4,
    0x0a, 0x81, 0xa5, 0x63, 0x65, 0x6e, 0x74, 0x73, 0xcd, 0x07, 0xd0,
    0xa9, 0x63, 0x6f, 0x6e, 0x66, 0x69, 0x72, 0x6d, 0x65, 0x64, 0x01,
};
static const weft_bytes cents = {"\x81\xa5"
                                 "cents\xcd\x07\xd0",
                                 10};

static weft_err
decode(const struct wf_buf *frame, struct wf_codec_request *out)
{
    struct wf_wire_message message = rig_read(frame);

    return wf_codec_request_decode(&message, out);
}

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
    err = decode(&frame, &out);
    wf_codec_request_fini(&out);
    wf_buf_fini(&frame);
    return err;
}

#define WITH(verb, name, value)                                                \
    decode_with(WEFT_VERB_##verb, name, "" value, sizeof("" value) - 1)

TEST(codec, the_documents_start_is_written_byte_for_byte)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_buf frame = {0};

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"order", "17"};
    request.input = cents;
    wf_codec_request_encode(&request, 1, 1, false, &frame);
    CHECK_BYTES(wf_buf_bytes(&frame),
                weft_bytes_of(start_frame, sizeof(start_frame)));
    wf_buf_fini(&frame);
}

TEST(codec, the_documents_start_is_read)
{
    struct wf_wire_message message;
    struct wf_codec_request got;

    CHECK_OK(wf_wire_read(weft_bytes_of(start_frame, sizeof(start_frame)),
                          &message));
    CHECK_OK(wf_codec_request_decode(&message, &got));
    CHECK_EQ(got.request.verb, WEFT_VERB_START);
    CHECK_EQ(got.request.number, 1);
    CHECK_STR(got.request.target.kind, "order");
    CHECK_STR(got.request.target.id, "17");
    CHECK_BYTES(got.request.input, cents);
    CHECK_EQ(got.confirmed, 1);
    CHECK(!got.is_again);
    wf_codec_request_fini(&got);
}

TEST(codec, every_verb_has_a_name_and_is_found_by_it)
{
    weft_verb verb = WEFT_VERB_COUNT;

    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        CHECK(wf_codec_verb_name((weft_verb)i) != NULL);
        CHECK(wf_codec_verb_find(weft_text(wf_codec_verb_name((weft_verb)i)),
                                 &verb));
        CHECK_EQ(verb, i);
    }
    CHECK(!wf_codec_verb_find(weft_text("star"), &verb));
    CHECK(!wf_codec_verb_find(weft_text(""), &verb));
    CHECK(wf_codec_verb_name(WEFT_VERB_COUNT) == NULL);
}

// The names of all fields of a frame, in their order.
static void
list_fields(const struct wf_buf *frame, char *out, size_t size)
{
    struct wf_wire_message message = rig_read(frame);
    struct wf_wire_walk walk = wf_wire_fields(&message);
    struct wf_wire_field field;
    size_t len = 0;

    out[0] = '\0';
    while (wf_wire_next(&walk, &field)) {
        len += (size_t)snprintf(out + len, size - len, "%s%.*s",
                                len == 0 ? "" : " ", (int)field.name.len,
                                (const char *)field.name.data);
        CHECK(len < size);
    }
}

#define START_OPTIONS                                                          \
    "input reuse conflict start_delay_ms execution_timeout_ms run_timeout_ms " \
    "version retry headers memo attributes"

// As docs/formats/wire.md, section 6, has them. wait_ms is no member of a
// weft_request.
static const char *const fields_of[WEFT_VERB_COUNT] = {
    [WEFT_VERB_START] = "kind id " START_OPTIONS,
    [WEFT_VERB_SIGNAL] = "kind id name data headers",
    [WEFT_VERB_SIGNAL_WITH_START] = "kind id name data " START_OPTIONS,
    [WEFT_VERB_ASK] = "kind id name data headers",
    [WEFT_VERB_QUERY] = "kind id name data",
    [WEFT_VERB_RESULT] = "kind id",
    [WEFT_VERB_CANCEL] = "kind id by",
    [WEFT_VERB_TERMINATE] = "kind id name by",
    [WEFT_VERB_DESCRIBE] = "kind id",
    [WEFT_VERB_LIST] = "kind filter status cursor limit",
    [WEFT_VERB_PAUSE] = "kind id by",
    [WEFT_VERB_RESUME] = "kind id by",
    [WEFT_VERB_COMPLETE] = "token data",
    [WEFT_VERB_FAIL] =
        "token data error_name error_message retry_after_ms is_for_good",
    [WEFT_VERB_HEARTBEAT] = "token data",
    [WEFT_VERB_EXPORT] = "kind id",
    [WEFT_VERB_UPDATE] = "kind id name data update_id update_accepted",
    [WEFT_VERB_UPDATE_WITH_START] =
        "kind id name data update_id update_accepted " START_OPTIONS,
    [WEFT_VERB_IMPORT] = "data",
    [WEFT_VERB_ACTIVITIES] = "kind id call limit",
    [WEFT_VERB_ACTIVITY_PAUSE] = "kind id call by",
    [WEFT_VERB_ACTIVITY_RESUME] = "kind id call by",
    [WEFT_VERB_ACTIVITY_RESET] = "kind id call by",
    [WEFT_VERB_ACTIVITY_CHANGE] = "kind id call options by",
    [WEFT_VERB_PARK] = "kind id by",
    [WEFT_VERB_PUBLISH] = "kind id name data by",
    [WEFT_VERB_SET_STATE] = "kind id data version by",
    [WEFT_VERB_MOVE_VERSION] = "kind id version by",
    [WEFT_VERB_RESET] = "kind id point by",
    [WEFT_VERB_FORK] = "kind id data point by",
    [WEFT_VERB_RETRY_FAILED] = "kind id by",
    [WEFT_VERB_DELETE] = "kind id terminate_first",
    [WEFT_VERB_LEASE] = "token worker lease_ms",
    [WEFT_VERB_RENEW] = "token worker lease_ms",
    [WEFT_VERB_RELEASE] = "token worker",
    [WEFT_VERB_DEFER] = "token worker",
    [WEFT_VERB_WATCH] = "kind id after",
    [WEFT_VERB_COUNT_MATCHING] = "kind filter status group_by",
};

TEST(codec, every_verb_writes_its_fields_and_no_others)
{
    char names[400], wanted[400];

    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        struct wf_buf frame = {0};

        rig_frame((weft_verb)i, &frame);
        list_fields(&frame, names, sizeof(names));
        snprintf(wanted, sizeof(wanted), "%s confirmed again", fields_of[i]);
        CHECK_STR(names, wanted);
        wf_buf_fini(&frame);
    }
}

// Comparing what was asked with what came out of a message. What the verb does
// not read is as if it was never set.
// ------------------------------------------

static void
same_text(const char *got, const char *given)
{
    if (got != NULL) {
        CHECK_STR(got, given);
    }
}

static void
same_pairs(const weft_pair *got, size_t got_count, const weft_pair *given,
           size_t given_count)
{
    if (got_count == 0) {
        return;
    }
    CHECK_EQ(got_count, given_count);
    for (size_t i = 0; i < given_count; i++) {
        CHECK_STR(got[i].name, given[i].name);
        CHECK_BYTES(got[i].value, given[i].value);
    }
}

static void
same_retry(const weft_retry_policy *got, const weft_retry_policy *given)
{
    size_t i = 0;

    CHECK_EQ(got->initial_interval_ms, given->initial_interval_ms);
    CHECK(got->coefficient == given->coefficient);
    CHECK_EQ(got->maximum_interval_ms, given->maximum_interval_ms);
    CHECK_EQ(got->maximum_attempts, given->maximum_attempts);
    CHECK_EQ(got->total_ms, given->total_ms);
    CHECK(got->jitter == given->jitter);
    CHECK_EQ(got->non_retryable == NULL, given->non_retryable == NULL);
    for (; given->non_retryable[i] != NULL; i++) {
        CHECK_STR(got->non_retryable[i], given->non_retryable[i]);
    }
    CHECK(got->non_retryable[i] == NULL);
}

static void
same_start(const weft_start_options *got, const weft_start_options *given)
{
    CHECK_EQ(got->struct_size, given->struct_size);
    CHECK_EQ(got->reuse, given->reuse);
    CHECK_EQ(got->conflict, given->conflict);
    CHECK_EQ(got->start_delay_ms, given->start_delay_ms);
    CHECK_EQ(got->execution_timeout_ms, given->execution_timeout_ms);
    CHECK_EQ(got->run_timeout_ms, given->run_timeout_ms);
    CHECK_EQ(got->version, given->version);
    same_retry(&got->retry, &given->retry);
    CHECK_EQ(got->headers_count, given->headers_count);
    same_pairs(got->headers, got->headers_count, given->headers,
               given->headers_count);
    CHECK_EQ(got->memo_count, given->memo_count);
    same_pairs(got->memo, got->memo_count, given->memo, given->memo_count);
    rig_same_attributes(got->attributes, got->attributes_count,
                        given->attributes, given->attributes_count);
}

static void
same_options(const weft_call_options *got, const weft_call_options *given)
{
    CHECK_EQ(got->struct_size, given->struct_size);
    same_retry(&got->retry, &given->retry);
    CHECK_EQ(got->timeouts.schedule_to_start_ms,
             given->timeouts.schedule_to_start_ms);
    CHECK_EQ(got->timeouts.start_to_close_ms,
             given->timeouts.start_to_close_ms);
    CHECK_EQ(got->timeouts.schedule_to_close_ms,
             given->timeouts.schedule_to_close_ms);
    CHECK_EQ(got->timeouts.heartbeat_ms, given->timeouts.heartbeat_ms);
    CHECK_EQ(got->on_lost, given->on_lost);
}

#define SAME_NUMBER(member)                                                    \
    do {                                                                       \
        if (got->member != 0) {                                                \
            CHECK_EQ(got->member, given->member);                              \
        }                                                                      \
    } while (0)

static void
same_request(const weft_request *got, const weft_request *given)
{
    CHECK_EQ(got->struct_size, given->struct_size);
    CHECK_EQ(got->verb, given->verb);
    CHECK_EQ(got->number, given->number);
    same_text(got->target.kind, given->target.kind);
    same_text(got->target.id, given->target.id);
    same_text(got->name, given->name);
    same_text(got->update_id, given->update_id);
    same_text(got->token, given->token);
    same_text(got->worker, given->worker);
    same_text(got->error_name, given->error_name);
    same_text(got->error_message, given->error_message);
    same_text(got->cursor, given->cursor);
    same_text(got->filter, given->filter);
    same_text(got->group_by, given->group_by);
    if (got->data.len > 0) {
        CHECK_BYTES(got->data, given->data);
    }
    if (got->input.len > 0) {
        CHECK_BYTES(got->input, given->input);
    }
    SAME_NUMBER(update_accepted);
    SAME_NUMBER(retry_after_ms);
    SAME_NUMBER(is_for_good);
    SAME_NUMBER(lease_ms);
    SAME_NUMBER(after);
    SAME_NUMBER(status);
    SAME_NUMBER(limit);
    SAME_NUMBER(call);
    SAME_NUMBER(terminate_first);
    SAME_NUMBER(version);
    same_pairs(got->headers, got->headers_count, given->headers,
               given->headers_count);
    if (got->start != NULL) {
        same_start(got->start, given->start);
    }
    if (got->options != NULL) {
        same_options(got->options, given->options);
    }
    if (got->by != NULL) {
        CHECK_STR(got->by->who, given->by->who);
        CHECK_STR(got->by->why, given->by->why);
    }
    if (got->point != NULL) {
        CHECK_EQ(got->point->type, given->point->type);
        CHECK_EQ(got->point->entry, given->point->entry);
    }
}

// With every_verb_writes_its_fields: what is decoded is what was given, and
// encoding it again loses nothing.
TEST(codec, every_verb_with_all_its_fields_comes_back)
{
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        weft_request given = rig_request((weft_verb)i);
        struct wf_codec_request got;
        struct wf_buf frame = {0}, again = {0};

        rig_frame((weft_verb)i, &frame);
        CHECK_OK(decode(&frame, &got));
        same_request(&got.request, &given);
        CHECK_EQ(got.confirmed, 5);
        CHECK(got.is_again);
        wf_codec_request_encode(&got.request, got.request.number, got.confirmed,
                                got.is_again, &again);
        CHECK_BYTES(wf_buf_bytes(&again), wf_buf_bytes(&frame));
        wf_codec_request_fini(&got);
        wf_buf_fini(&frame);
        wf_buf_fini(&again);
    }
}

static bool
needs(weft_verb verb, const char *name)
{
    return strncmp(fields_of[verb], name, strlen(name)) == 0 &&
           verb != WEFT_VERB_LIST && verb != WEFT_VERB_COUNT_MATCHING;
}

TEST(codec, every_verb_with_no_fields_says_what_is_missing)
{
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        weft_request given = {.struct_size = sizeof(given),
                              .verb = (weft_verb)i};
        struct wf_codec_request got;
        struct wf_buf frame = {0};
        weft_err err;

        wf_codec_request_encode(&given, 7, 0, false, &frame);
        err = decode(&frame, &got);
        if (needs(given.verb, "kind id")) {
            CHECK_ERR(err, WEFT_EINVAL);
            CHECK_STR(weft_err_detail(), "kind: is missing");
        } else if (needs(given.verb, "token")) {
            CHECK_ERR(err, WEFT_EINVAL);
            CHECK_STR(weft_err_detail(), "token: is missing");
        } else {
            CHECK_OK(err);
            CHECK_EQ(got.request.verb, i);
            CHECK_EQ(got.memory.bytes, 0);
        }
        wf_codec_request_fini(&got);
        wf_buf_fini(&frame);
    }
}

TEST(codec, every_verb_with_only_its_target_has_defaults)
{
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        weft_request given = {.struct_size = sizeof(given),
                              .verb = (weft_verb)i,
                              .target = {"order", "17"},
                              .token = "AAEC"};
        static const weft_start_options init = WEFT_START_OPTIONS_INIT;
        struct wf_codec_request got;
        struct wf_buf frame = {0};

        wf_codec_request_encode(&given, 7, 0, false, &frame);
        CHECK_OK(decode(&frame, &got));
        CHECK(got.request.name == NULL && got.request.update_id == NULL);
        CHECK(got.request.cursor == NULL && got.request.filter == NULL);
        CHECK(got.request.group_by == NULL && got.request.by == NULL);
        CHECK(got.request.point == NULL && got.request.options == NULL);
        CHECK_EQ(got.request.data.len + got.request.input.len, 0);
        CHECK_EQ(got.request.headers_count, 0);
        CHECK_EQ(got.request.limit + got.request.call + got.request.version, 0);
        CHECK_EQ(got.request.status, WEFT_STATUS_NONE);
        CHECK_EQ(got.confirmed + got.wait_ms, 0);
        CHECK(!got.is_again);
        if (got.request.start != NULL) {
            CHECK(memcmp(got.request.start, &init, sizeof(init)) == 0);
        }
        wf_codec_request_fini(&got);
        wf_buf_fini(&frame);
    }
}

// Bad requests. ---------------------------------------------------------------

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

TEST(codec, every_field_of_a_wrong_type_is_named)
{
    static const weft_bytes wrong[] = {
        {"\xc0", 1},         // nil
        {"\xff", 1},         // -1
        {"\xd4\x01z", 3},    // ext
        {"\x91\xc0", 2},     // array of nil
        {"\x81\xa1z\xc0", 4} // map of nil
    };

    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        struct wf_buf frame = {0};
        struct wf_wire_message message;
        struct wf_wire_walk walk;
        struct wf_wire_field field;

        rig_frame((weft_verb)verb, &frame);
        message = rig_read(&frame);
        walk = wf_wire_fields(&message);
        while (wf_wire_next(&walk, &field)) {
            for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                struct wf_codec_request got;
                struct wf_buf bad = {0};

                rebuild(&message, field.index, wrong[i], &bad);
                CHECK_ERR(decode(&bad, &got), WEFT_EINVAL);
                CHECK(strncmp(weft_err_detail(), field.name.data,
                              field.name.len) == 0);
                wf_codec_request_fini(&got);
                wf_buf_fini(&bad);
            }
        }
        wf_buf_fini(&frame);
    }
}

TEST(codec, what_a_verb_does_not_know_is_named)
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

TEST(codec, names_of_a_choice_are_told)
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

TEST(codec, numbers_have_their_ranges)
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

TEST(codec, texts_and_payloads_have_their_limits)
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

TEST(codec, attributes_are_a_type_and_a_value)
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

TEST(codec, no_verb_and_no_number_are_refused)
{
    struct wf_codec_request got;
    struct wf_buf frame = {0};

    wf_buf_put(&frame, "\x93\xa3two\x01\x80", 7);
    CHECK_ERR(decode(&frame, &got), WEFT_ENOTFOUND);
    wf_codec_request_fini(&got);
    wf_buf_reset(&frame);
    wf_buf_put(&frame, "\x93\xa4list\x00\x80", 8);
    CHECK_ERR(decode(&frame, &got), WEFT_EINVAL);
    wf_codec_request_fini(&got);
    wf_buf_fini(&frame);
}

TEST(codec, a_request_cut_short_anywhere_is_refused)
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

TEST(codec, counts_that_lie_take_no_memory)
{
    static const char *const lies[] = {
        "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdc\xff\xff",
        "\xde\xff\xff",         "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff"};
    struct wf_wire_message message;

    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        struct wf_buf frame = {0};
        struct wf_wire_walk walk;
        struct wf_wire_field field;

        rig_frame((weft_verb)verb, &frame);
        message = rig_read(&frame);
        walk = wf_wire_fields(&message);
        while (wf_wire_next(&walk, &field)) {
            for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
                struct wf_wire_message lie;
                struct wf_buf bad = {0};

                rebuild(&message, field.index, weft_text(lies[i]), &bad);
                CHECK_ERR(wf_wire_read(wf_buf_bytes(&bad), &lie), WEFT_EINVAL);
                wf_buf_fini(&bad);
            }
        }
        wf_buf_fini(&frame);
    }
}

// The most entries that a frame can say, of the smallest size.
TEST(codec, memory_follows_the_size_of_the_frame)
{
    struct wf_codec_request got;
    struct wf_buf frame = {0};

    wf_buf_put(&frame, "\x93\xa5start\x01\x83\xa4kind\xa1k\xa2id\xa1i\xa5retry",
               27);
    wf_buf_put(&frame, "\x81\xadnon_retryable\xdc\x10\x00", 18);
    for (int i = 0; i < WF_WIRE_ENTRIES_MAX; i++) {
        wf_buf_put_u8(&frame, 0xa0);
    }
    CHECK_OK(decode(&frame, &got));
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
        CHECK_OK(decode(&once, &second));
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

TEST(codec, a_hundred_thousand_mutations_do_no_harm)
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
