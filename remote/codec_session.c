// SPDX-License-Identifier: Apache-2.0
//
// codec_session.c - see codec_session.h.

#include "remote/codec_session.h"

#include "base/error.h"
#include "base/limits.h"
#include "remote/codec_field.h"
#include "transport/wire.h"

#define IN(member) .at = offsetof(struct wf_codec_hello, member)
static const struct wf_codec_field hello_fields[] = {
    {"version", WF_CODEC_U64, 0, true, IN(version)},
    {"client", WF_CODEC_BYTES, 0, true, IN(client),
     .max = WF_CODEC_CLIENT_BYTES},
    {"namespace", WF_CODEC_TEXT, 0, false, IN(name_space),
     .max = WF_NAMESPACE_BYTES_MAX},
    {"label", WF_CODEC_TEXT, 0, false, IN(label),
     .max = WF_CODEC_LABEL_BYTES_MAX},
    {"node", WF_CODEC_TEXT, 0, false, IN(node), .max = WF_NAME_BYTES_MAX},
    {NULL},
};
#undef IN

#define IN(member) .at = offsetof(struct wf_codec_welcome, member)
static const struct wf_codec_field welcome_fields[] = {
    {"version", WF_CODEC_U64, IN(version)},
    {"server", WF_CODEC_TEXT, IN(server)},
    {"namespace", WF_CODEC_TEXT, IN(name_space)},
    {"principal", WF_CODEC_TEXT, IN(principal)},
    {"roles", WF_CODEC_TEXTS, IN(roles)},
    {"credit", WF_CODEC_U64, IN(credit)},
    {"credit_bytes", WF_CODEC_U64, IN(credit_bytes)},
    {"waits", WF_CODEC_U64, IN(waits)},
    {"payload_max", WF_CODEC_U64, IN(payload_max)},
    {"message_max", WF_CODEC_U64, IN(message_max)},
    {"keepalive_ms", WF_CODEC_U64, IN(keepalive_ms)},
    {"bundle_max", WF_CODEC_U32, IN(bundle_max)},
    {"answered", WF_CODEC_BOOL, IN(is_answered)},
    {"node", WF_CODEC_TEXT, IN(node)},
    {"partitions", WF_CODEC_U32, IN(partitions)},
    {NULL},
};
#undef IN

struct bye {
    enum wf_codec_bye code;
    const char *text;
};

static const char *const bye_codes[] = {
    [WF_CODEC_BYE_UNKNOWN] = "",
    [WF_CODEC_BYE_HELLO] = "hello",
    [WF_CODEC_BYE_REPLACED] = "replaced",
    [WF_CODEC_BYE_CLOSING] = "closing",
    [WF_CODEC_BYE_KEEPALIVE] = "keepalive",
    [WF_CODEC_BYE_SLOW] = "slow",
    [WF_CODEC_BYE_REVOKED] = "revoked",
    [WF_CODEC_BYE_MALFORMED] = "malformed",
    [WF_CODEC_BYE_COUNT] = NULL,
};

static const struct wf_codec_field bye_fields[] = {
    {"code", WF_CODEC_NAMED, .at = offsetof(struct bye, code),
     .names = bye_codes},
    {"text", WF_CODEC_TEXT, .at = offsetof(struct bye, text)},
    {NULL},
};

static const struct wf_codec_field no_fields[] = {{NULL}};

// Of another version the other fields may be anything.
static weft_err
check_version(const struct wf_wire_message *message)
{
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_field field;

    while (wf_wire_next(&walk, &field)) {
        if (wf_wire_field_is(&field, "version") &&
            field.item.type == WF_MSGPACK_UINT &&
            field.item.as.number != WF_WIRE_VERSION) {
            return wf_wire_error(
                WEFT_EFORMAT, &field, "is %llu, spoken here is: %d",
                (unsigned long long)field.item.as.number, WF_WIRE_VERSION);
        }
    }
    return WEFT_OK;
}

weft_err
wf_codec_hello_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_hello *out_hello)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};
    weft_err err = check_version(message);

    *out_hello = (struct wf_codec_hello){0};
    if (err == WEFT_OK) {
        err = wf_codec_field_read_message(&how, hello_fields, message, "hello",
                                          out_hello);
    }
    if (err == WEFT_OK && out_hello->client.len != WF_CODEC_CLIENT_BYTES) {
        err = wf_error(WEFT_EINVAL, "client: has %zu bytes, want %d",
                       out_hello->client.len, WF_CODEC_CLIENT_BYTES);
    }
    return err;
}

void
wf_codec_hello_encode(const struct wf_codec_hello *hello,
                      struct wf_buf *out_frame)
{
    wf_codec_field_write_message(hello_fields, 0, hello, "hello", 0, out_frame);
}

weft_err
wf_codec_welcome_decode(const struct wf_wire_message *message,
                        struct wf_arena *memory,
                        struct wf_codec_welcome *out_welcome)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};

    *out_welcome = (struct wf_codec_welcome){0};
    return wf_codec_field_read_message(&how, welcome_fields, message, "ok",
                                       out_welcome);
}

void
wf_codec_welcome_encode(const struct wf_codec_welcome *welcome, uint64_t number,
                        struct wf_buf *out_frame)
{
    wf_codec_field_write_message(welcome_fields, 0, welcome, "ok", number,
                                 out_frame);
}

weft_err
wf_codec_bye_decode(const struct wf_wire_message *message,
                    struct wf_arena *memory, enum wf_codec_bye *out_code,
                    const char **out_text)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};
    struct bye bye = {WF_CODEC_BYE_UNKNOWN, ""};
    weft_err err =
        wf_codec_field_read_message(&how, bye_fields, message, "bye", &bye);

    *out_code = bye.code;
    *out_text = bye.text;
    return err;
}

void
wf_codec_bye_encode(enum wf_codec_bye code, const char *text,
                    struct wf_buf *out_frame)
{
    struct bye bye = {code, text};

    wf_codec_field_write_message(bye_fields, 0, &bye, "bye", 0, out_frame);
}

weft_err
wf_codec_plain_decode(const struct wf_wire_message *message, const char *verb)
{
    struct wf_arena memory = {0};
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, &memory};
    char none = 0;

    return wf_codec_field_read_message(&how, no_fields, message, verb, &none);
}

void
wf_codec_plain_encode(const char *verb, uint64_t number,
                      struct wf_buf *out_frame)
{
    wf_codec_field_write_message(no_fields, 0, NULL, verb, number, out_frame);
}
