// SPDX-License-Identifier: Apache-2.0

#include "remote/codec_session.h"

#include "codec_same.h"
#include "support/test.h"
#include "transport/wire.h"

// The bytes of docs/formats/wire.md, section 1, as they are written there.
static const uint8_t hello_frame[] = {
    0x93, 0xa5, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x82, 0xa7, 0x76,
    0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x01, 0xa6, 0x63, 0x6c, 0x69,
    0x65, 0x6e, 0x74, 0xc4, 0x10, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
    0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
};
static const uint8_t client[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                   8, 9, 10, 11, 12, 13, 14, 15};

static struct wf_arena memory;
static struct wf_buf frame;

static void
fini(void)
{
    wf_arena_fini(&memory);
    wf_buf_fini(&frame);
}

TEST(codec_session, the_documents_hello_is_written_and_read)
{
    struct wf_codec_hello hello = {.version = 1, .client = {client, 16}};
    struct wf_codec_hello got;
    struct wf_wire_message message;

    wf_codec_hello_encode(&hello, &frame);
    CHECK_BYTES(wf_buf_bytes(&frame),
                weft_bytes_of(hello_frame, sizeof(hello_frame)));
    message = rig_read(&frame);
    CHECK_OK(wf_codec_hello_decode(&message, &memory, &got));
    CHECK_EQ(got.version, 1);
    CHECK_BYTES(got.client, hello.client);
    CHECK(got.name_space == NULL && got.label == NULL);
    fini();
}

TEST(codec_session, a_hello_with_all_its_fields_comes_back)
{
    struct wf_codec_hello hello = {1, {client, 16}, "shop", "till 4", "b"}, got;
    struct wf_wire_message message;

    wf_codec_hello_encode(&hello, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_hello_decode(&message, &memory, &got));
    CHECK_STR(got.name_space, "shop");
    CHECK_STR(got.label, "till 4");
    CHECK_STR(got.node, "b");
    fini();
}

static weft_err
hello_of(struct wf_codec_hello hello)
{
    struct wf_codec_hello got;
    struct wf_wire_message message;
    weft_err err;

    wf_codec_hello_encode(&hello, &frame);
    message = rig_read(&frame);
    err = wf_codec_hello_decode(&message, &memory, &got);
    fini();
    return err;
}

TEST(codec_session, a_bad_hello_names_the_field)
{
    static const char newer[] = "\x93\xa5hello\x00\x82\xa7version\x02\xa1z\x01";
    struct wf_wire_message message;
    struct wf_codec_hello got;
    char label[129] = {0};

    CHECK_ERR(hello_of((struct wf_codec_hello){.version = 1}), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "client: is missing");
    CHECK_ERR(hello_of((struct wf_codec_hello){.client = {client, 16}}),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "version: is missing");
    CHECK_ERR(
        hello_of((struct wf_codec_hello){1, {client, 15}, NULL, NULL, NULL}),
        WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "client: has 15 bytes, want 16");
    for (int i = 0; i < 128; i++) {
        label[i] = 'x';
    }
    CHECK_ERR(
        hello_of((struct wf_codec_hello){1, {client, 16}, NULL, label, NULL}),
        WEFT_ETOOBIG);
    CHECK_STR(weft_err_detail(), "label: has 128 bytes, 127 are allowed");
    // Whatever else another version may say.
    CHECK_OK(wf_wire_read(weft_bytes_of(newer, sizeof(newer) - 1), &message));
    CHECK_ERR(wf_codec_hello_decode(&message, &memory, &got), WEFT_EFORMAT);
    CHECK_STR(weft_err_detail(), "version: is 2, spoken here is: 1");
    fini();
}

TEST(codec_session, a_welcome_comes_back)
{
    static const char *const roles[] = {"reader", "writer", NULL};
    struct wf_codec_welcome given = {
        1, "weft 0.1.0", "shop", "ada", roles, 2, 3, 4, 5, 6,
        7, true,         "a",    8,     9};
    struct wf_codec_welcome got;
    struct wf_wire_message message;

    wf_codec_welcome_encode(&given, 9, &frame);
    message = rig_read(&frame);
    CHECK_EQ(message.number, 9);
    CHECK_OK(wf_codec_welcome_decode(&message, &memory, &got));
    CHECK_EQ(got.version, 1);
    CHECK_STR(got.server, "weft 0.1.0");
    CHECK_STR(got.name_space, "shop");
    CHECK_STR(got.principal, "ada");
    CHECK_STR(got.roles[0], "reader");
    CHECK_STR(got.roles[1], "writer");
    CHECK(got.roles[2] == NULL);
    CHECK_EQ(got.bundle_max, 9);
    CHECK_EQ(got.credit, 2);
    CHECK_EQ(got.credit_bytes, 3);
    CHECK_EQ(got.waits, 4);
    CHECK_EQ(got.payload_max, 5);
    CHECK_EQ(got.message_max, 6);
    CHECK_EQ(got.keepalive_ms, 7);
    CHECK(got.is_answered);
    CHECK_STR(got.node, "a");
    CHECK_EQ(got.partitions, 8);
    fini();
}

TEST(codec_session, every_bye_comes_back)
{
    for (int i = 0; i < WF_CODEC_BYE_COUNT; i++) {
        enum wf_codec_bye code = WF_CODEC_BYE_COUNT;
        struct wf_wire_message message;
        const char *text = NULL;

        wf_codec_bye_encode((enum wf_codec_bye)i, "because", &frame);
        message = rig_read(&frame);
        CHECK_EQ(message.number, 0);
        CHECK_OK(wf_codec_bye_decode(&message, &memory, &code, &text));
        CHECK_EQ(code, i);
        CHECK_STR(text, "because");
        fini();
    }
}

TEST(codec_session, a_ping_has_no_fields)
{
    static const char more[] = "\x93\xa4ping\x07\x81\xa1z\x01";
    struct wf_wire_message message;

    wf_codec_plain_encode("ping", 7, &frame);
    CHECK_BYTES(wf_buf_bytes(&frame), weft_text("\x93\xa4ping\x07\x80"));
    message = rig_read(&frame);
    CHECK_OK(wf_codec_plain_decode(&message, "ping"));
    CHECK_ERR(wf_codec_plain_decode(&message, "pong"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "this is no pong");
    CHECK_OK(wf_wire_read(weft_bytes_of(more, sizeof(more) - 1), &message));
    CHECK_ERR(wf_codec_plain_decode(&message, "ping"), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "z: there is no such field");
    fini();
}
