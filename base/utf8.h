// SPDX-License-Identifier: Apache-2.0
//
// utf8.h - characters of text that comes from outside.

#ifndef WF_BASE_UTF8_H
#define WF_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

// The seldom half of what is in line below.
size_t wf_utf8_long_len(const uint8_t *at, size_t left);

// How many bytes the character at the front has; 0: it is none, is cut short,
// or is written in more bytes than it needs. left is at least 1.
static inline size_t
wf_utf8_len(const uint8_t *at, size_t left)
{
    return at[0] < 0x80 ? 1 : wf_utf8_long_len(at, left);
}

#endif
