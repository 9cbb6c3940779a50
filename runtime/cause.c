// SPDX-License-Identifier: Apache-2.0
//
// cause.c - see cause.h.

#include "runtime/cause.h"

#include <string.h>

// A text is cut between characters.
static void
put_text(struct wf_buf *out, const char *text, size_t bytes_max)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len > bytes_max) {
        len = bytes_max;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    wf_buf_put_varint(out, len + 1);
    wf_buf_put(out, text, len);
    wf_buf_put_u8(out, 0);
}

static void
put_level(struct wf_buf *out, const weft_failure *failure)
{
    bool is_large = failure->details.len > WF_CAUSE_DETAILS_MAX;

    put_text(out, failure->source, WF_CAUSE_TEXT_MAX);
    put_text(out, failure->name, WF_CAUSE_TEXT_MAX);
    put_text(out, failure->message, WF_CAUSE_TEXT_MAX);
    wf_buf_put_bytes(out, is_large ? weft_nothing() : failure->details);
}

void
wf_cause_put(struct wf_buf *out, const weft_failure *failure)
{
    const weft_failure *last = failure;
    size_t count = 0;

    while (last->cause != NULL) {
        last = last->cause;
    }
    while (failure != last && count + 1 < WF_CAUSES_MAX) {
        put_level(out, failure);
        failure = failure->cause;
        count++;
    }
    put_level(out, last);
}

void
wf_cause_put_source(struct wf_buf *out, const struct wf_key *key)
{
    wf_buf_put(out, wf_key_kind(key), strlen(wf_key_kind(key)));
    wf_buf_put_u8(out, '/');
    wf_buf_put(out, wf_key_id(key), strlen(wf_key_id(key)));
}

static bool
read_text(struct wf_reader *reader, const char **out_text)
{
    weft_bytes text = wf_reader_bytes(reader);

    if (reader->failed || text.len == 0 ||
        ((const char *)text.data)[text.len - 1] != '\0') {
        return false;
    }
    *out_text = text.data;
    return true;
}

static bool
read_level(struct wf_reader *reader, weft_failure *out_failure)
{
    weft_failure failure = {0};

    if (wf_reader_left(reader) == 0 || !read_text(reader, &failure.source) ||
        !read_text(reader, &failure.name) ||
        !read_text(reader, &failure.message)) {
        return false;
    }
    failure.details = wf_reader_bytes(reader);
    *out_failure = failure;
    return !reader->failed;
}

size_t
wf_cause_count(weft_bytes causes)
{
    struct wf_reader reader = wf_reader_of(causes);
    weft_failure failure;
    size_t count = 0;

    while (count < WF_CAUSES_MAX && read_level(&reader, &failure)) {
        count++;
    }
    return count;
}

const weft_failure *
wf_cause_show(weft_bytes causes, weft_failure *room)
{
    struct wf_reader reader = wf_reader_of(causes);
    size_t count = 0;

    while (count < WF_CAUSES_MAX && read_level(&reader, &room[count])) {
        if (count > 0) {
            room[count - 1].cause = &room[count];
        }
        count++;
    }
    return count == 0 ? NULL : room;
}
