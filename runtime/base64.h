// SPDX-License-Identifier: Apache-2.0
//
// base64.h - bytes as printable text, for tokens and cursors.
//
// The URL alphabet of RFC 4648, without padding: the text can be pasted into a
// path, a header or a shell unquoted. Exactly one text stands for given bytes.

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

#endif
