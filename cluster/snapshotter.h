// SPDX-License-Identifier: Apache-2.0
//
// snapshotter.h - makes snapshots of the partitions that are here, and of a
// snapshot the store of one that comes here.
//
// A partition's snapshot is made after so much log, or after so long if there
// was a commit. It is a copy of its store (hard links, where the store can);
// what is new of it is put to where snapshots are kept (snapshots.h), and then
// its manifest into the shared log, which refuses it if the partition is
// another node's by then, and forgets what the last but one does not need. What
// fails is said and tried again; commits go on meanwhile, and the log grows.
//
// Threads: step and wait on one of its own (or a test's), restore on several
// others, each with partitions of its own, the rest on any.

#ifndef WF_CLUSTER_SNAPSHOTTER_H
#define WF_CLUSTER_SNAPSHOTTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/log_shared.h"
#include "storage/snapshots.h"
#include "weft/error.h"

struct wf_node_checkpoint;
struct wf_snapshotter;
struct wf_trace;

#define WF_SNAPSHOTTER_LOG_BYTES (64ULL << 20)
#define WF_SNAPSHOTTER_EVERY_MS (10ULL * 60 * 1000)
#define WF_SNAPSHOTTER_GRACE_MS (60ULL * 60 * 1000)

// Who removes files that no manifest names. Only who knows all manifests may.
enum wf_snapshotter_collector {
    WF_SNAPSHOTTER_WHO_HAS_0, // whoever has partition 0: files and log are all
                              // nodes'
    WF_SNAPSHOTTER_EACH,      // each node: both are its own
    WF_SNAPSHOTTER_NOBODY,    // the files are all nodes', the log is not
};

// 0 means the default above.
struct wf_snapshotter_options {
    const struct wf_shared_log *log; // borrowed
    struct wf_snapshots files;       // borrowed
    uint32_t partition_count;
    const char *dir;    // copied; of the node: it must exist, with its stores
    uint64_t log_bytes; // of a partition, after which there is a snapshot
    uint64_t every_ms;  // the same, if anything was committed
    uint64_t grace_ms;  // how long a file stays that no manifest names
    enum wf_snapshotter_collector collector;
    const char *node_id; // copied; for what it says
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed

    // Ports: wf_node_log_size and wf_node_checkpoint.
    bool (*log_size)(void *ctx, uint32_t partition, uint64_t *out_commit,
                     uint64_t *out_bytes);
    weft_err (*checkpoint)(void *ctx, uint32_t partition, const char *dir,
                           struct wf_node_checkpoint *out_checkpoint);
    void *ctx;
};

// Removes what an earlier process left half made in `dir`.
struct wf_snapshotter *
wf_snapshotter_create(const struct wf_snapshotter_options *options);
// Nobody steps it any more. NULL is fine.
void wf_snapshotter_destroy(struct wf_snapshotter *snapshotter);

// Do a part of what is due, a file at most. Returns in how many milliseconds
// there is something to do again; 0: at once.
uint64_t wf_snapshotter_step(struct wf_snapshotter *snapshotter);
// Sleep so long, or until stop.
void wf_snapshotter_wait(struct wf_snapshotter *snapshotter, uint64_t ms);
// Begin nothing any more, and give up what waits; step does nothing.
void wf_snapshotter_stop(struct wf_snapshotter *snapshotter);
bool wf_snapshotter_is_stopped(const struct wf_snapshotter *snapshotter);

// As wf_node_cluster.restore: make the closed store in `dir` what the newest
// snapshot says, or the last but one if that cannot be had; nothing at all if
// there is none that can.
//
// WEFT_EIO   try again
weft_err wf_snapshotter_restore(struct wf_snapshotter *snapshotter,
                                uint32_t partition, const char *dir);

// Any thread. Of this process, since it began.
struct wf_snapshotter_counts {
    uint64_t made;           // snapshots
    uint64_t failed;         // tries
    uint64_t uploaded_files; // that were not there
    uint64_t uploaded_bytes; // the same
    uint64_t removed_files;
    uint64_t restored; // stores made of a snapshot
};
void wf_snapshotter_count(const struct wf_snapshotter *snapshotter,
                          struct wf_snapshotter_counts *out_counts);

#endif
