// SPDX-License-Identifier: Apache-2.0
//
// metrics.h - numbers of a moment, as weft/metrics.h shows them: how they are
// put together.
//
// Threads: one at a time.

#ifndef WF_RUNTIME_METRICS_H
#define WF_RUNTIME_METRICS_H

#include "base/bytes.h"
#include "base/counter.h"
#include "weft/metrics.h"

// A name, with what is the same for all its numbers. Borrowed, for ever.
struct wf_metric_family {
    const char *name; // without "weft_", and for counters without "_total"
    const char *help;
    weft_metric_type type;
    const char *labels[2]; // NULL: no more
    double unit;           // of histograms: the bound of the first bucket
    double scale;          // of histograms: what one of the sum is worth
};

// A histogram that was read, and may be the sum of several.
struct wf_metric_buckets {
    uint64_t counts[WF_HISTOGRAM_BUCKETS];
    uint64_t sum;
};

void wf_metric_buckets_add(struct wf_metric_buckets *buckets,
                           const struct wf_histogram *histogram);

struct wf_metric_sample {
    const struct wf_metric_family *family;
    char *values[2]; // of the labels; NULL: no more
    double value;
    struct wf_metric_buckets buckets;
};

struct weft_metrics {
    struct wf_metric_sample *samples;
    size_t count;
    size_t cap;
    struct wf_buf text; // empty until it was asked for
};

weft_metrics *wf_metrics_create(void);

// Add a number; of one family one after another. The label values are copied;
// NULL if the family has no such label.
void wf_metrics_put(weft_metrics *metrics,
                    const struct wf_metric_family *family, const char *first,
                    const char *second, double value);
void wf_metrics_put_buckets(weft_metrics *metrics,
                            const struct wf_metric_family *family,
                            const char *first,
                            const struct wf_metric_buckets *buckets);

// metrics_text.c: append all in Prometheus's text format.
void wf_metrics_write_text(const weft_metrics *metrics, struct wf_buf *out);

#endif
