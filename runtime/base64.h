// SPDX-License-Identifier: Apache-2.0
//
// base64.h - bytes as printable text, for tokens and cursors.
//
// The URL alphabet of RFC 4648, without padding: the text can be pasted into a
// path, a header or a shell unquoted. For people and other programs there is
// the usual one, with + and / for - and _, and padded, as base64(1) has it.
// In each exactly one text stands for given bytes.

#ifndef WF_RUNTIME_BASE64_H
#define WF_RUNTIME_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

// Characters that len bytes take, without a final NUL.
static inline size_t
wf_base64_chars(size_t len)
{
    return len / 3 * 4 + (len % 3 == 0 ? 0 : len % 3 + 1);
}

// Write the characters and a NUL: wf_base64_chars(bytes.len) + 1 bytes.
void wf_base64_encode(weft_bytes bytes, char *out_text);

// Append what the text stands for. False if malformed; then *out is as it was.
bool wf_base64_decode(const char *text, size_t text_len, struct wf_buf *out);

// The same three, padded.
static inline size_t
wf_base64_padded_chars(size_t len)
{
    return (len + 2) / 3 * 4;
}
void wf_base64_encode_padded(weft_bytes bytes, char *out_text);
bool wf_base64_decode_padded(const char *text, size_t text_len,
                             struct wf_buf *out);

#endif
