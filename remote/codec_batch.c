// SPDX-License-Identifier: Apache-2.0
//
// codec_batch.c - see codec_batch.h.

#include "remote/codec_batch.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "remote/codec.h"
#include "remote/codec_field.h"
#include "remote/codec_operate.h"
#include "transport/wire.h"

#define IN(member) .at = offsetof(struct wf_codec_batch, member)
#define MORE(member) .more_at = offsetof(struct wf_codec_batch, member)
static const struct wf_codec_field batch_fields[] = {
    {"filter", WF_CODEC_TEXT, 0, true, IN(options.filter),
     .max = WF_FILTER_BYTES_MAX},
    {"verb", WF_CODEC_TEXT, 0, true, IN(verb_name), .max = WF_NAME_BYTES_MAX},
    {"name", WF_CODEC_TEXT, 0, false, IN(options.name),
     .max = WF_NAME_BYTES_MAX},
    {"data", WF_CODEC_BYTES, 0, false, IN(options.data),
     .max = WF_PAYLOAD_BYTES_MAX},
    {"terminate_first", WF_CODEC_FLAG, 0, false, IN(options.terminate_first)},
    {"point", WF_CODEC_POINTED, 0, false, IN(point), MORE(options.point),
     .of = wf_codec_operate_point},
    {"by", WF_CODEC_POINTED, 0, false, IN(by), MORE(options.by),
     .of = wf_codec_operate_by},
    {"per_second", WF_CODEC_U32, 0, false, IN(options.per_second)},
    {"cursor", WF_CODEC_TEXT, 0, false, IN(options.cursor),
     .max = WEFT_BATCH_CURSOR_BYTES - 1},
    {"limit", WF_CODEC_U32, 0, false, IN(limit)},
    WF_CODEC_FIELD_COMMON(struct wf_codec_batch),
};
#undef IN
#undef MORE

#define IN(member) .at = offsetof(struct result, member)
struct result {
    uint64_t seen, done, failed;
    const char *cursor;
};
static const struct wf_codec_field result_fields[] = {
    {"seen", WF_CODEC_U64, IN(seen)},
    {"done", WF_CODEC_U64, IN(done)},
    {"failed", WF_CODEC_U64, IN(failed)},
    {"cursor", WF_CODEC_TEXT, IN(cursor), .max = WEFT_BATCH_CURSOR_BYTES - 1},
    {NULL},
};
#undef IN

static const struct wf_codec_field stats_fields[] = {
    WF_CODEC_FIELD_COMMON(struct wf_codec_stats),
};

static const struct wf_codec_field metrics_fields[] = {
    {"text", WF_CODEC_TEXT, .at = offsetof(struct wf_codec_metrics, text)},
    {NULL},
};

weft_err
wf_codec_batch_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_batch *out_batch)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};
    weft_err err;

    *out_batch = (struct wf_codec_batch){.options = WEFT_BATCH_OPTIONS_INIT};
    err = wf_codec_field_read_message(&how, batch_fields, message, "batch",
                                      out_batch);
    if (err == WEFT_OK && !wf_codec_verb_find(weft_text(out_batch->verb_name),
                                              &out_batch->options.verb)) {
        err = wf_error(WEFT_EINVAL, "verb: there is no %.40s",
                       out_batch->verb_name);
    }
    return err;
}

void
wf_codec_batch_encode(const struct wf_codec_batch *batch, uint64_t number,
                      struct wf_buf *out_frame)
{
    struct wf_codec_batch from = *batch;

    from.verb_name = wf_codec_verb_name(batch->options.verb);
    if (from.options.by != NULL) {
        from.by = *from.options.by;
    }
    if (from.options.point != NULL) {
        from.point = *from.options.point;
    }
    wf_codec_field_write_message(batch_fields, 0, &from, "batch", number,
                                 out_frame);
}

// A code that is not known here is left out, as those beyond the first are.
static weft_err
read_errors(const struct wf_wire_field *field, weft_batch_result *result)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    weft_err err = wf_wire_map(field, &walk);

    while (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        weft_err code = wf_codec_code_find(entry.name);
        uint64_t count = 0;

        err = wf_wire_uint(&entry, UINT64_MAX, &count);
        if (err == WEFT_OK && code != WEFT_OK &&
            result->errors_count < WEFT_BATCH_ERRORS_MAX) {
            result->errors[result->errors_count].err = code;
            result->errors[result->errors_count].count = count;
            result->errors_count++;
        }
    }
    return err;
}

weft_err
wf_codec_batch_result_decode(const struct wf_wire_message *message,
                             struct wf_arena *memory,
                             weft_batch_result *out_result)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};
    struct result result = {.cursor = ""};
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_field field;
    weft_err err;

    *out_result = (weft_batch_result){0};
    err = wf_codec_field_read_message(&how, result_fields, message, "ok",
                                      &result);
    while (err == WEFT_OK && wf_wire_next(&walk, &field)) {
        if (wf_wire_field_is(&field, "errors")) {
            err = read_errors(&field, out_result);
        }
    }
    if (err == WEFT_OK) {
        out_result->seen = result.seen;
        out_result->done = result.done;
        out_result->failed = result.failed;
        snprintf(out_result->cursor, sizeof(out_result->cursor), "%s",
                 result.cursor);
    }
    return err;
}

void
wf_codec_batch_result_encode(const weft_batch_result *result, uint64_t number,
                             struct wf_buf *out_frame)
{
    struct result from = {result->seen, result->done, result->failed,
                          result->cursor};
    struct wf_wire_writer writer;

    wf_wire_begin(&writer, out_frame, "ok", number);
    writer.is_answer = true;
    wf_codec_field_write(result_fields, 0, &from, &writer);
    wf_wire_open_map(&writer, "errors");
    for (size_t i = 0; i < result->errors_count; i++) {
        wf_wire_put_uint(&writer, weft_err_name(result->errors[i].err),
                         result->errors[i].count);
    }
    wf_wire_close_or_drop(&writer);
    wf_wire_end(&writer);
}

weft_err
wf_codec_stats_decode(const struct wf_wire_message *message,
                      struct wf_arena *memory, struct wf_codec_stats *out_stats)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, memory};

    *out_stats = (struct wf_codec_stats){0};
    return wf_codec_field_read_message(&how, stats_fields, message, "stats",
                                       out_stats);
}

void
wf_codec_stats_encode(const struct wf_codec_stats *stats, uint64_t number,
                      struct wf_buf *out_frame)
{
    wf_codec_field_write_message(stats_fields, 0, stats, "stats", number,
                                 out_frame);
}

weft_err
wf_codec_metrics_decode(const struct wf_wire_message *message,
                        struct wf_arena *memory,
                        struct wf_codec_metrics *out_metrics)
{
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, memory};

    *out_metrics = (struct wf_codec_metrics){0};
    return wf_codec_field_read_message(&how, metrics_fields, message, "ok",
                                       out_metrics);
}

void
wf_codec_metrics_encode(const struct wf_codec_metrics *metrics, uint64_t number,
                        struct wf_buf *out_frame)
{
    wf_codec_field_write_message(metrics_fields, 0, metrics, "ok", number,
                                 out_frame);
}
