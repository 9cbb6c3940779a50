// SPDX-License-Identifier: Apache-2.0
//
// utf8.h - characters of text that comes from outside.

#ifndef WF_BASE_UTF8_H
#define WF_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

// How many bytes the character at the front has; 0: it is none, is cut short,
// or is written in more bytes than it needs. left is at least 1.
size_t wf_utf8_len(const uint8_t *at, size_t left);

#endif
