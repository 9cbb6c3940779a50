// SPDX-License-Identifier: Apache-2.0
//
// note.c - what the core tells the log: who, verb, text. An actor is named as
// kind/id, with its namespace in front if that is not "default".

#include <stdarg.h>
#include <stdio.h>

#include "runtime/partition_impl.h"

__attribute__((format(printf, 5, 0))) static void
emit(const struct wf_partition *partition, enum wf_trace_level level,
     const struct wf_key *who, const char *verb, const char *format,
     va_list args)
{
    const struct wf_trace *trace = partition->options.trace;
    char name[WF_KEY_BYTES_MAX];
    char text[1001];

    if (trace == NULL || trace->emit == NULL || trace->level > level) {
        return;
    }
    (void)vsnprintf(text, sizeof(text), format, args);
    wf_trace_emit(trace, level, partition->now_ms,
                  who == NULL ? partition->who
                              : wf_key_show(who, name, sizeof(name)),
                  verb, "%s", text);
}

void
wf_note(const struct wf_partition *partition, const struct wf_key *who,
        const char *verb, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    emit(partition, WF_TRACE_DETAIL, who, verb, format, args);
    va_end(args);
}

void
wf_warn(const struct wf_partition *partition, const struct wf_key *who,
        const char *verb, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    emit(partition, WF_TRACE_WARNING, who, verb, format, args);
    va_end(args);
}
