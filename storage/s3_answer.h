// SPDX-License-Identifier: Apache-2.0
//
// s3_answer.h - what S3 says, which is XML: errors, and pages of lists.
//
// Only the few elements that are asked for are looked at; they have no
// attributes, and are not nested in others of their name.
//
// Threads: any.

#ifndef WF_STORAGE_S3_ANSWER_H
#define WF_STORAGE_S3_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

struct wf_s3_error {
    char code[64]; // "NoSuchKey"; "" if it does not say
    char message[256];
};

// False: it is no error.
bool wf_s3_answer_error(weft_bytes body, struct wf_s3_error *out_error);

// Of an object: milliseconds since 1970 when it was made, or made anew.
typedef void wf_s3_answer_list_fn(void *ctx, weft_bytes key,
                                  uint64_t modified_ms);

// Of ListObjectsV2. out_next: the token to go on with, appended; nothing at the
// end.
//
// WEFT_EIO   it is no such page; fn may have been called
weft_err wf_s3_answer_list(weft_bytes body, wf_s3_answer_list_fn *fn, void *ctx,
                           struct wf_buf *out_next);

// "2009-10-12T17:50:30.000Z", with or without a fraction.
bool wf_s3_answer_time(weft_bytes text, uint64_t *out_ms);

#endif
