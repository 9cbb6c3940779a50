// SPDX-License-Identifier: Apache-2.0
//
// node_metrics.c - what a node has counted, gathered from its parts.
//
// Counts of shards and stores are read as they are, while those go on; only
// what is in memory now is asked of the shards, as weft_node_get_stats does.
//
// Threads: the caller's.

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/inside.h"
#include "runtime/metrics.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/request.h"
#include "runtime/shard.h"
#include "runtime/tally.h"
#include "runtime/workers.h"

// Families. -----------------------------------------------------------------

#define COUNTER(name_, help_, ...)                                             \
    {                                                                          \
        .name = (name_), .help = (help_), .type = WEFT_METRIC_COUNTER,         \
        .labels = {__VA_ARGS__},                                               \
    }
#define GAUGE(name_, help_, ...)                                               \
    {                                                                          \
        .name = (name_), .help = (help_), .type = WEFT_METRIC_GAUGE,           \
        .labels = {__VA_ARGS__},                                               \
    }
#define HISTOGRAM(name_, help_, unit_, scale_, ...)                            \
    {                                                                          \
        .name = (name_), .help = (help_), .type = WEFT_METRIC_HISTOGRAM,       \
        .labels = {__VA_ARGS__}, .unit = (unit_), .scale = (scale_),           \
    }
#define SECONDS(name_, help_, ...)                                             \
    HISTOGRAM(name_, help_, 1e-6, 1e-9, __VA_ARGS__)

static const struct wf_metric_family kind_families[] = {
#define X(name_, metric, help_) COUNTER(metric, help_, "kind", NULL),
    WF_KIND_COUNT_TABLE(X)
#undef X
};
static const struct wf_metric_family activity_families[] = {
#define X(name_, metric, help_) COUNTER(metric, help_, "activity", NULL),
    WF_ACTIVITY_COUNT_TABLE(X)
#undef X
};
static const struct wf_metric_family turn_seconds =
    SECONDS("turn_seconds", "How long turns took.", "kind", NULL);
static const struct wf_metric_family waited_seconds =
    SECONDS("activity_schedule_to_start_seconds",
            "How long attempts waited for a worker.", "activity", NULL);
static const struct wf_metric_family ran_seconds =
    SECONDS("activity_run_seconds", "How long attempts ran.", "activity", NULL);
static const struct wf_metric_family queue = GAUGE(
    "activity_queue", "Attempts that wait for a worker.", "activity", NULL);
static const struct wf_metric_family running =
    GAUGE("activity_running", "Attempts that run.", "activity", NULL);
static const struct wf_metric_family late_seconds =
    SECONDS("timer_lateness_seconds",
            "How long after they were due timers fired.", NULL, NULL);
static const struct wf_metric_family requests =
    COUNTER("requests", "Answers to clients, by what was asked and said.",
            "verb", "error");
static const struct wf_metric_family commits =
    COUNTER("commits", "Commits made durable.", "store", NULL);
static const struct wf_metric_family log_bytes =
    COUNTER("log_bytes", "Bytes of log written.", "store", NULL);
static const struct wf_metric_family beacons =
    COUNTER("beacons", "Beacons written and synced.", "store", NULL);
static const struct wf_metric_family commit_seconds =
    SECONDS("commit_seconds", "How long commits took.", "store", NULL);
static const struct wf_metric_family commit_bytes =
    HISTOGRAM("commit_bytes", "Bytes of commits, log and rows.",
              WF_DEPOT_COMMIT_BYTES, 1, "store", NULL);
static const struct wf_metric_family commit_segments =
    HISTOGRAM("commit_segments", "Partitions in commits.",
              WF_DEPOT_COMMIT_SEGMENTS, 1, "store", NULL);

// Kinds and activities. -----------------------------------------------------

// Where a number is in the tally of each shard.
typedef const wf_counter *pick_counter(const struct wf_tally *tally,
                                       uint32_t index, uint32_t what);
typedef const struct wf_histogram *pick_histogram(const struct wf_tally *tally,
                                                  uint32_t index);

static const wf_counter *
of_kind(const struct wf_tally *tally, uint32_t index, uint32_t what)
{
    return &tally->kinds[index].counts[what];
}

static const wf_counter *
of_activity(const struct wf_tally *tally, uint32_t index, uint32_t what)
{
    return &tally->activities[index].counts[what];
}

static const wf_counter *
of_request(const struct wf_tally *tally, uint32_t index, uint32_t what)
{
    return &tally->requests[index][what];
}

static const struct wf_histogram *
turns_of(const struct wf_tally *tally, uint32_t index)
{
    return &tally->kinds[index].turn_ns;
}

static const struct wf_histogram *
waits_of(const struct wf_tally *tally, uint32_t index)
{
    return &tally->activities[index].waited_ns;
}

static const struct wf_histogram *
runs_of(const struct wf_tally *tally, uint32_t index)
{
    return &tally->activities[index].ran_ns;
}

static const struct wf_histogram *
lateness(const struct wf_tally *tally, uint32_t index)
{
    (void)index;
    return &tally->timer_late_ns;
}

static double
sum_counters(const weft_node *node, pick_counter *pick, uint32_t index,
             uint32_t what)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        sum +=
            wf_counter_read(pick(wf_shard_tally(node->shards[i]), index, what));
    }
    return (double)sum;
}

static void
put_histogram(weft_metrics *metrics, const weft_node *node,
              const struct wf_metric_family *family, const char *label,
              pick_histogram *pick, uint32_t index)
{
    struct wf_metric_buckets buckets = {0};

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        wf_metric_buckets_add(&buckets,
                              pick(wf_shard_tally(node->shards[i]), index));
    }
    wf_metrics_put_buckets(metrics, family, label, &buckets);
}

static void
put_kinds(weft_metrics *metrics, const weft_node *node)
{
    const weft_definitions *definitions = node->options.definitions;
    uint32_t count = wf_definitions_kinds_count(definitions);

    for (uint32_t what = 0; what < WF_KIND_COUNTS; what++) {
        for (uint32_t i = 0; i < count; i++) {
            wf_metrics_put(metrics, &kind_families[what],
                           wf_definitions_kind_at(definitions, i)->name, NULL,
                           sum_counters(node, of_kind, i, what));
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        put_histogram(metrics, node, &turn_seconds,
                      wf_definitions_kind_at(definitions, i)->name, turns_of,
                      i);
    }
    put_histogram(metrics, node, &late_seconds, NULL, lateness, 0);
}

static void
put_activity_depths(weft_metrics *metrics, weft_node *node)
{
    const weft_definitions *definitions = node->options.definitions;
    uint32_t count = wf_definitions_activities_count(definitions);

    for (int is_running = 0; is_running < 2; is_running++) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t depths[2];

            wf_workers_depth(node->workers, i, &depths[0], &depths[1]);
            wf_metrics_put(metrics, is_running ? &running : &queue,
                           wf_definitions_activity_at(definitions, i)->name,
                           NULL, (double)depths[is_running]);
        }
    }
}

static void
put_activities(weft_metrics *metrics, const weft_node *node)
{
    const weft_definitions *definitions = node->options.definitions;
    uint32_t count = wf_definitions_activities_count(definitions);

    for (uint32_t what = 0; what < WF_ACTIVITY_COUNTS; what++) {
        for (uint32_t i = 0; i < count; i++) {
            wf_metrics_put(metrics, &activity_families[what],
                           wf_definitions_activity_at(definitions, i)->name,
                           NULL, sum_counters(node, of_activity, i, what));
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        put_histogram(metrics, node, &waited_seconds,
                      wf_definitions_activity_at(definitions, i)->name,
                      waits_of, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        put_histogram(metrics, node, &ran_seconds,
                      wf_definitions_activity_at(definitions, i)->name, runs_of,
                      i);
    }
}

// Clients. ------------------------------------------------------------------

static void
put_request(weft_metrics *metrics, uint32_t verb, uint32_t err, double count)
{
    const char *name = wf_request_verb_name((weft_verb)verb);
    char number[16];

    (void)snprintf(number, sizeof(number), "verb_%u", verb);
    wf_metrics_put(metrics, &requests, name == NULL ? number : name,
                   weft_err_name((weft_err)err), count);
}

static void
put_requests(weft_metrics *metrics, const weft_node *node)
{
    for (uint32_t verb = 0; verb < WF_TALLY_VERBS; verb++) {
        for (uint32_t err = 0; err < WF_TALLY_ERRS; err++) {
            double count = sum_counters(node, of_request, verb, err);

            if (count > 0) {
                put_request(metrics, verb, err, count);
            }
        }
    }
}

// Stores. -------------------------------------------------------------------

static void
put_store_counts(weft_metrics *metrics, const weft_node *node,
                 const struct wf_metric_family *family)
{
    for (uint32_t i = 0; i < node->options.store_count; i++) {
        const struct wf_depot *depot = &node->depots[i];
        uint64_t value = wf_counter_read(&depot->beacons);

        if (family == &commits) {
            value = atomic_load(&depot->commits);
        } else if (family == &log_bytes) {
            value = wf_counter_read(&depot->written_bytes);
        }
        wf_metrics_put(metrics, family, depot->name, NULL, (double)value);
    }
}

static void
put_store_histogram(weft_metrics *metrics, const weft_node *node,
                    const struct wf_metric_family *family)
{
    for (uint32_t i = 0; i < node->options.store_count; i++) {
        const struct wf_depot *depot = &node->depots[i];
        struct wf_metric_buckets buckets = {0};

        wf_metric_buckets_add(
            &buckets, family == &commit_seconds ? &depot->commit_ns
                      : family == &commit_bytes ? &depot->commit_bytes
                                                : &depot->commit_segments);
        wf_metrics_put_buckets(metrics, family, depot->name, &buckets);
    }
}

// The node. -----------------------------------------------------------------

static void
put_node_counts(weft_metrics *metrics, const weft_node *node)
{
    static const struct wf_metric_family families[] = {
        COUNTER("loads", "Reads of stores that actors waited for.", NULL, NULL),
        COUNTER("evictions", "Idle actors that left memory.", NULL, NULL),
        COUNTER("dead_letters", "Messages that nobody took.", NULL, NULL),
        COUNTER("mailbox_spills",
                "Messages of long mailboxes that went to rows.", NULL, NULL),
    };
    uint64_t sums[4] = {0};

    for (uint32_t i = 0; i < node->options.shard_count; i++) {
        const struct wf_tally *tally = wf_shard_tally(node->shards[i]);

        sums[0] += wf_counter_read(&tally->loads);
        sums[1] += wf_counter_read(&tally->evictions);
        sums[2] += wf_counter_read(&tally->dead_letters);
        sums[3] += wf_counter_read(&tally->spills);
    }
    for (size_t i = 0; i < 4; i++) {
        wf_metrics_put(metrics, &families[i], NULL, NULL, (double)sums[i]);
    }
}

static void
put_node_gauges(weft_metrics *metrics, weft_node *node)
{
    static const struct wf_metric_family families[] = {
        GAUGE("actors_resident", "Actors in memory.", NULL, NULL),
        GAUGE("stacks_resident", "Workflows with a stack.", NULL, NULL),
        GAUGE("actors_parked", "Actors parked since the node was opened.", NULL,
              NULL),
        GAUGE("audit_failures", "Actors that nothing would wake.", NULL, NULL),
        GAUGE("memory_bytes", "Allocated by weft in this process.", NULL, NULL),
        GAUGE("memory_bytes_max", "Intake stops above.", NULL, NULL),
    };
    struct wf_partition_stats stats = {0};
    uint64_t values[6];

    wf_node_ask_shards(node, &stats);
    values[0] = stats.actors_resident;
    values[1] = stats.stacks_resident;
    values[2] = stats.actors_parked;
    values[3] = stats.audit_failures;
    values[4] = wf_alloc_bytes();
    values[5] = node->options.memory_bytes;
    for (size_t i = 0; i < 6; i++) {
        wf_metrics_put(metrics, &families[i], NULL, NULL, (double)values[i]);
    }
}

// Of a node of a cluster.
static void
put_cluster(weft_metrics *metrics, weft_node *node)
{
    static const struct wf_metric_family here =
        GAUGE("cluster_partitions", "Partitions that run here.", NULL, NULL);
    static const struct wf_metric_family lease =
        GAUGE("cluster_lease_seconds", "Left of the lease; 0: it is over.",
              NULL, NULL);
    static const struct wf_metric_family takes =
        COUNTER("cluster_takes", "Partitions taken.", NULL, NULL);
    static const struct wf_metric_family warm_takes =
        COUNTER("cluster_warm_takes",
                "Of those, of which little was left to be read.", NULL, NULL);
    static const struct wf_metric_family losses =
        COUNTER("cluster_losses", "Partitions given away or lost.", NULL, NULL);
    static const struct wf_metric_family stopped =
        GAUGE("cluster_partitions_stopped",
              "Partitions whose log has gone back; be 0.", NULL, NULL);
    const struct wf_node_cluster *cluster = &node->seams.cluster;
    uint64_t until_ns = atomic_load(&node->lease_until_ns);
    uint64_t now_ns = node->clock.mono_ns(node->clock.self);
    uint32_t count = 0;
    uint32_t stopped_count = 0;

    for (uint32_t i = 0; i < node->options.partition_count; i++) {
        count += wf_node_is_here(node, i);
        stopped_count += atomic_load(&node->depots[i].is_stopped);
    }
    wf_metrics_put(metrics, &here, NULL, NULL, count);
    wf_metrics_put(metrics, &lease, NULL, NULL,
                   until_ns > now_ns ? (double)(until_ns - now_ns) / 1e9 : 0);
    wf_metrics_put(metrics, &takes, NULL, NULL,
                   (double)atomic_load(&node->takes));
    wf_metrics_put(metrics, &warm_takes, NULL, NULL,
                   (double)atomic_load(&node->warm_takes));
    wf_metrics_put(metrics, &losses, NULL, NULL,
                   (double)atomic_load(&node->losses));
    wf_metrics_put(metrics, &stopped, NULL, NULL, stopped_count);
    if (cluster->metrics != NULL) {
        cluster->metrics(cluster->ctx, metrics);
    }
}

weft_err
weft_node_metrics(weft_node *node, weft_metrics **out_metrics)
{
    weft_metrics *metrics;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    WF_REQUIRE(out_metrics != NULL);
    err = wf_inside_check("weft_node_metrics");
    if (err != WEFT_OK) {
        return err;
    }
    metrics = wf_metrics_create();
    put_kinds(metrics, node);
    put_activities(metrics, node);
    put_activity_depths(metrics, node);
    put_requests(metrics, node);
    put_store_counts(metrics, node, &commits);
    put_store_counts(metrics, node, &log_bytes);
    put_store_counts(metrics, node, &beacons);
    put_store_histogram(metrics, node, &commit_seconds);
    put_store_histogram(metrics, node, &commit_bytes);
    put_store_histogram(metrics, node, &commit_segments);
    put_node_counts(metrics, node);
    put_node_gauges(metrics, node);
    if (wf_node_is_shared(node)) {
        put_cluster(metrics, node);
    }
    *out_metrics = metrics;
    return WEFT_OK;
}
