// SPDX-License-Identifier: Apache-2.0
//
// test_cluster_metrics.c - a cluster's numbers, each under its own name.

#include "cluster/cluster_metrics.h"

#include <stdio.h>
#include <string.h>

#include "cluster/peers.h"
#include "cluster/snapshotter.h"
#include "cluster/standby.h"
#include "runtime/metrics.h"
#include "storage/log_postgres.h"
#include "support/test.h"

static void
check_line(const char *text, const char *line)
{
    char whole[200];

    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (strstr(text, whole) == NULL) {
        CHECK_STR(text, line); // shows both
    }
}

TEST(cluster_metrics, each_number_has_its_name)
{
    const struct wf_postgres_counts appends = {1, 2500, 3};
    const struct wf_peers_counts links = {4, 5, 6, 7, 8, 9, 10, 21};
    const struct wf_snapshotter_counts snapshots = {11, 12, 13, 14, 15, 16};
    const struct wf_standby_counts copies = {17, 18};
    static const char *const lines[] = {
        "weft_cluster_log_durability{level=\"quorum\"} 1",
        "weft_cluster_append_doubts_total 1",
        "weft_cluster_append_doubt_seconds_total 2.5",
        "weft_cluster_fenced_total 3",
        "weft_cluster_links_up 4",
        "weft_cluster_link_waiting_bytes 5",
        "weft_cluster_link_sent_total 6",
        "weft_cluster_link_sent_bytes_total 7",
        "weft_cluster_link_resent_total 8",
        "weft_cluster_link_received_total 9",
        "weft_cluster_link_received_bytes_total 10",
        "weft_cluster_forwarded_total 21",
        "weft_cluster_snapshots_total 11",
        "weft_cluster_snapshot_failures_total 12",
        "weft_cluster_snapshot_files_total 13",
        "weft_cluster_snapshot_bytes_total 14",
        "weft_cluster_snapshot_restores_total 16",
        "weft_cluster_copies 17",
        "weft_cluster_copy_lag 18",
    };
    weft_metrics *metrics = wf_metrics_create();
    const char *text;

    wf_cluster_metrics_put(metrics,
                           &(struct wf_cluster_numbers){.durability = "quorum",
                                                        .appends = &appends,
                                                        .links = &links,
                                                        .snapshots = &snapshots,
                                                        .copies = &copies});
    CHECK_OK(weft_metrics_text(metrics, &text, NULL));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        check_line(text, lines[i]);
    }
    weft_metrics_free(metrics);
}

TEST(cluster_metrics, what_is_not_there_is_not_told)
{
    weft_metrics *metrics = wf_metrics_create();
    const char *text;

    wf_cluster_metrics_put(metrics,
                           &(struct wf_cluster_numbers){.durability = "local"});
    CHECK_OK(weft_metrics_text(metrics, &text, NULL));
    check_line(text, "weft_cluster_log_durability{level=\"local\"} 1");
    CHECK(strstr(text, "doubts") == NULL);
    CHECK(strstr(text, "link") == NULL);
    CHECK(strstr(text, "snapshot") == NULL);
    CHECK(strstr(text, "cop") == NULL);
    weft_metrics_free(metrics);
}
