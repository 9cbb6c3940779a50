// SPDX-License-Identifier: Apache-2.0
//
// utf8.c - see utf8.h.

#include "base/utf8.h"

size_t
wf_utf8_long_len(const uint8_t *at, size_t left)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0xc0   ? 0
                 : at[0] < 0xe0 ? 2
                 : at[0] < 0xf0 ? 3
                 : at[0] < 0xf8 ? 4
                                : 0;
    uint32_t code;

    if (len == 0 || len > left) {
        return 0;
    }
    code = at[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fU);
    }
    return code < least[len] || code > 0x10ffff ||
                   (code >= 0xd800 && code < 0xe000)
               ? 0
               : len;
}
