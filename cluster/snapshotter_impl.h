// SPDX-License-Identifier: Apache-2.0
//
// snapshotter_impl.h - what the files of snapshotter.h share.
//
//   snapshotter.c           makes snapshots
//   snapshotter_restore.c   makes stores of them; collects garbage

#ifndef WF_CLUSTER_SNAPSHOTTER_IMPL_H
#define WF_CLUSTER_SNAPSHOTTER_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/counter.h"
#include "base/trace.h"
#include "cluster/snapshotter.h"

enum wf_snapshotter_state {
    WF_SNAPSHOTTER_IDLE,
    WF_SNAPSHOTTER_PUTTING,
    WF_SNAPSHOTTER_COMMITTING,
    WF_SNAPSHOTTER_CHECKING,
};

// What is remembered of a partition.
struct wf_snapshotter_part {
    uint64_t commit; // last one, when its newest snapshot was begun here
    uint64_t bytes;  // of log, then
    uint64_t due_ms;
    struct wf_snapshots_manifest manifest; // of that snapshot
    uint32_t restored_crc; // of the newest manifest, when it was restored; or 0
};

struct wf_snapshotter {
    struct wf_snapshotter_options options; // dir and node_id: see below
    char *dir;
    char *node_id;
    struct wf_snapshotter_part *parts;
    pthread_mutex_t log_lock; // held for the log's calls for snapshots
    _Atomic uint32_t is_stopped;

    // The snapshot that is being made. partition: or the last one's.
    enum wf_snapshotter_state state;
    uint32_t partition;
    uint64_t commit; // as in wf_snapshotter_part
    uint64_t bytes;
    uint64_t began_ms;
    char *copy_dir;
    struct wf_snapshots_manifest manifest;
    uint32_t at;      // of its files
    uint32_t read_at; // the file whose bytes are looked at too; or UINT32_MAX
    uint64_t read_due_ms;
    uint64_t read_count;

    uint64_t retry_ms;
    uint64_t retry_at_ms;
    uint64_t sweep_at_ms;
    uint8_t *garbage; // hashes; what may be
    uint32_t garbage_count, garbage_cap;

    wf_counter made;
    wf_counter failed;
    wf_counter uploaded_files;
    wf_counter uploaded_bytes;
    wf_counter removed_files;
    _Atomic uint64_t restored; // supervisors add to it
};

void wf_snapshotter_note(const struct wf_snapshotter *snapshotter,
                         enum wf_trace_level level, const char *verb,
                         const char *text);
// Remove the files that no manifest names, if that is this node's to do.
void wf_snapshotter_sweep(struct wf_snapshotter *snapshotter);

#endif
