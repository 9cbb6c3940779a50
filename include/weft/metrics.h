// SPDX-License-Identifier: Apache-2.0
//
// metrics.h - what a node counts and measures, for programs and for Prometheus.
//
// Counters begin at 0 when the node opens. Names are those of the table below,
// after "weft_", as Prometheus wants them; {labels} in braces. A kind's counts
// are of all its versions. What is zero is shown too, but for requests.
//
//   instances_started_total{kind}, _completed_, _failed_, _cancelled_,
//   _terminated_, _restarted_ (runs), _parked_
//   turns_total{kind}             messages tried, failed ones and dead ones too
//   turns_failed_total{kind}      of these: the handler failed
//   turn_seconds{kind}            histogram: a turn, with a replay before it
//   signals_total{kind}  timers_fired_total{kind}  replays_total{kind}
//   timer_lateness_seconds        histogram: fired so long after it was due
//   activity_attempts_total{activity}         handed to workers
//   activity_attempts_failed_total, activity_timeouts_total (of these),
//   activity_attempts_lost_total{activity}
//   activities_completed_total, activities_failed_total{activity}
//   activity_schedule_to_start_seconds{activity}   histogram, attempts that ran
//   activity_run_seconds{activity}                 histogram: in the function
//   activity_queue, activity_running{activity}     gauges: tasks now
//   requests_total{verb,error}    answers of partitions: a list or a count is
//                                 one for each partition that it visits
//   commits_total, log_bytes_total, beacons_total{store}   a sync each, but
//                                 for bytes
//   commit_seconds, commit_bytes, commit_segments{store}   histograms
//   loads_total  evictions_total  dead_letters_total  mailbox_spills_total
//   actors_resident  stacks_resident  actors_parked   gauges
//   cluster_partitions, cluster_lease_seconds, cluster_log_durability{level}
//                                 gauges, of a node of a cluster (cluster.h)
//   cluster_takes_total, cluster_losses_total   partitions that came and went
//   cluster_warm_takes_total      of those that came, read ahead before
//   cluster_copies, cluster_copy_lag   gauges: warm copies here, and commits
//                                 that the one furthest behind has not read
//   cluster_partitions_stopped    gauge: partitions here whose log lost what it
//                                 had acknowledged; be 0
//   audit_failures                gauge: actors that nothing would wake; be 0
//
// Buckets of histograms have the bounds u, 2u, 4u ... 2^26 u and infinity, u
// being 1 microsecond for seconds (so up to 67 s), 64 for bytes, else 1.

#ifndef WEFT_METRICS_H
#define WEFT_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"
#include "weft/node.h"

#ifdef __cplusplus
extern "C" {
#endif

// Numbers of a node as of about one moment.
//
// Life:     weft_node_metrics -> (each, text) ... -> free. It outlives the
//           node, and may be used by one thread at a time.
typedef struct weft_metrics weft_metrics;

// Take them. Any thread; takes no lock that a turn or a commit waits for.
// Counts are read as they are; the gauges of actors are asked of the shards,
// each of which answers between two turns.
//
// WEFT_EINVAL  called from a handler or a workflow, which it would wait for
WEFT_API weft_err weft_node_metrics(weft_node *node,
                                    weft_metrics **out_metrics);
WEFT_API void weft_metrics_free(weft_metrics *metrics); // NULL is allowed

typedef enum weft_metric_type {
    WEFT_METRIC_COUNTER,
    WEFT_METRIC_GAUGE,
    WEFT_METRIC_HISTOGRAM
} weft_metric_type;

// One number, or one histogram. Borrowed for the call that shows it.
typedef struct weft_metric {
    const char *name; // "weft_turns_total"
    const char *help; // a sentence
    weft_metric_type type;
    const char *label_names[2]; // NULL: no more
    const char *label_values[2];
    double value;           // of counters and gauges
    const double *bounds;   // of histograms: bucket i has values up to this,
    const uint64_t *counts; // and above the one before; the last bound is
    size_t buckets_count;   // infinity
    uint64_t count;         // of all buckets
    double sum;             // of the values
} weft_metric;

// Return 0 to go on.
typedef int weft_metric_fn(void *ctx, const weft_metric *metric);

// Call fn for each; those of one name one after another.
WEFT_API weft_err weft_metrics_each(const weft_metrics *metrics,
                                    weft_metric_fn *fn, void *ctx);

// All of it in Prometheus's text format, version 0.0.4 ("text/plain;
// version=0.0.4"), ending with NUL. Borrowed until the metrics are freed.
// out_len may be NULL.
WEFT_API weft_err weft_metrics_text(weft_metrics *metrics,
                                    const char **out_text, size_t *out_len);

#ifdef __cplusplus
}
#endif

#endif
