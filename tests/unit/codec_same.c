// SPDX-License-Identifier: Apache-2.0
//
// codec_same.c - is what came out of a message what was put into it?

#include "codec_same.h"

#include "support/test.h"
#include "weft/operate.h"

struct wf_wire_message
rig_read(const struct wf_buf *frame)
{
    struct wf_wire_message message = {.number = 0};

    CHECK_OK(wf_wire_read(wf_buf_bytes(frame), &message));
    return message;
}

void
rig_same_value(const weft_attribute *got, const weft_attribute *given)
{
    CHECK_EQ(got->type, given->type);
    switch (given->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        CHECK_STR(got->value.text, given->value.text);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        CHECK(got->value.real == given->value.real);
        break;
    case WEFT_ATTRIBUTE_BOOL:
        CHECK_EQ(got->value.boolean, given->value.boolean);
        break;
    case WEFT_ATTRIBUTE_NONE:
        break;
    default:
        CHECK_EQ(got->value.time_ms, given->value.time_ms);
        break;
    }
}

void
rig_same_attributes(const weft_attribute *got, size_t got_count,
                    const weft_attribute *given, size_t given_count)
{
    CHECK_EQ(got_count, given_count);
    for (size_t i = 0; i < given_count; i++) {
        CHECK_STR(got[i].name, given[i].name);
        rig_same_value(&got[i], &given[i]);
    }
}

// Requests. -------------------------------------------------------------------

weft_err
rig_decode(const struct wf_buf *frame, struct wf_codec_request *out)
{
    struct wf_wire_message message = rig_read(frame);

    return wf_codec_request_decode(&message, out);
}

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

void
rig_same_request(const weft_request *got, const weft_request *given)
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
