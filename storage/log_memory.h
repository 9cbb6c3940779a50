// SPDX-License-Identifier: Apache-2.0
//
// log_memory.h - a cluster's database in memory, for tests: several nodes of
// one process share it, on a clock of the test's, and it can be cut off from
// any of them.
//
// Threads: any; each log and registry as its seam says.

#ifndef WF_STORAGE_LOG_MEMORY_H
#define WF_STORAGE_LOG_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/log_shared.h"
#include "storage/registry.h"

struct wf_memory_database;

// Leases run on clock.mono_ns. can_wait: an append of a node that is cut off
// waits until it is not, or until stop, as with the real one; else, for tests
// of one thread, it is in doubt at once, and has not happened.
struct wf_memory_database *wf_memory_database_create(uint32_t partition_count,
                                                     struct wf_clock clock,
                                                     bool can_wait);
// All logs and registries of it are closed.
void wf_memory_database_destroy(struct wf_memory_database *database);

void wf_log_memory_open(struct wf_memory_database *database,
                        const char *node_id, uint64_t incarnation,
                        struct wf_shared_log *out_log);
// node_id: whose it is before join tells, for what cuts it off.
void wf_registry_memory_open(struct wf_memory_database *database,
                             const char *node_id,
                             struct wf_registry *out_registry);

// The node cannot reach it: its calls fail with WEFT_EIO, appends wait.
void wf_memory_database_cut(struct wf_memory_database *database,
                            const char *node_id, bool is_cut);
// The node's next append ends in doubt, as if stopped in its midst; it has
// landed, or not. Its partitions must be acquired again before they are
// appended to: until then they are in doubt.
void wf_memory_database_doubt(struct wf_memory_database *database,
                              const char *node_id, bool has_landed);
// What the node reads of partitions that are not its own ends with a commit
// that is lost later, as on a primary that its standbys are behind.
void wf_memory_database_lie(struct wf_memory_database *database,
                            const char *node_id, bool is_on);
// The node's lease is over; it is not told.
void wf_memory_database_expire(struct wf_memory_database *database,
                               const char *node_id);
// What the maps will say; WF_DURABILITY_QUORUM at first.
void wf_memory_database_durability(struct wf_memory_database *database,
                                   enum wf_durability durability);

#endif
