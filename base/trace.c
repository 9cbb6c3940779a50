// SPDX-License-Identifier: Apache-2.0
//
// trace.c - format an event's text, if somebody listens.
//
// Threads: any; emit must allow what its users do.

#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_BYTES = 1001 };

void
wf_trace_emit(const struct wf_trace *trace, enum wf_trace_level level,
              uint64_t now_ms, const char *who, const char *verb,
              const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;

    if (trace->emit == NULL || level < trace->level) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    trace->emit(trace->ctx, level, now_ms, who, verb, text);
}
