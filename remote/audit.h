// SPDX-License-Identifier: Apache-2.0
//
// audit.h - what is to be known later about who did what: a line of JSON for
// each event.
//
// Threads: none; everything is the caller's.

#ifndef WF_REMOTE_AUDIT_H
#define WF_REMOTE_AUDIT_H

#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

// Strings that are NULL are left out.
struct wf_audit {
    const char *event; // "refused", "hello", "denied", "revoked", "reload", ...
    const char *principal;
    const char *key;     // public
    const char *address; // where it comes from
    const char *label;   // what it says of itself
    const char *name_space;
    const char *verb;
    const char *kind;
    const char *id;
    const char *who; // of `by`
    const char *why;
    const char *result; // "WEFT_OK" or the error
    const char *text;   // the error's, for people
};

// Append the line, without its end: {"time_ms": ..., "event": ..., ...}.
void wf_audit_encode(const struct wf_audit *audit, uint64_t time_ms,
                     struct wf_buf *out_line);

#endif
