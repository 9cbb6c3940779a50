// SPDX-License-Identifier: Apache-2.0
//
// trace.h - what happens, one line an event: who, verb, details.
//
// The same lines are the log in production, what story tests compare, and the
// timeline for people: "[10] order/17  recv    pay". A trace with no function
// costs one comparison.

#ifndef WF_BASE_TRACE_H
#define WF_BASE_TRACE_H

#include <stdint.h>

enum wf_trace_level { WF_TRACE_DETAIL, WF_TRACE_NOTE, WF_TRACE_WARNING };

struct wf_trace {
    // who and verb are short; text may be empty. Borrowed for the call.
    void (*emit)(void *ctx, enum wf_trace_level level, uint64_t now_ms,
                 const char *who, const char *verb, const char *text);
    void *ctx;
    enum wf_trace_level level; // below this nothing is formatted
};

// Formats only if somebody listens. At most 1,000 characters of text.
void wf_trace_emit(const struct wf_trace *trace, enum wf_trace_level level,
                   uint64_t now_ms, const char *who, const char *verb,
                   const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
