// SPDX-License-Identifier: Apache-2.0
//
// start.c - see start.h.

#include "runtime/start.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "runtime/attributes.h"
#include "runtime/definitions.h"
#include "runtime/pairs.h"

// Values are part of the stored format.
enum tag {
    TAG_REUSE = 1,   // V
    TAG_CONFLICT,    // V
    TAG_START_DELAY, // V ms
    TAG_EXECUTION,   // V ms
    TAG_RUN,         // V ms
    TAG_RETRY,       // as read_retry reads it
    TAG_VERSION,     // V
    TAG_HEADERS,     // pairs
    TAG_MEMO,        // pairs
    TAG_ATTRIBUTES,  // a set (attributes.h)
};

// Fractions are kept in thousandths.
#define COEFFICIENT_MAX 1000

static weft_err
check_policies(const weft_start_options *options)
{
    if (options->struct_size != sizeof(*options)) {
        return wf_error(WEFT_EINVAL,
                        "start options: start from WEFT_START_OPTIONS_INIT");
    }
    if (options->reuse != WEFT_REUSE_ALLOW &&
        options->reuse != WEFT_REUSE_AFTER_FAILURE &&
        options->reuse != WEFT_REUSE_REJECT) {
        return wf_error(WEFT_EINVAL,
                        "start options: reuse is %d, which is none",
                        (int)options->reuse);
    }
    if (options->conflict != WEFT_CONFLICT_FAIL &&
        options->conflict != WEFT_CONFLICT_USE_EXISTING &&
        options->conflict != WEFT_CONFLICT_TERMINATE_EXISTING) {
        return wf_error(WEFT_EINVAL,
                        "start options: conflict is %d, which is none",
                        (int)options->conflict);
    }
    if (options->attributes == NULL && options->attributes_count > 0) {
        return wf_error(WEFT_EINVAL,
                        "start options: attributes_count is %zu, and there are "
                        "no attributes",
                        options->attributes_count);
    }
    return WEFT_OK;
}

static bool
is_retried(const weft_retry_policy *retry)
{
    return retry->initial_interval_ms != 0 || retry->coefficient != 0 ||
           retry->maximum_interval_ms != 0 || retry->maximum_attempts != 0 ||
           retry->total_ms != 0 || retry->jitter != 0 ||
           retry->non_retryable != NULL;
}

uint64_t
wf_start_after(uint64_t at_ms, uint64_t ms)
{
    return ms > UINT64_MAX - 1 - at_ms ? UINT64_MAX - 1 : at_ms + ms;
}

uint64_t
wf_start_deadline(uint64_t at_ms, uint64_t timeout_ms)
{
    return timeout_ms == 0 ? 0 : wf_start_after(at_ms, timeout_ms);
}

static void
put_number(struct wf_buf *out, enum tag tag, uint64_t number)
{
    if (number != 0) {
        size_t opened;

        wf_buf_put_varint(out, (uint64_t)tag);
        opened = wf_buf_open(out);
        wf_buf_put_varint(out, number);
        wf_buf_close(out, opened);
    }
}

static uint64_t
timeout_of(uint64_t ms)
{
    return ms == WEFT_FOREVER ? 0 : ms;
}

static weft_err
put_retry(struct wf_buf *out, const weft_retry_policy *given)
{
    weft_retry_policy retry = *given;
    size_t opened;
    weft_err err = wf_retry_policy_normalise("start options, retry", &retry);

    if (err != WEFT_OK) {
        return err;
    }
    if (retry.coefficient > COEFFICIENT_MAX) {
        return wf_error(WEFT_EINVAL,
                        "start options, retry: coefficient is over %d",
                        COEFFICIENT_MAX);
    }
    wf_buf_put_varint(out, TAG_RETRY);
    opened = wf_buf_open(out);
    wf_buf_put_varint(out, retry.initial_interval_ms);
    wf_buf_put_varint(out, (uint64_t)(retry.coefficient * 1000 + 0.5));
    wf_buf_put_varint(out, retry.maximum_interval_ms);
    wf_buf_put_varint(out, retry.maximum_attempts);
    wf_buf_put_varint(out, timeout_of(retry.total_ms));
    wf_buf_put_varint(out, (uint64_t)(retry.jitter * 1000 + 0.5));
    for (const char *const *name = retry.non_retryable;
         name != NULL && *name != NULL; name++) {
        wf_buf_put_text(out, *name);
    }
    wf_buf_close(out, opened);
    return WEFT_OK;
}

static weft_err
put_pairs(struct wf_buf *out, enum tag tag, const weft_pair *pairs,
          size_t count)
{
    bool is_memo = tag == TAG_MEMO;
    struct wf_buf value = {0};
    weft_err err = wf_pairs_encode(
        is_memo ? "memo" : "headers", pairs, count,
        is_memo ? WF_MEMO_BYTES_MAX : WF_HEADERS_BYTES_MAX, &value);

    if (err == WEFT_OK && count > 0) {
        wf_buf_put_varint(out, (uint64_t)tag);
        wf_buf_put_bytes(out, wf_buf_bytes(&value));
    }
    wf_buf_fini(&value);
    return err;
}

weft_err
wf_start_encode(const weft_start_options *options, struct wf_buf *out_bytes)
{
    weft_err err;

    if (options == NULL) {
        return WEFT_OK;
    }
    err = check_policies(options);
    if (err != WEFT_OK) {
        return err;
    }
    put_number(out_bytes, TAG_REUSE, (uint64_t)options->reuse);
    put_number(out_bytes, TAG_CONFLICT, (uint64_t)options->conflict);
    put_number(out_bytes, TAG_START_DELAY, options->start_delay_ms);
    put_number(out_bytes, TAG_EXECUTION,
               timeout_of(options->execution_timeout_ms));
    put_number(out_bytes, TAG_RUN, timeout_of(options->run_timeout_ms));
    if (is_retried(&options->retry)) {
        err = put_retry(out_bytes, &options->retry);
    }
    put_number(out_bytes, TAG_VERSION, options->version);
    if (err == WEFT_OK) {
        err =
            put_pairs(out_bytes, TAG_MEMO, options->memo, options->memo_count);
    }
    if (err == WEFT_OK) {
        err = put_pairs(out_bytes, TAG_HEADERS, options->headers,
                        options->headers_count);
    }
    return err;
}

weft_err
wf_start_of_request(const weft_request *request, struct wf_buf *out_bytes)
{
    return request->verb == WEFT_VERB_SIGNAL || request->verb == WEFT_VERB_ASK
               ? put_pairs(out_bytes, TAG_HEADERS, request->headers,
                           request->headers_count)
               : wf_start_encode(request->start, out_bytes);
}

// Reading. ------------------------------------------------------------------

static void
read_retry(struct wf_reader *reader, struct wf_start *start)
{
    weft_retry_policy *retry = &start->retry.retry;

    retry->initial_interval_ms = wf_reader_varint(reader);
    retry->coefficient = (double)wf_reader_varint(reader) / 1000.0;
    retry->maximum_interval_ms = wf_reader_varint(reader);
    retry->maximum_attempts = (uint32_t)wf_reader_varint(reader);
    retry->total_ms = wf_reader_varint(reader);
    retry->jitter = (double)wf_reader_varint(reader) / 1000.0;
    start->has_retry = true;
    start->retry.non_retryable = wf_reader_rest(reader);
}

// tidy: long, one case per tag
static bool
read_option(uint64_t tag, struct wf_reader *value, struct wf_start *start)
{
    switch (tag) {
    case TAG_REUSE:
        start->reuse = (weft_reuse)wf_reader_varint(value);
        break;
    case TAG_CONFLICT:
        start->conflict = (weft_conflict)wf_reader_varint(value);
        break;
    case TAG_START_DELAY:
        start->start_delay_ms = wf_reader_varint(value);
        break;
    case TAG_EXECUTION:
        start->execution_timeout_ms = wf_reader_varint(value);
        break;
    case TAG_RUN:
        start->run_timeout_ms = wf_reader_varint(value);
        break;
    case TAG_RETRY:
        read_retry(value, start);
        break;
    case TAG_VERSION:
        start->version = (uint32_t)wf_reader_varint(value);
        break;
    case TAG_MEMO:
        start->memo = wf_reader_rest(value);
        return wf_pairs_check(start->memo);
    case TAG_HEADERS:
        start->headers = wf_reader_rest(value);
        return wf_pairs_check(start->headers);
    case TAG_ATTRIBUTES:
        start->attributes = wf_reader_rest(value);
        return wf_attributes_is_set(start->attributes);
    default:
        return false;
    }
    return !value->failed && wf_reader_left(value) == 0;
}

uint64_t
wf_start_first_deadline(weft_bytes options, uint64_t begins_at_ms,
                        uint64_t run_begins_at_ms)
{
    struct wf_start start;
    uint64_t all;
    uint64_t run;

    if (options.len == 0 || !wf_start_decode(options, &start)) {
        return 0;
    }
    all = wf_start_deadline(begins_at_ms, start.execution_timeout_ms);
    run = wf_start_deadline(run_begins_at_ms, start.run_timeout_ms);
    return all == 0 || (run != 0 && run < all) ? run : all;
}

// The next option with its tag, as bytes. False: there are no more.
static bool
next_option(struct wf_reader *reader, uint64_t *out_tag, weft_bytes *out_bytes)
{
    const uint8_t *from = reader->at;

    if (wf_reader_left(reader) == 0) {
        return false;
    }
    *out_tag = wf_reader_varint(reader);
    (void)wf_reader_bytes(reader);
    *out_bytes = weft_bytes_of(from, (size_t)(reader->at - from));
    return !reader->failed;
}

weft_bytes
wf_start_headers(weft_bytes options)
{
    struct wf_reader reader = wf_reader_of(options);
    weft_bytes bytes;
    uint64_t tag;

    while (next_option(&reader, &tag, &bytes)) {
        if (tag == TAG_HEADERS) {
            return bytes;
        }
    }
    return weft_nothing();
}

// All options but that one.
static void
put_others(weft_bytes options, enum tag without, struct wf_buf *out_bytes)
{
    struct wf_reader reader = wf_reader_of(options);
    weft_bytes bytes;
    uint64_t tag;

    while (next_option(&reader, &tag, &bytes)) {
        if (tag != without) {
            wf_buf_put(out_bytes, bytes.data, bytes.len);
        }
    }
}

static void
put_value(struct wf_buf *out_bytes, enum tag tag, weft_bytes value)
{
    if (value.len > 0) {
        wf_buf_put_varint(out_bytes, (uint64_t)tag);
        wf_buf_put_bytes(out_bytes, value);
    }
}

void
wf_start_put_headers(weft_bytes pairs, struct wf_buf *out_bytes)
{
    put_value(out_bytes, TAG_HEADERS, pairs);
}

void
wf_start_put_memo(weft_bytes options, weft_bytes memo, struct wf_buf *out_bytes)
{
    put_others(options, TAG_MEMO, out_bytes);
    put_value(out_bytes, TAG_MEMO, memo);
}

void
wf_start_split(weft_bytes options, struct wf_buf *out_options)
{
    put_others(options, TAG_ATTRIBUTES, out_options);
}

// Those of the parent, with those of the start in place of any of their names.
static weft_err
put_headers(struct wf_buf *out_bytes, weft_bytes inherited,
            const weft_pair *headers, size_t count)
{
    struct wf_start parent = {0};
    struct wf_buf all = {0};
    weft_err err = WEFT_OK;

    (void)wf_start_decode(inherited, &parent);
    wf_buf_put(&all, parent.headers.data, parent.headers.len);
    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        struct wf_buf next = {0};

        err = wf_pairs_set("headers", wf_buf_bytes(&all), headers[i].name,
                           headers[i].value, WF_HEADERS_BYTES_MAX, &next);
        wf_buf_fini(&all);
        all = next;
    }
    if (err == WEFT_OK) {
        put_value(out_bytes, TAG_HEADERS, wf_buf_bytes(&all));
    }
    wf_buf_fini(&all);
    return err;
}

weft_err
wf_start_of_child(const weft_start_options *options, weft_bytes inherited,
                  struct wf_buf *out_bytes)
{
    weft_bytes attributes = weft_nothing();
    struct wf_buf own = {0};
    weft_err err;

    if (options == NULL) {
        wf_buf_put(out_bytes, inherited.data, inherited.len);
        return WEFT_OK;
    }
    err = wf_start_encode(options, &own);
    if (err == WEFT_OK) {
        err = wf_start_attributes(options, &attributes);
    }
    if (err == WEFT_OK) {
        put_others(wf_buf_bytes(&own), TAG_HEADERS, out_bytes);
        put_value(out_bytes, TAG_ATTRIBUTES, attributes);
        err = put_headers(out_bytes, inherited, options->headers,
                          options->headers_count);
    }
    wf_free((void *)(uintptr_t)attributes.data);
    wf_buf_fini(&own);
    return err;
}

bool
wf_start_may_reuse(const struct wf_start *start, weft_status ended)
{
    return start->reuse == WEFT_REUSE_ALLOW ||
           (start->reuse == WEFT_REUSE_AFTER_FAILURE &&
            ended != WEFT_STATUS_COMPLETED);
}

weft_bytes
wf_start_header(weft_bytes options, const char *name)
{
    struct wf_start start;

    return wf_start_decode(options, &start)
               ? weft_pairs_get(start.headers, name)
               : weft_nothing();
}

bool
wf_start_decode(weft_bytes bytes, struct wf_start *out_start)
{
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_start start = {0};

    while (wf_reader_left(&reader) > 0) {
        uint64_t tag = wf_reader_varint(&reader);
        struct wf_reader value = wf_reader_of(wf_reader_bytes(&reader));

        if (reader.failed || !read_option(tag, &value, &start)) {
            return false;
        }
    }
    *out_start = start;
    return true;
}

weft_err
wf_start_attributes(const weft_start_options *options, weft_bytes *out_set)
{
    struct wf_buf set = {0};
    weft_err err = wf_attributes_change(&set, options->attributes,
                                        options->attributes_count);

    if (err == WEFT_OK) {
        *out_set = wf_buf_bytes(&set);
    }
    return err;
}

static uint32_t
version_of(weft_bytes options)
{
    struct wf_start start;

    return options.len > 0 && wf_start_decode(options, &start) ? start.version
                                                               : 0;
}

bool
wf_start_is_pinned(weft_bytes options)
{
    return version_of(options) != 0;
}

const struct wf_kind *
wf_start_kind(const struct wf_kind *kind, weft_bytes options)
{
    uint32_t version = version_of(options);

    return version == 0 ? wf_kind_current(kind)
                        : wf_kind_version(kind, version);
}
