// SPDX-License-Identifier: Apache-2.0
//
// bytes.c - growing buffers and checked readers.
//
// A buffer doubles, so that appending costs constant time on average. A reader
// takes every length from outside as a claim: it is compared with what is left
// before anything is done with it, and never added to a pointer first.
//
// Threads: none of its own; one buffer or reader, one thread.

#include "base/bytes.h"

#include <endian.h>

#include "base/alloc.h"
#include "base/assert.h"

enum {
    BUF_CAP_MIN = 256, // most records and letters fit
};

void
wf_buf_init(struct wf_buf *buf)
{
    *buf = (struct wf_buf){0};
}

void
wf_buf_release(struct wf_buf *buf)
{
    wf_free(buf->data);
    wf_buf_init(buf);
}

void
wf_buf_reset(struct wf_buf *buf)
{
    buf->len = 0;
}

void
wf_buf_recycle(struct wf_buf *buf, size_t keep_bytes)
{
    if (buf->cap > keep_bytes) {
        wf_buf_fini(buf);
    }
    buf->len = 0;
}

// The capacity that `more` bytes need.
static size_t
cap_for(const struct wf_buf *buf, size_t more)
{
    size_t cap = buf->cap < BUF_CAP_MIN ? BUF_CAP_MIN : buf->cap;

    WF_ASSERT(more <= SIZE_MAX / 2 - buf->len);
    while (cap < buf->len + more) {
        cap *= 2;
    }
    return cap;
}

void
wf_buf_grow(struct wf_buf *buf, size_t more)
{
    size_t cap = cap_for(buf, more);

    buf->data = buf->cap == 0 ? wf_alloc(cap) : wf_realloc(buf->data, cap);
    buf->cap = cap;
}

bool
wf_buf_try_reserve(struct wf_buf *buf, size_t more)
{
    size_t cap;
    uint8_t *data;

    if (more <= buf->cap - buf->len) {
        return true;
    }
    cap = cap_for(buf, more);
    data = wf_try_alloc(cap);
    if (data == NULL) {
        return false;
    }
    if (buf->len > 0) {
        memcpy(data, buf->data, buf->len);
    }
    wf_free(buf->data);
    buf->data = data;
    buf->cap = cap;
    return true;
}

void
wf_buf_truncate(struct wf_buf *buf, size_t len)
{
    WF_ASSERT(len <= buf->len);
    buf->len = len;
}

void
wf_buf_put_u16(struct wf_buf *buf, uint16_t value)
{
    value = htobe16(value);
    wf_buf_put(buf, &value, sizeof(value));
}

void
wf_buf_put_u32(struct wf_buf *buf, uint32_t value)
{
    value = htobe32(value);
    wf_buf_put(buf, &value, sizeof(value));
}

void
wf_buf_put_u64(struct wf_buf *buf, uint64_t value)
{
    value = htobe64(value);
    wf_buf_put(buf, &value, sizeof(value));
}

size_t
wf_varint_encode(uint64_t value, uint8_t out_bytes[WF_VARINT_BYTES_MAX])
{
    size_t len = 0;

    while (value >= 0x80) {
        out_bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out_bytes[len++] = (uint8_t)value;
    return len;
}

void
wf_buf_put_long_varint(struct wf_buf *buf, uint64_t value)
{
    wf_buf_reserve(buf, WF_VARINT_BYTES_MAX);
    buf->len += wf_varint_encode(value, buf->data + buf->len);
}

void
wf_buf_put_bytes(struct wf_buf *buf, weft_bytes bytes)
{
    wf_buf_reserve(buf, WF_VARINT_BYTES_MAX + bytes.len);
    buf->len += wf_varint_encode(bytes.len, buf->data + buf->len);
    wf_buf_put(buf, bytes.data, bytes.len);
}

size_t
wf_buf_open(struct wf_buf *buf)
{
    wf_buf_put_u8(buf, 0); // the length, if it is short
    return buf->len;
}

void
wf_buf_close(struct wf_buf *buf, size_t opened)
{
    uint8_t head[WF_VARINT_BYTES_MAX];
    size_t len = buf->len - opened;
    size_t more = wf_varint_encode(len, head) - 1;

    if (more > 0) {
        wf_buf_reserve(buf, more);
        memmove(buf->data + opened + more, buf->data + opened, len);
        buf->len += more;
    }
    memcpy(buf->data + opened - 1, head, more + 1);
}

void
wf_buf_put_text(struct wf_buf *buf, const char *text)
{
    wf_buf_put_bytes(buf, weft_text(text));
}

uint8_t
wf_reader_fail(struct wf_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end; // so that nothing more is found
    return 0;
}

weft_bytes
wf_reader_take(struct wf_reader *reader, size_t len)
{
    const uint8_t *at = reader->at;

    if (reader->failed || len > wf_reader_left(reader)) {
        (void)wf_reader_fail(reader);
        return weft_nothing();
    }
    reader->at += len;
    return weft_bytes_of(at, len);
}

// A number of so many bytes, which are not changed if there are fewer.
static void
read_number(struct wf_reader *reader, void *out_number, size_t width)
{
    weft_bytes bytes = wf_reader_take(reader, width);

    if (bytes.data != NULL) {
        memcpy(out_number, bytes.data, width);
    }
}

uint16_t
wf_reader_u16(struct wf_reader *reader)
{
    uint16_t value = 0;

    read_number(reader, &value, sizeof(value));
    return be16toh(value);
}

uint32_t
wf_reader_u32(struct wf_reader *reader)
{
    uint32_t value = 0;

    read_number(reader, &value, sizeof(value));
    return be32toh(value);
}

uint64_t
wf_reader_u64(struct wf_reader *reader)
{
    uint64_t value = 0;

    read_number(reader, &value, sizeof(value));
    return be64toh(value);
}

uint64_t
wf_reader_long_varint(struct wf_reader *reader)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < WF_VARINT_BYTES_MAX; i++) {
        uint8_t byte = wf_reader_u8(reader);

        // Nine bytes hold 63 bits: of the tenth only the lowest may be set.
        if (i == WF_VARINT_BYTES_MAX - 1 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            // One value, one form: bytes that are hashed or compared must not
            // have two. A failed reader gave 0.
            if (byte == 0 && i > 0) {
                break;
            }
            return value;
        }
    }
    return wf_reader_fail(reader);
}

weft_bytes
wf_reader_bytes(struct wf_reader *reader)
{
    uint64_t len = wf_reader_varint(reader);

    if (len > wf_reader_left(reader)) {
        (void)wf_reader_fail(reader);
        return weft_nothing();
    }
    return wf_reader_take(reader, (size_t)len);
}

weft_bytes
wf_reader_rest(struct wf_reader *reader)
{
    return wf_reader_take(reader, wf_reader_left(reader));
}

int
wf_bytes_compare(weft_bytes a, weft_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

weft_bytes
wf_bytes_copy(weft_bytes bytes)
{
    return weft_bytes_of(wf_memdup(bytes.data, bytes.len), bytes.len);
}
