// SPDX-License-Identifier: Apache-2.0
//
// fleet_impl.h - what the files of the fleet share.
//
//   fleet.c           faults, time, and the whole
//   fleet_member.c    one node, and the world that it sees
//   fleet_network.c   what is on its way between them

#ifndef WF_TESTS_FLEET_FLEET_IMPL_H
#define WF_TESTS_FLEET_FLEET_IMPL_H

#include "base/clock.h"
#include "base/list.h"
#include "base/trace.h"
#include "cluster/snapshotter.h"
#include "fleet/fleet.h"
#include "storage/log_shared.h"
#include "storage/registry.h"
#include "weft/node.h"

#define FLEET_EPOCHS_MAX 4096

struct member {
    struct fleet *fleet;
    uint32_t index;
    char id[16];
    struct wf_memory_disk **disks; // by partition
    weft_node *node;               // NULL: it is down
    struct wf_registry registry;
    struct wf_shared_log log;
    struct wf_membership *membership;
    struct wf_snapshotter *snapshotter;
    char dir[96];     // where its stores are copied to, and restored
    int32_t *owners;  // by partition, as its last map said
    uint64_t *epochs; // the same
    uint64_t paused_until_ms;
    uint64_t skew_ms; // its wall clock is so much ahead
};

struct fleet {
    struct fleet_options options;
    struct wf_random random;
    uint64_t now_ms;
    struct wf_memory_database *database;
    struct member members[FLEET_NODES_MAX];
    struct wf_list parcels;
    uint8_t *epoch_owners; // by partition and epoch; 0: nobody
    uint64_t takes;
    uint64_t warm_takes; // of nodes that are down
    uint64_t clashes;
    struct wf_trace trace;
    char dir[64];
    struct wf_snapshots_memory *snapshots;
    struct wf_snapshotter_counts counts; // of nodes that are down
};

// Chances, by the fleet's seed.
bool fleet_one_in(struct fleet *fleet, uint32_t count);
uint64_t fleet_below(struct fleet *fleet, uint64_t limit);
// The fleet's own time; members' may be ahead of it.
struct wf_clock fleet_clock(struct fleet *fleet);

// It must be down. Fails the test if it cannot be opened.
void fleet_member_start(struct member *member);
// Its node has ended: the rest of it.
void fleet_member_end(struct member *member);
// The disk that it has for a partition is empty.
void fleet_member_wipe(struct member *member, uint32_t partition);
void fleet_member_count(const struct member *member,
                        struct wf_snapshotter_counts *sum);

// Ports of a node, whose ctx is its member.
struct wf_buf;
void fleet_network_send(void *ctx, uint32_t partition, struct wf_buf *frame);
void fleet_network_forward(void *ctx, struct wf_request *request);
// Deliver what is due.
void fleet_network_step(struct fleet *fleet);
// What is on its way is dropped, and refused.
void fleet_network_fini(struct fleet *fleet);

#endif
