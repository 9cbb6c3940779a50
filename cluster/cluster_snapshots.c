// SPDX-License-Identifier: Apache-2.0
//
// cluster_snapshots.c - the snapshots of a node of a cluster.
//
// The snapshotter decides and copies; here are what it needs of the node, and
// the thread that steps it.

#include "cluster/cluster_snapshots.h"

#include "base/error.h"
#include "base/thread.h"
#include "cluster/cluster_impl.h"
#include "cluster/cluster_shared.h"
#include "cluster/local.h"
#include "runtime/node.h"

static bool
log_size(void *ctx, uint32_t partition, uint64_t *out_commit,
         uint64_t *out_bytes)
{
    return wf_node_log_size(ctx, partition, out_commit, out_bytes);
}

static weft_err
checkpoint(void *ctx, uint32_t partition, const char *dir,
           struct wf_node_checkpoint *out_checkpoint)
{
    return wf_node_checkpoint(ctx, partition, dir, out_checkpoint);
}

static void *
run(void *arg)
{
    struct wf_snapshotter *snapshotter = arg;

    wf_thread_name("weft-snapshots");
    while (!wf_snapshotter_is_stopped(snapshotter)) {
        uint64_t ms = wf_snapshotter_step(snapshotter);

        if (ms > 0) {
            wf_snapshotter_wait(snapshotter, ms);
        }
    }
    return NULL;
}

weft_err
wf_cluster_snapshots_open(struct wf_cluster_snapshots *snapshots,
                          struct wf_cluster_shared *shared, const char *where)
{
    return wf_cluster_shared_open_snapshots(shared, where, &snapshots->files);
}

// Without a database a node's log tells of its own partitions only.
static enum wf_snapshotter_collector
collector_of(const struct wf_cluster_shared *shared)
{
    return shared->local == NULL ? WF_SNAPSHOTTER_WHO_HAS_0
           : wf_local_has_own_snapshots(shared->local) ? WF_SNAPSHOTTER_EACH
                                                       : WF_SNAPSHOTTER_NOBODY;
}

weft_err
wf_cluster_snapshots_begin(struct wf_cluster_snapshots *snapshots,
                           const struct wf_cluster_snapshots_options *given)
{
    struct wf_snapshotter_options options = {
        .log = &given->shared->log,
        .files = snapshots->files,
        .partition_count = given->shared->facts.partition_count,
        .dir = given->data_dir,
        .node_id = given->settings->node_id,
        .log_bytes = given->settings->snapshot_bytes,
        .every_ms = given->settings->snapshot_ms,
        .collector = collector_of(given->shared),
        .clock = given->clock,
        .trace = given->trace,
        .log_size = log_size,
        .checkpoint = checkpoint,
        .ctx = given->node,
    };

    if (snapshots->files.ops == NULL) {
        return WEFT_OK;
    }
    snapshots->snapshotter = wf_snapshotter_create(&options);
    snapshots->has_thread = pthread_create(&snapshots->thread, NULL, run,
                                           snapshots->snapshotter) == 0;
    return snapshots->has_thread
               ? WEFT_OK
               : wf_error(WEFT_EBUSY, "the system gives no more threads");
}

void
wf_cluster_snapshots_end(struct wf_cluster_snapshots *snapshots)
{
    if (snapshots->has_thread) {
        wf_snapshotter_stop(snapshots->snapshotter);
        pthread_join(snapshots->thread, NULL);
        snapshots->has_thread = false;
    }
}

void
wf_cluster_snapshots_close(struct wf_cluster_snapshots *snapshots)
{
    wf_snapshotter_destroy(snapshots->snapshotter);
    if (snapshots->files.ops != NULL) {
        snapshots->files.ops->close(snapshots->files.self);
    }
}

weft_err
wf_cluster_snapshots_restore(struct wf_cluster_snapshots *snapshots,
                             uint32_t partition, const char *dir)
{
    return snapshots->snapshotter == NULL
               ? wf_snapshots_forget(dir)
               : wf_snapshotter_restore(snapshots->snapshotter, partition, dir);
}

bool
wf_cluster_snapshots_count(const struct wf_cluster_snapshots *snapshots,
                           struct wf_snapshotter_counts *out_counts)
{
    if (snapshots->snapshotter == NULL) {
        return false;
    }
    wf_snapshotter_count(snapshots->snapshotter, out_counts);
    return true;
}
