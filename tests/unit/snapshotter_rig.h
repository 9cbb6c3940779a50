// SPDX-License-Identifier: Apache-2.0
//
// snapshotter_rig.h - a node, as far as snapshots see it: partitions whose log
// is in memory, and a clock of the test's.

#ifndef WF_TESTS_SNAPSHOTTER_RIG_H
#define WF_TESTS_SNAPSHOTTER_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trace.h"
#include "cluster/snapshotter.h"
#include "storage/log_memory.h"
#include "storage/snapshots.h"
#include "storage/store.h"
#include "support/test.h"

#define PARTS 2
#define EVERY_MS 1000
#define GRACE_MS 10000

// Each partition has a store whose one row is that of its last commit.
struct rig {
    uint64_t now_ms;
    struct wf_trace trace;
    char said[4096];
    struct wf_memory_database *database;
    struct wf_registry registry;
    struct wf_shared_log log;
    struct wf_snapshots_memory *memory;
    struct wf_snapshots files;
    struct wf_snapshotter *snapshotter;
    char dir[400];
    struct wf_memory_disk *disks[PARTS];
    struct wf_store stores[PARTS]; // ops NULL: closed
    bool are_here[PARTS];
    uint64_t commits[PARTS];
    uint64_t bytes[PARTS];
    uint64_t redo[PARTS];
    uint32_t checkpoints;
    bool is_real; // RocksDB
    enum wf_snapshotter_collector collector;
};

void rig_make(struct test *t, struct rig *rig, bool is_real);
void rig_free(struct rig *rig);
// The same once more, as a process that begins.
struct wf_snapshotter *rig_create(struct rig *rig);

// Another commit, as large as that; its rows need the log from itself on.
void rig_commit(struct rig *rig, uint32_t partition, uint64_t bytes);
// Until it has nothing to do at this moment.
void rig_settle(struct rig *rig);
struct wf_snapshotter_counts rig_counts(const struct rig *rig);
// The store is gone; make it anew, and read its row. 0: there is none.
uint64_t rig_restore(struct rig *rig, uint32_t partition);
void rig_store_dir(const struct rig *rig, uint32_t partition, char *path,
                   size_t size);
void rig_close_store(struct rig *rig, uint32_t partition);

#endif
