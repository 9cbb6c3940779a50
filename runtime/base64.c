// SPDX-License-Identifier: Apache-2.0
//
// base64.c - three bytes are four characters, most significant bits first.
//
// One or two bytes at the end are two or three characters; the bits that are
// then left over must be zero, so that a token cannot be written in two ways.

#include "runtime/base64.h"

#include <stdint.h>
#include <string.h>

#define LETTERS_AND_DIGITS                                                     \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                               \
    "abcdefghijklmnopqrstuvwxyz"                                               \
    "0123456789"

static const char for_urls[] = LETTERS_AND_DIGITS "-_";
static const char usual[] = LETTERS_AND_DIGITS "+/";

// Returns where the text ends; there is no NUL.
static char *
encode(const char *alphabet, weft_bytes bytes, char *out_text)
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
    return out_text;
}

void
wf_base64_encode(weft_bytes bytes, char *out_text)
{
    *encode(for_urls, bytes, out_text) = '\0';
}

void
wf_base64_encode_padded(weft_bytes bytes, char *out_text)
{
    char *end = encode(usual, bytes, out_text);

    while ((end - out_text) % 4 != 0) {
        *end++ = '=';
    }
    *end = '\0';
}

// 0 to 63, or 64 if c is not of the alphabet.
static uint32_t
value_of(const char *alphabet, char c)
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
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : 64;
}

static bool
decode(const char *alphabet, const char *text, size_t text_len,
       struct wf_buf *out)
{
    size_t len_before = out->len;
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < text_len; i++) {
        uint32_t value = value_of(alphabet, text[i]);

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

bool
wf_base64_decode(const char *text, size_t text_len, struct wf_buf *out)
{
    return decode(for_urls, text, text_len, out);
}

bool
wf_base64_decode_padded(const char *text, size_t text_len, struct wf_buf *out)
{
    size_t len = text_len;

    while (len > 0 && len + 2 > text_len && text[len - 1] == '=') {
        len--;
    }
    return text_len % 4 == 0 && decode(usual, text, len, out);
}
