// SPDX-License-Identifier: Apache-2.0
//
// cluster_metrics.c - see cluster_metrics.h.

#include "cluster/cluster_metrics.h"

#include "cluster/peers.h"
#include "cluster/snapshotter.h"
#include "cluster/standby.h"
#include "runtime/metrics.h"
#include "storage/log_postgres.h"

#define COUNTER(name_, help_)                                                  \
    {                                                                          \
        .name = (name_), .help = (help_), .type = WEFT_METRIC_COUNTER          \
    }
#define GAUGE(name_, help_)                                                    \
    {                                                                          \
        .name = (name_), .help = (help_), .type = WEFT_METRIC_GAUGE            \
    }

static void
put_all(weft_metrics *metrics, const struct wf_metric_family *families,
        const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wf_metrics_put(metrics, &families[i], NULL, NULL, values[i]);
    }
}

static void
put_appends(weft_metrics *metrics, const struct wf_postgres_counts *appends)
{
    static const struct wf_metric_family families[] = {
        COUNTER("cluster_append_doubts",
                "Appends of which it was not known for a while whether they "
                "had happened."),
        COUNTER("cluster_append_doubt_seconds", "How long that was, in all."),
        COUNTER("cluster_fenced",
                "Partitions whose append was refused: another node has them."),
    };
    const double values[] = {
        (double)appends->doubts,
        (double)appends->doubt_ms / 1000,
        (double)appends->fenced,
    };

    put_all(metrics, families, values, sizeof(values) / sizeof(values[0]));
}

static void
put_links(weft_metrics *metrics, const struct wf_peers_counts *links)
{
    static const struct wf_metric_family families[] = {
        GAUGE("cluster_links_up", "Other nodes that this one can send to."),
        GAUGE("cluster_link_waiting_bytes",
              "For other nodes, not yet acknowledged by them."),
        COUNTER("cluster_link_sent", "Messages to other nodes."),
        COUNTER("cluster_link_sent_bytes", "The same, in bytes."),
        COUNTER("cluster_link_resent", "The same, sent once more."),
        COUNTER("cluster_link_received", "Messages of other nodes."),
        COUNTER("cluster_link_received_bytes", "The same, in bytes."),
        COUNTER("cluster_forwarded",
                "Requests that clients of this node could have asked others."),
    };
    const double values[] = {
        (double)links->up,
        (double)links->waiting_bytes,
        (double)links->sent,
        (double)links->sent_bytes,
        (double)links->resent,
        (double)links->received,
        (double)links->received_bytes,
        (double)links->forwarded,
    };

    put_all(metrics, families, values, sizeof(values) / sizeof(values[0]));
}

static void
put_snapshots(weft_metrics *metrics,
              const struct wf_snapshotter_counts *snapshots)
{
    static const struct wf_metric_family families[] = {
        COUNTER("cluster_snapshots", "Snapshots made."),
        COUNTER("cluster_snapshot_failures", "Tries to make one that failed."),
        COUNTER("cluster_snapshot_files", "Files put where they are kept."),
        COUNTER("cluster_snapshot_bytes", "The same, in bytes."),
        COUNTER("cluster_snapshot_restores", "Stores made of a snapshot."),
    };
    const double values[] = {
        (double)snapshots->made,           (double)snapshots->failed,
        (double)snapshots->uploaded_files, (double)snapshots->uploaded_bytes,
        (double)snapshots->restored,
    };

    put_all(metrics, families, values, sizeof(values) / sizeof(values[0]));
}

static void
put_copies(weft_metrics *metrics, const struct wf_standby_counts *copies)
{
    static const struct wf_metric_family families[] = {
        GAUGE("cluster_copies", "Warm copies of other nodes' partitions."),
        GAUGE("cluster_copy_lag",
              "Commits that the copy furthest behind has not read."),
    };
    const double values[] = {copies->copies, (double)copies->behind};

    put_all(metrics, families, values, sizeof(values) / sizeof(values[0]));
}

void
wf_cluster_metrics_put(weft_metrics *metrics,
                       const struct wf_cluster_numbers *numbers)
{
    static const struct wf_metric_family promise = {
        .name = "cluster_log_durability",
        .help = "What the log promises: 1.",
        .type = WEFT_METRIC_GAUGE,
        .labels = {"level", NULL},
    };

    wf_metrics_put(metrics, &promise, numbers->durability, NULL, 1);
    if (numbers->appends != NULL) {
        put_appends(metrics, numbers->appends);
    }
    if (numbers->links != NULL) {
        put_links(metrics, numbers->links);
    }
    if (numbers->snapshots != NULL) {
        put_snapshots(metrics, numbers->snapshots);
    }
    if (numbers->copies != NULL) {
        put_copies(metrics, numbers->copies);
    }
}
