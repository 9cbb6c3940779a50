// SPDX-License-Identifier: Apache-2.0
//
// test_codec.c - requests as messages: what docs/formats/wire.md says, and all
// of it comes back. Those that nobody should send are in test_codec_bad.c.

#include "remote/codec.h"

#include <stdio.h>
#include <string.h>

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

// With every_verb_writes_its_fields: what is decoded is what was given, and
// encoding it again loses nothing.
TEST(codec, every_verb_with_all_its_fields_comes_back)
{
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        weft_request given = rig_request((weft_verb)i);
        struct wf_codec_request got;
        struct wf_buf frame = {0}, again = {0};

        rig_frame((weft_verb)i, &frame);
        CHECK_OK(rig_decode(&frame, &got));
        rig_same_request(&got.request, &given);
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
        err = rig_decode(&frame, &got);
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
        CHECK_OK(rig_decode(&frame, &got));
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
