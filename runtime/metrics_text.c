// SPDX-License-Identifier: Apache-2.0
//
// metrics_text.c - numbers in Prometheus's text format, version 0.0.4.
//
//     # HELP weft_turns_total Messages that were handled.
//     # TYPE weft_turns_total counter
//     weft_turns_total{kind="order"} 17
//
// A histogram's buckets count all that is up to their bound, so those below
// too; with the bound "+Inf" come all. In label values backslash, quote and
// newline are escaped; the sentences of HELP are ours and have none.
//
// Threads: any.

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/metrics.h"

struct writer {
    struct wf_buf *out;
    char seen[128]; // the name that was last written
};

static void
put(struct wf_buf *out, const char *text)
{
    wf_buf_put(out, text, strlen(text));
}

static void
put_number(struct wf_buf *out, double number)
{
    char text[40];

    if (isinf(number)) {
        (void)snprintf(text, sizeof(text), "+Inf");
    } else if (number >= 1 && number <= 0x1p53 &&
               (double)(uint64_t)number >= number) {
        (void)snprintf(text, sizeof(text), "%.0f", number); // a count
    } else {
        (void)snprintf(text, sizeof(text), "%.15g", number);
    }
    put(out, text);
}

static void
put_escaped(struct wf_buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            put(out, "\\n");
        } else {
            if (*value == '\\' || *value == '"') {
                wf_buf_put_u8(out, '\\');
            }
            wf_buf_put_u8(out, (uint8_t)*value);
        }
    }
}

static void
put_label(struct wf_buf *out, bool is_first, const char *name,
          const char *value)
{
    put(out, is_first ? "{" : ",");
    put(out, name);
    put(out, "=\"");
    put_escaped(out, value);
    put(out, "\"");
}

// "name{labels}", with the bound of a bucket among them if it is one.
static void
put_name(struct wf_buf *out, const weft_metric *metric, const char *suffix,
         const double *bound)
{
    bool is_first = true;

    put(out, metric->name);
    put(out, suffix);
    for (size_t i = 0; i < 2 && metric->label_names[i] != NULL; i++) {
        put_label(out, is_first, metric->label_names[i],
                  metric->label_values[i]);
        is_first = false;
    }
    if (bound != NULL) {
        put(out, is_first ? "{le=\"" : ",le=\"");
        put_number(out, *bound);
        put(out, "\"");
        is_first = false;
    }
    put(out, is_first ? " " : "} ");
}

static void
put_line(struct wf_buf *out, double value)
{
    put_number(out, value);
    put(out, "\n");
}

static void
put_histogram(struct wf_buf *out, const weft_metric *metric)
{
    uint64_t below = 0;

    for (size_t i = 0; i < metric->buckets_count; i++) {
        below += metric->counts[i];
        put_name(out, metric, "_bucket", &metric->bounds[i]);
        put_line(out, (double)below);
    }
    put_name(out, metric, "_sum", NULL);
    put_line(out, metric->sum);
    put_name(out, metric, "_count", NULL);
    put_line(out, (double)metric->count);
}

static void
put_head(struct wf_buf *out, const weft_metric *metric)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    put(out, "# HELP ");
    put(out, metric->name);
    put(out, " ");
    put(out, metric->help);
    put(out, "\n# TYPE ");
    put(out, metric->name);
    put(out, " ");
    put(out, types[metric->type]);
    put(out, "\n");
}

static int
write_metric(void *ctx, const weft_metric *metric)
{
    struct writer *writer = ctx;

    if (strcmp(writer->seen, metric->name) != 0) {
        (void)snprintf(writer->seen, sizeof(writer->seen), "%s", metric->name);
        put_head(writer->out, metric);
    }
    if (metric->type == WEFT_METRIC_HISTOGRAM) {
        put_histogram(writer->out, metric);
    } else {
        put_name(writer->out, metric, "", NULL);
        put_line(writer->out, metric->value);
    }
    return 0;
}

void
wf_metrics_write_text(const weft_metrics *metrics, struct wf_buf *out)
{
    struct writer writer = {.out = out};

    (void)weft_metrics_each(metrics, write_metric, &writer);
}
