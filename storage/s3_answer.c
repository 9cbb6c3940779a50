// SPDX-License-Identifier: Apache-2.0
//
// s3_answer.c - errors and lists of S3.
//
// Threads: any.

#include "storage/s3_answer.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

// Where `text` is in it; NULL: nowhere.
static const uint8_t *
find(weft_bytes in, const char *text)
{
    size_t len = strlen(text);
    const uint8_t *data = in.data;

    for (size_t i = 0; i + len <= in.len; i++) {
        if (memcmp(data + i, text, len) == 0) {
            return data + i;
        }
    }
    return NULL;
}

// What is between <name> and </name>, the first one; `in` goes on behind it.
static bool
take(weft_bytes *in, const char *name, weft_bytes *out_text)
{
    const uint8_t *end = (const uint8_t *)in->data + in->len;
    char opens[40];
    char closes[40];
    const uint8_t *text;
    const uint8_t *behind;

    (void)snprintf(opens, sizeof(opens), "<%s>", name);
    (void)snprintf(closes, sizeof(closes), "</%s>", name);
    text = find(*in, opens);
    if (text == NULL) {
        return false;
    }
    text += strlen(opens);
    behind = find(weft_bytes_of(text, (size_t)(end - text)), closes);
    if (behind == NULL) {
        return false;
    }
    *out_text = weft_bytes_of(text, (size_t)(behind - text));
    behind += strlen(closes);
    *in = weft_bytes_of(behind, (size_t)(end - behind));
    return true;
}

static bool
get(weft_bytes in, const char *name, weft_bytes *out_text)
{
    return take(&in, name, out_text);
}

// Errors. ---------------------------------------------------------------------

// Others wrote it, and it is going to be in a log.
static void
copy_text(weft_bytes text, char *out, size_t size)
{
    const uint8_t *data = text.data;
    size_t len = text.len < size ? text.len : size - 1;

    for (size_t i = 0; i < len; i++) {
        out[i] = data[i] < ' ' || data[i] > '~' ? '?' : (char)data[i];
    }
    out[len] = '\0';
}

bool
wf_s3_answer_error(weft_bytes body, struct wf_s3_error *out_error)
{
    weft_bytes error;
    weft_bytes text;

    *out_error = (struct wf_s3_error){0};
    if (!get(body, "Error", &error)) {
        return false;
    }
    if (get(error, "Code", &text)) {
        copy_text(text, out_error->code, sizeof(out_error->code));
    }
    if (get(error, "Message", &text)) {
        copy_text(text, out_error->message, sizeof(out_error->message));
    }
    return true;
}

// Time. -----------------------------------------------------------------------

// Of the Gregorian calendar, since 1970; year from 1970 on.
static uint64_t
days_before(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint32_t before[] = {0,   31,  59,  90,  120, 151,
                                      181, 212, 243, 273, 304, 334};
    uint32_t y = month > 2 ? year : year - 1; // leap days that have been

    return 365U * (year - 1970U) + (y / 4 - y / 100 + y / 400) -
           (1969U / 4 - 1969U / 100 + 1969U / 400) + before[month - 1] + day -
           1;
}

bool
wf_s3_answer_time(weft_bytes text, uint64_t *out_ms)
{
    char copy[40] = "";
    uint32_t day[3];
    uint32_t of_day[3];
    int len = 0;

    if (text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    if (sscanf(copy, "%4u-%2u-%2uT%2u:%2u:%2u%n", &day[0], &day[1], &day[2],
               &of_day[0], &of_day[1], &of_day[2], &len) != 6 ||
        day[0] < 1970 || day[1] < 1 || day[1] > 12 || day[2] < 1 ||
        day[2] > 31 || of_day[0] > 23 || of_day[1] > 59 || of_day[2] > 60) {
        return false;
    }
    if (copy[len] == '.') {
        len += 1 + (int)strspn(copy + len + 1, "0123456789");
    }
    *out_ms = 1000 * (86400 * days_before(day[0], day[1], day[2]) +
                      3600ULL * of_day[0] + 60ULL * of_day[1] + of_day[2]);
    return strcmp(copy + len, "Z") == 0;
}

// Lists. ----------------------------------------------------------------------

static weft_err
no_list(void)
{
    return wf_error(WEFT_EIO, "S3: the list is no list");
}

static bool
is_text(weft_bytes text, const char *other)
{
    return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}

// A token as it was before it became XML.
static bool
put_plain(weft_bytes text, struct wf_buf *out)
{
    static const char *const entities[][2] = {{"&amp;", "&"},
                                              {"&lt;", "<"},
                                              {"&gt;", ">"},
                                              {"&quot;", "\""},
                                              {"&apos;", "'"}};
    const uint8_t *data = text.data;
    size_t at = 0;

    while (at < text.len) {
        size_t len = 1;
        const void *plain = data + at;

        for (size_t i = 0; data[at] == '&' && len == 1 &&
                           i < sizeof(entities) / sizeof(entities[0]);
             i++) {
            size_t size = strlen(entities[i][0]);

            if (size <= text.len - at &&
                memcmp(data + at, entities[i][0], size) == 0) {
                len = size;
                plain = entities[i][1];
            }
        }
        if (data[at] == '&' && len == 1) {
            return false;
        }
        wf_buf_put(out, plain, 1);
        at += len;
    }
    return true;
}

weft_err
wf_s3_answer_list(weft_bytes body, wf_s3_answer_list_fn *fn, void *ctx,
                  struct wf_buf *out_next)
{
    weft_bytes rest = body;
    weft_bytes item;
    weft_bytes text;

    if (!get(body, "IsTruncated", &text)) {
        return no_list();
    }
    if (is_text(text, "true") &&
        (!get(body, "NextContinuationToken", &text) || text.len == 0 ||
         !put_plain(text, out_next))) {
        return no_list();
    }
    while (take(&rest, "Contents", &item)) {
        weft_bytes key;
        uint64_t modified_ms;

        if (!get(item, "Key", &key) || !get(item, "LastModified", &text) ||
            !wf_s3_answer_time(text, &modified_ms)) {
            return no_list();
        }
        fn(ctx, key, modified_ms);
    }
    return WEFT_OK;
}
