// SPDX-License-Identifier: Apache-2.0
//
// codec_watch.c - see codec_watch.h.

#include "remote/codec_watch.h"

#include "base/limits.h"
#include "remote/codec.h"
#include "remote/codec_field.h"
#include "remote/codec_instance.h"
#include "transport/wire.h"

enum { WATCH = 1 << 0, SUBSCRIBE = 1 << 1 };

#define IN(member) .at = offsetof(struct wf_codec_watch, member)
static const struct wf_codec_field watch_fields[] = {
    {"kind", WF_CODEC_TEXT, 0, true, IN(target.kind), .max = WF_KIND_BYTES_MAX},
    {"id", WF_CODEC_TEXT, 0, true, IN(target.id), .max = WF_ID_BYTES_MAX},
    {"after", WF_CODEC_U64, 0, false, IN(after)},
    {"wait_ms", WF_CODEC_U64, WATCH, false, IN(wait_ms)},
    WF_CODEC_FIELD_COMMON(struct wf_codec_watch),
};
#undef IN

#define IN(member) .at = offsetof(struct wf_codec_watched, member)
static const struct wf_codec_field watched_fields[] = {
    {"instance", WF_CODEC_MAP, IN(instance), .of = wf_codec_instance_fields},
    {"values", WF_CODEC_PAIRS, IN(values),
     .more_at = offsetof(struct wf_codec_watched, values_count)},
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
wf_codec_watch_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_watch *out_watch)
{
    bool is_subscribe = wf_wire_is(message, "subscribe");
    struct wf_codec_reading how = {WF_CODEC_REQUEST,
                                   is_subscribe ? SUBSCRIBE : WATCH, memory};

    *out_watch = (struct wf_codec_watch){.is_subscribe = is_subscribe};
    return wf_codec_field_read_message(&how, watch_fields, message,
                                       is_subscribe ? "subscribe" : "watch",
                                       out_watch);
}

void
wf_codec_watch_encode(const struct wf_codec_watch *watch, uint64_t number,
                      struct wf_buf *out_frame)
{
    wf_codec_field_write_message(
        watch_fields, watch->is_subscribe ? SUBSCRIBE : WATCH, watch,
        watch->is_subscribe ? "subscribe" : "watch", number, out_frame);
}

weft_err
wf_codec_watched_decode(const struct wf_wire_message *message,
                        struct wf_arena *memory,
                        struct wf_codec_watched *out_watched)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};
    bool is_event = wf_wire_is(message, "event");

    *out_watched = (struct wf_codec_watched){.is_event = is_event};
    return wf_codec_field_read_message(&how, watched_fields, message,
                                       is_event ? "event" : "ok", out_watched);
}

void
wf_codec_watched_encode(const struct wf_codec_watched *watched, uint64_t number,
                        struct wf_buf *out_frame)
{
    size_t before = out_frame->len;

    wf_codec_field_write_message(watched_fields, 0, watched,
                                 watched->is_event ? "event" : "ok", number,
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
