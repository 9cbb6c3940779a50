// SPDX-License-Identifier: Apache-2.0
//
// metrics.c - numbers of a moment, kept and shown.
//
// Threads: one at a time.

#include "runtime/metrics.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"

#define NAME_BYTES 128

weft_metrics *
wf_metrics_create(void)
{
    return wf_calloc(sizeof(weft_metrics));
}

void
weft_metrics_free(weft_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < metrics->count; i++) {
        wf_free(metrics->samples[i].values[0]);
        wf_free(metrics->samples[i].values[1]);
    }
    wf_buf_fini(&metrics->text);
    wf_free(metrics->samples);
    wf_free(metrics);
}

void
wf_metric_buckets_add(struct wf_metric_buckets *buckets,
                      const struct wf_histogram *histogram)
{
    for (size_t i = 0; i < WF_HISTOGRAM_BUCKETS; i++) {
        buckets->counts[i] += wf_counter_read(&histogram->counts[i]);
    }
    buckets->sum += wf_counter_read(&histogram->sum);
}

static struct wf_metric_sample *
add_sample(weft_metrics *metrics, const struct wf_metric_family *family,
           const char *first, const char *second)
{
    struct wf_metric_sample *sample;

    if (metrics->count == metrics->cap) {
        metrics->cap = metrics->cap == 0 ? 64 : metrics->cap * 2;
        metrics->samples = wf_realloc(metrics->samples,
                                      metrics->cap * sizeof(*metrics->samples));
    }
    sample = &metrics->samples[metrics->count++];
    *sample = (struct wf_metric_sample){.family = family};
    sample->values[0] = first == NULL ? NULL : wf_strdup(first);
    sample->values[1] = second == NULL ? NULL : wf_strdup(second);
    return sample;
}

void
wf_metrics_put(weft_metrics *metrics, const struct wf_metric_family *family,
               const char *first, const char *second, double value)
{
    add_sample(metrics, family, first, second)->value = value;
}

void
wf_metrics_put_buckets(weft_metrics *metrics,
                       const struct wf_metric_family *family, const char *first,
                       const struct wf_metric_buckets *buckets)
{
    add_sample(metrics, family, first, NULL)->buckets = *buckets;
}

static void
show_buckets(const struct wf_metric_sample *sample, weft_metric *metric,
             double bounds[WF_HISTOGRAM_BUCKETS])
{
    const struct wf_metric_family *family = sample->family;
    double bound = family->unit;

    for (size_t i = 0; i < WF_HISTOGRAM_BUCKETS; i++) {
        bounds[i] = i + 1 < WF_HISTOGRAM_BUCKETS ? bound : (double)INFINITY;
        bound *= 2;
        metric->count += sample->buckets.counts[i];
    }
    metric->bounds = bounds;
    metric->counts = sample->buckets.counts;
    metric->buckets_count = WF_HISTOGRAM_BUCKETS;
    metric->sum = (double)sample->buckets.sum * family->scale;
}

weft_err
weft_metrics_each(const weft_metrics *metrics, weft_metric_fn *fn, void *ctx)
{
    double bounds[WF_HISTOGRAM_BUCKETS];
    char name[NAME_BYTES];

    wf_error_clear();
    WF_REQUIRE(metrics != NULL);
    WF_REQUIRE(fn != NULL);
    for (size_t i = 0; i < metrics->count; i++) {
        const struct wf_metric_sample *sample = &metrics->samples[i];
        const struct wf_metric_family *family = sample->family;
        weft_metric metric = {
            .name = name,
            .help = family->help,
            .type = family->type,
            .label_names = {family->labels[0], family->labels[1]},
            .label_values = {sample->values[0], sample->values[1]},
            .value = sample->value,
        };

        (void)snprintf(name, sizeof(name), "weft_%s%s", family->name,
                       family->type == WEFT_METRIC_COUNTER ? "_total" : "");
        if (family->type == WEFT_METRIC_HISTOGRAM) {
            show_buckets(sample, &metric, bounds);
        }
        if (fn(ctx, &metric) != 0) {
            break;
        }
    }
    return WEFT_OK;
}

weft_err
weft_metrics_text(weft_metrics *metrics, const char **out_text, size_t *out_len)
{
    wf_error_clear();
    WF_REQUIRE(metrics != NULL);
    WF_REQUIRE(out_text != NULL);
    if (metrics->text.len == 0) {
        wf_metrics_write_text(metrics, &metrics->text);
        wf_buf_put_u8(&metrics->text, '\0');
    }
    *out_text = (const char *)metrics->text.data;
    if (out_len != NULL) {
        *out_len = metrics->text.len - 1;
    }
    return WEFT_OK;
}
