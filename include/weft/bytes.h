// SPDX-License-Identifier: Apache-2.0
//
// bytes.h - a payload: a pointer and a length, borrowed.
//
// Weft never looks into a payload. payload.h packs and reads msgpack in them;
// any other encoding works as well.

#ifndef WEFT_BYTES_H
#define WEFT_BYTES_H

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// Somebody else's memory. Each function says until when it may be read. An
// empty payload has len 0; its data may then be NULL.
typedef struct weft_bytes {
    const void *data;
    size_t len;
} weft_bytes;

// No payload at all.
static inline weft_bytes
weft_nothing(void)
{
    weft_bytes bytes = {NULL, 0};
    return bytes;
}

static inline weft_bytes
weft_bytes_of(const void *data, size_t len)
{
    weft_bytes bytes = {data, len};
    return bytes;
}

// The characters of a C string, without the final NUL.
static inline weft_bytes
weft_text(const char *text)
{
    weft_bytes bytes = {text, strlen(text)};
    return bytes;
}

#ifdef __cplusplus
}
#endif

#endif
