// SPDX-License-Identifier: Apache-2.0
//
// cluster_snapshots.h - the snapshots of a node of a cluster: where they are
// kept, and the thread that makes them. A node may have none.
//
// Life: open -> begin -> end -> close. They are opened before the node, whose
// partitions are restored from them, and made as soon as there is a node whose
// stores can be copied.
//
// Threads: restore and count any; the rest the caller's, one after another.

#ifndef WF_CLUSTER_CLUSTER_SNAPSHOTS_H
#define WF_CLUSTER_CLUSTER_SNAPSHOTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cluster/snapshotter.h"
#include "storage/snapshots.h"
#include "weft/node.h"

struct wf_cluster_settings;
struct wf_cluster_shared;

struct wf_cluster_snapshots {
    struct wf_snapshots files;          // ops NULL: there are none
    struct wf_snapshotter *snapshotter; // NULL: the same, or not begun
    pthread_t thread;                   // of the snapshotter
    bool has_thread;
};

struct wf_cluster_snapshots_options {
    struct wf_cluster_shared *shared;           // borrowed until close
    const struct wf_cluster_settings *settings; // borrowed for the call
    weft_node *node;                            // borrowed until end
    const char *data_dir;                       // of the node; copied
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed until close
};

// `where` as wf_cluster_shared_open_snapshots has it.
weft_err wf_cluster_snapshots_open(struct wf_cluster_snapshots *snapshots,
                                   struct wf_cluster_shared *shared,
                                   const char *where);
// The node is open, and holds its directory; it has no partition yet.
//
// WEFT_EBUSY   the system gives no more threads
weft_err
wf_cluster_snapshots_begin(struct wf_cluster_snapshots *snapshots,
                           const struct wf_cluster_snapshots_options *options);
// None is made any more.
void wf_cluster_snapshots_end(struct wf_cluster_snapshots *snapshots);
void wf_cluster_snapshots_close(struct wf_cluster_snapshots *snapshots);

// As wf_node_cluster.restore. Without snapshots the log may have everything:
// what the closed store in `dir` has is forgotten.
weft_err wf_cluster_snapshots_restore(struct wf_cluster_snapshots *snapshots,
                                      uint32_t partition, const char *dir);
// False: there are none.
bool wf_cluster_snapshots_count(const struct wf_cluster_snapshots *snapshots,
                                struct wf_snapshotter_counts *out_counts);

#endif
