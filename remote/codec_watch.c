// SPDX-License-Identifier: Apache-2.0
//
// codec_watch.c - see codec_watch.h.

#include "remote/codec_watch.h"

#include "base/limits.h"
#include "remote/codec.h"
#include "remote/codec_field.h"
#include "remote/codec_instance.h"
#include "transport/wire.h"

#define IN(member) .at = offsetof(struct wf_codec_subscribe, member)
static const struct wf_codec_field subscribe_fields[] = {
    {"kind", WF_CODEC_TEXT, 0, true, IN(target.kind), .max = WF_KIND_BYTES_MAX},
    {"id", WF_CODEC_TEXT, 0, true, IN(target.id), .max = WF_ID_BYTES_MAX},
    {"after", WF_CODEC_U64, IN(after)},
    WF_CODEC_FIELD_COMMON(struct wf_codec_subscribe),
};
#undef IN

#define IN(member) .at = offsetof(struct wf_codec_event, member)
static const struct wf_codec_field event_fields[] = {
    {"instance", WF_CODEC_MAP, IN(instance), .of = wf_codec_instance_fields},
    {"values", WF_CODEC_PACKED, IN(values)},
    {"after", WF_CODEC_U64, IN(after)},
    {"is_last", WF_CODEC_BOOL, IN(is_last)},
    {NULL},
};
#undef IN

static const struct wf_codec_field unsubscribe_fields[] = {
    {"subscription", WF_CODEC_U64, 0, true,
     .at = offsetof(struct wf_codec_unsubscribe, subscription)},
    WF_CODEC_FIELD_COMMON(struct wf_codec_unsubscribe),
};

weft_err
wf_codec_subscribe_decode(const struct wf_wire_message *message,
                          struct wf_arena *memory,
                          struct wf_codec_subscribe *out_request)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};

    *out_request = (struct wf_codec_subscribe){0};
    return wf_codec_field_read_message(&how, subscribe_fields, message,
                                       "subscribe", out_request);
}

void
wf_codec_subscribe_encode(const struct wf_codec_subscribe *request,
                          uint64_t number, struct wf_buf *out_frame)
{
    wf_codec_field_write_message(subscribe_fields, 0, request, "subscribe",
                                 number, out_frame);
}

weft_err
wf_codec_event_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_event *out_event)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};

    *out_event = (struct wf_codec_event){0};
    return wf_codec_field_read_message(&how, event_fields, message, "event",
                                       out_event);
}

void
wf_codec_event_encode(const struct wf_codec_event *event, uint64_t number,
                      struct wf_buf *out_frame)
{
    size_t before = out_frame->len;

    wf_codec_field_write_message(event_fields, 0, event, "event", number,
                                 out_frame);
    wf_codec_size_check(number, before, out_frame);
}

weft_err
wf_codec_unsubscribe_decode(const struct wf_wire_message *message,
                            struct wf_arena *memory,
                            struct wf_codec_unsubscribe *out_request)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};

    *out_request = (struct wf_codec_unsubscribe){0};
    return wf_codec_field_read_message(&how, unsubscribe_fields, message,
                                       "unsubscribe", out_request);
}

void
wf_codec_unsubscribe_encode(const struct wf_codec_unsubscribe *request,
                            uint64_t number, struct wf_buf *out_frame)
{
    wf_codec_field_write_message(unsubscribe_fields, 0, request, "unsubscribe",
                                 number, out_frame);
}
