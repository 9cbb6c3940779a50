// SPDX-License-Identifier: Apache-2.0
//
// cluster_metrics.h - the numbers that a node has because it is of a cluster:
// what the log promises, appends in doubt, links to others, snapshots, copies
// of what others have.

#ifndef WF_CLUSTER_CLUSTER_METRICS_H
#define WF_CLUSTER_CLUSTER_METRICS_H

#include "weft/metrics.h"

struct wf_peers_counts;
struct wf_postgres_counts;
struct wf_snapshotter_counts;
struct wf_standby_counts;

// Borrowed; NULL: it has no such part.
struct wf_cluster_numbers {
    const char *durability; // "quorum", "local", "unsafe" or "unknown"
    const struct wf_postgres_counts *appends;
    const struct wf_peers_counts *links;
    const struct wf_snapshotter_counts *snapshots;
    const struct wf_standby_counts *copies;
};

void wf_cluster_metrics_put(weft_metrics *metrics,
                            const struct wf_cluster_numbers *numbers);

#endif
