// SPDX-License-Identifier: Apache-2.0
//
// base64.c - three bytes are four characters, most significant bits first.
//
// One or two bytes at the end are two or three characters; the bits that are
// then left over must be zero, so that a token cannot be written in two ways.

#include "runtime/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz"
                               "0123456789-_";

void
wf_base64_encode(weft_bytes bytes, char *out_text)
{
    const uint8_t *data = bytes.data;
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | data[i];
        count += 8;
        while (count >= 6) {
            count -= 6;
            *out_text++ = alphabet[bits >> count & 63];
        }
    }
    if (count > 0) {
        *out_text++ = alphabet[bits << (6 - count) & 63];
    }
    *out_text = '\0';
}

// 0 to 63, or 64 if c is not of the alphabet.
static uint32_t
value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : 64;
}

bool
wf_base64_decode(const char *text, size_t text_len, struct wf_buf *out)
{
    size_t len_before = out->len;
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < text_len; i++) {
        uint32_t value = value_of(text[i]);

        if (value > 63) {
            goto malformed;
        }
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            wf_buf_put_u8(out, (uint8_t)(bits >> count));
        }
    }
    // Six bits left over are a character that says nothing.
    if (count == 6 || (bits & ((1U << count) - 1)) != 0) {
        goto malformed;
    }
    return true;

malformed:
    wf_buf_truncate(out, len_before);
    return false;
}
