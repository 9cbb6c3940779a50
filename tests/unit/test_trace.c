// SPDX-License-Identifier: Apache-2.0

#include "base/trace.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

struct lines {
    char text[2048];
    unsigned count;
};

static void
keep_line(void *ctx, enum wf_trace_level level, uint64_t now_ms,
          const char *who, const char *verb, const char *text)
{
    struct lines *lines = ctx;

    snprintf(lines->text, sizeof(lines->text), "%d [%llu] %s %s %s", (int)level,
             (unsigned long long)now_ms, who, verb, text);
    lines->count++;
}

TEST(trace, an_event_has_time_who_verb_and_text)
{
    struct lines lines = {.count = 0};
    struct wf_trace trace = {.emit = keep_line, .ctx = &lines};

    wf_trace_emit(&trace, WF_TRACE_NOTE, 10, "order/17", "recv", "%s", "pay");
    CHECK_STR(lines.text, "1 [10] order/17 recv pay");
}

TEST(trace, below_the_level_or_without_a_listener_nothing_happens)
{
    struct lines lines = {.count = 0};
    struct wf_trace trace = {keep_line, &lines, WF_TRACE_NOTE};
    struct wf_trace nobody = {.emit = NULL};

    wf_trace_emit(&trace, WF_TRACE_DETAIL, 1, "a", "b", "c");
    wf_trace_emit(&nobody, WF_TRACE_WARNING, 1, "a", "b", "c");
    CHECK_EQ(lines.count, 0);
    wf_trace_emit(&trace, WF_TRACE_WARNING, 1, "a", "b", "c");
    CHECK_EQ(lines.count, 1);
}

TEST(trace, text_is_cut_at_1000_characters)
{
    struct lines lines = {.count = 0};
    struct wf_trace trace = {.emit = keep_line, .ctx = &lines};

    wf_trace_emit(&trace, WF_TRACE_NOTE, 1, "a", "b", "%01500d", 7);
    CHECK_EQ(strlen(lines.text), strlen("1 [1] a b ") + 1000);
}
