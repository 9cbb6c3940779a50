// SPDX-License-Identifier: Apache-2.0
//
// bytes.h - owned, growing bytes (wf_buf) and checked reading (wf_reader).
//
// Integers of fixed width are big-endian, so that keys sort by value. Varints
// are LEB128, at most 10 bytes. A reader never reads past its end: once
// something is missing or malformed it is failed, stays failed, and every
// further read gives zero, so that callers check once, at the end.

#ifndef WF_BASE_BYTES_H
#define WF_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "weft/bytes.h"

struct wf_buf {
    uint8_t *data; // NULL while cap is 0
    size_t len;
    size_t cap;
};

// All zero is an empty wf_buf too.
void wf_buf_init(struct wf_buf *buf);
void wf_buf_reset(struct wf_buf *buf); // len 0, memory kept
// The same, but a buffer that has grown larger than that gives its memory back:
// for buffers that live long.
void wf_buf_recycle(struct wf_buf *buf, size_t keep_bytes);
// wf_buf_reserve where `more` comes from outside. False: there is no memory,
// and the buffer is as it was.
bool wf_buf_try_reserve(struct wf_buf *buf, size_t more);
void wf_buf_truncate(struct wf_buf *buf, size_t len); // len <= buf->len

// The seldom halves of what is in line below.
void wf_buf_release(struct wf_buf *buf);
void wf_buf_grow(struct wf_buf *buf, size_t more);
void wf_buf_put_long_varint(struct wf_buf *buf, uint64_t value);

#define WF_VARINT_BYTES_MAX 10

// Write a varint. Returns how many bytes it takes.
size_t wf_varint_encode(uint64_t value, uint8_t out_bytes[WF_VARINT_BYTES_MAX]);

// Leaves it empty and usable.
static inline void
wf_buf_fini(struct wf_buf *buf)
{
    if (buf->data != NULL) {
        wf_buf_release(buf);
    }
}

static inline void
wf_buf_reserve(struct wf_buf *buf, size_t more)
{
    if (more > buf->cap - buf->len) {
        wf_buf_grow(buf, more);
    }
}

static inline void
wf_buf_put(struct wf_buf *buf, const void *bytes, size_t len)
{
    if (len == 0) {
        return; // bytes may be NULL then, which memcpy must not see
    }
    wf_buf_reserve(buf, len);
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
}

static inline void
wf_buf_put_u8(struct wf_buf *buf, uint8_t value)
{
    wf_buf_reserve(buf, 1);
    buf->data[buf->len++] = value;
}

static inline void
wf_buf_put_varint(struct wf_buf *buf, uint64_t value)
{
    if (value < 0x80) {
        wf_buf_put_u8(buf, (uint8_t)value);
    } else {
        wf_buf_put_long_varint(buf, value);
    }
}

void wf_buf_put_u16(struct wf_buf *buf, uint16_t value);
void wf_buf_put_u32(struct wf_buf *buf, uint32_t value);
void wf_buf_put_u64(struct wf_buf *buf, uint64_t value);
void wf_buf_put_bytes(struct wf_buf *buf, weft_bytes bytes); // varint, bytes
void wf_buf_put_text(struct wf_buf *buf, const char *text);  // the same

// The same, of what is put between open and close. These may be nested.
size_t wf_buf_open(struct wf_buf *buf);
void wf_buf_close(struct wf_buf *buf, size_t opened);

static inline weft_bytes
wf_buf_bytes(const struct wf_buf *buf)
{
    return weft_bytes_of(buf->data, buf->len);
}

struct wf_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

// Never NULL, so that pointer arithmetic on an empty reader is defined.
static inline struct wf_reader
wf_reader_of(weft_bytes bytes)
{
    const uint8_t *at = bytes.data != NULL ? bytes.data : (const uint8_t *)"";

    return (struct wf_reader){.at = at, .end = at + bytes.len};
}

// The seldom halves of what is in line below. Both fail it, or may.
uint8_t wf_reader_fail(struct wf_reader *reader);
uint64_t wf_reader_long_varint(struct wf_reader *reader);

static inline uint8_t
wf_reader_u8(struct wf_reader *reader)
{
    return reader->at < reader->end ? *reader->at++ : wf_reader_fail(reader);
}

static inline uint64_t
wf_reader_varint(struct wf_reader *reader)
{
    return reader->at < reader->end && *reader->at < 0x80
               ? *reader->at++
               : wf_reader_long_varint(reader);
}

uint16_t wf_reader_u16(struct wf_reader *reader);
uint32_t wf_reader_u32(struct wf_reader *reader);
uint64_t wf_reader_u64(struct wf_reader *reader);
// Borrowed from what is read; empty when failed.
weft_bytes wf_reader_bytes(struct wf_reader *reader); // varint, bytes
weft_bytes wf_reader_take(struct wf_reader *reader, size_t len);
weft_bytes wf_reader_rest(struct wf_reader *reader); // takes all that is left

static inline size_t
wf_reader_left(const struct wf_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline bool
wf_bytes_equal(weft_bytes a, weft_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Is it this text? Most that it is compared with begin otherwise.
static inline bool
wf_bytes_are(weft_bytes bytes, const char *text)
{
    return bytes.len == 0 ? text[0] == '\0'
                          : *(const char *)bytes.data == text[0] &&
                                wf_bytes_equal(bytes, weft_text(text));
}

int wf_bytes_compare(weft_bytes a, weft_bytes b); // memcmp order, then length
weft_bytes wf_bytes_copy(weft_bytes bytes);       // release .data with wf_free

#endif
