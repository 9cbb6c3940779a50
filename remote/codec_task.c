// SPDX-License-Identifier: Apache-2.0
//
// codec_task.c - see codec_task.h.

#include "remote/codec_task.h"

#include "base/error.h"
#include "base/limits.h"
#include "remote/codec_field.h"
#include "transport/wire.h"
#include "weft/activity.h"

enum {
    CREDIT_MAX = 1000,
    WAIT_MS_DEFAULT = 20000,
    WAIT_MS_MAX = 60000,
};

#define IN(member) .at = offsetof(struct wf_codec_poll, member)
static const struct wf_codec_field poll_fields[] = {
    {"queue", WF_CODEC_TEXT, 0, true, IN(queue), .max = WF_NAME_BYTES_MAX},
    {"credit", WF_CODEC_U32, 0, false, IN(credit), .max = CREDIT_MAX},
    {"wait_ms", WF_CODEC_U64, 0, false, IN(wait_ms), .max = WAIT_MS_MAX},
    {"worker", WF_CODEC_TEXT, 0, false, IN(worker), .max = WF_NAME_BYTES_MAX},
    {"lease_ms", WF_CODEC_U64, 0, false, IN(lease_ms), .max = WF_LEASE_MS_MAX},
    WF_CODEC_FIELD_COMMON(struct wf_codec_poll),
};
#undef IN

#define IN(member) .at = offsetof(struct wf_codec_task, member)
static const struct wf_codec_field task_fields[] = {
    {"token", WF_CODEC_TEXT, IN(token)},
    {"name", WF_CODEC_TEXT, IN(name)},
    {"input", WF_CODEC_BYTES, IN(input)},
    {"attempt", WF_CODEC_U32, IN(attempt)},
    {"key", WF_CODEC_TEXT, IN(key)},
    {"caller", WF_CODEC_TEXT, IN(caller)},
    {"headers", WF_CODEC_PAIRS, IN(headers),
     .more_at = offsetof(struct wf_codec_task, headers_count)},
    {"details", WF_CODEC_BYTES, IN(details)},
    {"deadline_ms", WF_CODEC_U64, IN(deadline_ms)},
    {"heartbeat_ms", WF_CODEC_U64, IN(heartbeat_ms)},
    {NULL},
};
#undef IN

static const struct wf_codec_field tasks_fields[] = {
    {"tasks", WF_CODEC_LIST, .at = offsetof(struct wf_codec_tasks, tasks),
     .more_at = offsetof(struct wf_codec_tasks, count), .of = task_fields,
     .size = sizeof(struct wf_codec_task)},
    {NULL},
};

static const struct wf_codec_field renew_fields[] = {
    {"tokens", WF_CODEC_TEXTS, 0, true,
     .at = offsetof(struct wf_codec_renew, tokens),
     .max = WEFT_TOKEN_CHARS_MAX},
    {"worker", WF_CODEC_TEXT, 0, false,
     .at = offsetof(struct wf_codec_renew, worker), .max = WF_NAME_BYTES_MAX},
    WF_CODEC_FIELD_COMMON(struct wf_codec_renew),
};

static const struct wf_codec_field renewed_fields[] = {
    {"cancelled", WF_CODEC_TEXTS,
     .at = offsetof(struct wf_codec_renewed, cancelled)},
    {"gone", WF_CODEC_TEXTS, .at = offsetof(struct wf_codec_renewed, gone)},
    {NULL},
};

weft_err
wf_codec_poll_decode(const struct wf_wire_message *message,
                     struct wf_arena *memory, struct wf_codec_poll *out_poll)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};
    weft_err err;

    *out_poll = (struct wf_codec_poll){
        .credit = 1,
        .wait_ms = WAIT_MS_DEFAULT,
        .lease_ms = WF_LEASE_MS_DEFAULT,
    };
    err = wf_codec_field_read_message(&how, poll_fields, message, "poll",
                                      out_poll);
    if (err == WEFT_OK && out_poll->credit == 0) {
        err = wf_error(WEFT_EINVAL, "credit: is 0, want 1 to %d", CREDIT_MAX);
    }
    if (err == WEFT_OK && out_poll->lease_ms < WF_LEASE_MS_MIN) {
        err = wf_error(WEFT_EINVAL, "lease_ms: is %llu, want %d to %d",
                       (unsigned long long)out_poll->lease_ms, WF_LEASE_MS_MIN,
                       WF_LEASE_MS_MAX);
    }
    return err;
}

// A wait of 0 says something: do not wait. So all of its numbers are written.
void
wf_codec_poll_encode(const struct wf_codec_poll *poll, uint64_t number,
                     struct wf_buf *out_frame)
{
    struct wf_wire_writer writer;
    struct wf_codec_poll rest = *poll;

    rest.wait_ms = 0;
    wf_wire_begin(&writer, out_frame, "poll", number);
    wf_codec_field_write(poll_fields, 0, &rest, &writer);
    wf_wire_put_uint(&writer, "wait_ms", poll->wait_ms);
    wf_wire_end(&writer);
}

weft_err
wf_codec_tasks_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_tasks *out_tasks)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};

    *out_tasks = (struct wf_codec_tasks){0};
    return wf_codec_field_read_message(&how, tasks_fields, message, "ok",
                                       out_tasks);
}

void
wf_codec_tasks_encode(const struct wf_codec_tasks *tasks, uint64_t number,
                      struct wf_buf *out_frame)
{
    wf_codec_field_write_message(tasks_fields, 0, tasks, "ok", number,
                                 out_frame);
}

weft_err
wf_codec_renew_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_renew *out_renew)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};

    *out_renew = (struct wf_codec_renew){0};
    return wf_codec_field_read_message(&how, renew_fields, message, "renew",
                                       out_renew);
}

void
wf_codec_renew_encode(const struct wf_codec_renew *renew, uint64_t number,
                      struct wf_buf *out_frame)
{
    wf_codec_field_write_message(renew_fields, 0, renew, "renew", number,
                                 out_frame);
}

weft_err
wf_codec_renewed_decode(const struct wf_wire_message *message,
                        struct wf_arena *memory,
                        struct wf_codec_renewed *out_renewed)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};

    *out_renewed = (struct wf_codec_renewed){0};
    return wf_codec_field_read_message(&how, renewed_fields, message, "ok",
                                       out_renewed);
}

void
wf_codec_renewed_encode(const struct wf_codec_renewed *renewed, uint64_t number,
                        struct wf_buf *out_frame)
{
    wf_codec_field_write_message(renewed_fields, 0, renewed, "ok", number,
                                 out_frame);
}
