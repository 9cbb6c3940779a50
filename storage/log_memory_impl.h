// SPDX-License-Identifier: Apache-2.0
//
// log_memory_impl.h - the tables, for memory_database.c, log_memory.c and
// registry_memory.c only.

#ifndef WF_STORAGE_LOG_MEMORY_IMPL_H
#define WF_STORAGE_LOG_MEMORY_IMPL_H

#include <pthread.h>

#include "base/bytes.h"
#include "storage/log_memory.h"

struct wf_memory_node {
    struct wf_registry_node row; // incarnation 0: never joined
    uint64_t lease_until_ns;
    bool is_cut;
    bool is_doubt_next;
    bool has_doubt_landed;
    bool is_lied_to; // see wf_memory_database_lie
};

struct wf_memory_commit {
    uint64_t epoch;
    weft_bytes segment; // owned
};

struct wf_memory_snapshot {
    uint64_t redo_from;
    weft_bytes manifest; // owned
};

// Always true:
//   I1  first <= last + 1
//   I2  commits has those of [first, last]
struct wf_memory_part {
    uint64_t epoch;
    struct wf_memory_node *owner; // NULL: nobody
    uint64_t owner_incarnation;
    struct wf_memory_node *wanted;
    struct wf_memory_node *ready;
    struct wf_memory_node *copy; // whose copied is; NULL: nobody's
    uint64_t copy_incarnation;
    uint64_t copied; // 0: there is no copy
    uint64_t first, last;
    struct wf_memory_commit *commits;
    uint32_t commits_cap;
    uint32_t snapshots_count;               // 0 to 2
    struct wf_memory_snapshot snapshots[2]; // newest first
};

struct wf_memory_blame {
    uint32_t partition;
    struct wf_memory_node *node;
    weft_bytes key; // owned
    char *how;      // owned
    uint64_t at_ms;
    uint64_t told; // epoch in which it was; 0: it was not
};

struct wf_memory_database {
    pthread_mutex_t lock; // guards all
    pthread_cond_t changed;
    struct wf_clock clock;
    bool can_wait;
    enum wf_durability durability;
    uint8_t cluster_id[16];
    uint32_t record_version;
    struct wf_memory_node **nodes; // in the order of their coming
    uint32_t nodes_count;
    uint64_t forgotten; // the newest incarnation of nodes that were
    struct wf_memory_part *parts;
    uint32_t parts_count;
    struct wf_memory_blame *blames;
    uint32_t blames_count;
    uint32_t handles; // logs and registries not yet closed
};

// All with the lock held. The node of that id, made if there is none.
struct wf_memory_node *
wf_memory_database_node(struct wf_memory_database *database, const char *id);
bool wf_memory_database_is_live(const struct wf_memory_database *database,
                                const struct wf_memory_node *node);
void wf_memory_blame_free(struct wf_memory_blame *blame); // what it has

#endif
