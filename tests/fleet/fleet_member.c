// SPDX-License-Identifier: Apache-2.0
//
// fleet_member.c - one node of a fleet: the world that it sees, what membership
// asks of it, and how it begins and ends.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "cluster/membership.h"
#include "fleet/fleet_impl.h"
#include "runtime/node.h"
#include "storage/directory.h"
#include "storage/log.h"
#include "storage/log_memory.h"
#include "storage/snapshots.h"
#include "storage/store.h"
#include "support/test.h"

#define SNAPSHOT_BYTES 8192
#define SNAPSHOT_MS 3000
#define GRACE_MS 4000

static const uint8_t cluster_id[16] = "a fleet of tests";

static uint64_t
member_wall_ms(void *self)
{
    const struct member *member = self;

    return member->fleet->now_ms + member->skew_ms;
}

static uint64_t
member_mono_ns(void *self)
{
    return ((struct member *)self)->fleet->now_ms * 1000000U;
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    struct member *member = ctx;

    return wf_store_memory_open(member->disks[store], out_store);
}

void
fleet_member_wipe(struct member *member, uint32_t partition)
{
    wf_memory_disk_destroy(member->disks[partition]);
    member->disks[partition] = wf_memory_disk_create();
}

static weft_err
restore(void *ctx, uint32_t partition, const char *dir)
{
    struct member *member = ctx;
    char path[128];
    weft_err err;

    (void)dir;
    (void)snprintf(path, sizeof(path), "%s/store-%u", member->dir, partition);
    err = wf_snapshotter_restore(member->snapshotter, partition, path);
    if (err != WEFT_OK) {
        return err;
    }
    fleet_member_wipe(member, partition);
    if (access(path, F_OK) == 0) {
        err = wf_memory_disk_load(member->disks[partition], path);
        wf_directory_remove(path);
    }
    return err;
}

static bool
log_size(void *ctx, uint32_t partition, uint64_t *out_commit,
         uint64_t *out_bytes)
{
    struct member *member = ctx;

    return wf_node_log_size(member->node, partition, out_commit, out_bytes);
}

static weft_err
checkpoint(void *ctx, uint32_t partition, const char *dir,
           struct wf_node_checkpoint *out_checkpoint)
{
    struct member *member = ctx;

    return wf_node_checkpoint(member->node, partition, dir, out_checkpoint);
}

static void
withdraw(void *ctx, struct wf_request *request)
{
    (void)ctx;
    (void)request;
}

static void
moved(void *ctx, uint32_t partition, uint64_t epoch)
{
    struct member *member = ctx;
    struct fleet *fleet = member->fleet;
    uint8_t *owner;

    wf_membership_moved(member->membership, partition, epoch);
    if (epoch == 0) {
        return;
    }
    WF_ASSERT(epoch < FLEET_EPOCHS_MAX);
    owner = &fleet->epoch_owners[partition * FLEET_EPOCHS_MAX + epoch];
    fleet->takes++;
    fleet->clashes += *owner != 0;
    *owner = (uint8_t)(member->index + 1);
}

static void
prepared(void *ctx, uint32_t partition)
{
    wf_membership_prepared(((struct member *)ctx)->membership, partition);
}

static void
copied(void *ctx, uint32_t partition, uint64_t commit)
{
    wf_membership_copied(((struct member *)ctx)->membership, partition, commit);
}

// What membership asks of its node. -------------------------------------------

// What is read of others' partitions may be lost later.
static void
prepare(void *ctx, uint32_t partition)
{
    struct member *member = ctx;
    struct fleet *fleet = member->fleet;

    wf_memory_database_lie(fleet->database, member->id, fleet_one_in(fleet, 4));
    wf_node_prepare(member->node, partition);
}

static void
follow(void *ctx, uint32_t partition)
{
    struct member *member = ctx;
    struct fleet *fleet = member->fleet;

    wf_memory_database_lie(
        fleet->database, member->id,
        fleet->options.is_lied_to ||
            (!fleet->options.is_calm && fleet_one_in(fleet, 4)));
    wf_node_follow(member->node, partition);
}

static void
take(void *ctx, uint32_t partition)
{
    wf_node_take(((struct member *)ctx)->node, partition);
}

static void
give(void *ctx, uint32_t partition)
{
    wf_node_give(((struct member *)ctx)->node, partition);
}

static void
set_lease(void *ctx, uint64_t until_ns)
{
    struct member *member = ctx;

    if (member->node != NULL) { // else it is set when that is there
        wf_node_set_lease(member->node, until_ns);
    }
}

static void
read_map(void *ctx, const struct wf_registry_map *map)
{
    struct member *member = ctx;

    wf_node_set_record_version(member->node, map->record_version);
    for (uint32_t i = 0; i < map->parts_count; i++) {
        int32_t owner = map->parts[i].owner;

        member->owners[i] =
            owner < 0 ? -1
                      : (int32_t)strtol(map->nodes[owner].id + 1, NULL, 10);
        if (owner >= 0 && member->epochs[i] != map->parts[i].epoch) {
            member->epochs[i] = map->parts[i].epoch;
            wf_node_meet(member->node, i);
        }
    }
}

static void
nudge(void *ctx)
{
    struct fleet *fleet = ((struct member *)ctx)->fleet;

    for (uint32_t i = 0; i < fleet->options.nodes_count; i++) {
        if (fleet->members[i].membership != NULL && !fleet_one_in(fleet, 4)) {
            wf_membership_nudge(fleet->members[i].membership);
        }
    }
}

// Nodes. ----------------------------------------------------------------------

static void
open_node(struct member *member)
{
    struct fleet *fleet = member->fleet;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct wf_node_seams seams = {
        .clock = {member_wall_ms, member_mono_ns, member},
        .seed = wf_random_u64(&fleet->random) | 1,
        .open_store = open_store,
        .trace = &fleet->trace,
        .cluster =
            {
                .log = &member->log,
                .id = cluster_id,
                .restore = restore,
                .send = fleet_network_send,
                .elsewhere = fleet_network_forward,
                .withdraw = withdraw,
                .moved = moved,
                .prepared = prepared,
                .copied = copied,
                .ctx = member,
                .copies_bytes = fleet->options.standby_bytes,
            },
        .ctx = member,
        .is_manual = true,
    };

    options.definitions = fleet->options.definitions;
    options.partition_count = fleet->options.partition_count;
    options.shard_count = 2;
    options.window_bytes = fleet->options.window_bytes;
    options.reserve_bytes = 1;
    CHECK_OK(wf_node_open_with(&options, &seams, &member->node));
    memset(member->epochs, 0,
           options.partition_count * sizeof(*member->epochs));
}

static void
join(struct member *member, struct wf_registry_node *self)
{
    struct fleet *fleet = member->fleet;

    wf_registry_memory_open(fleet->database, member->id, &member->registry);
    *self = (struct wf_registry_node){.protocol_max = 1,
                                      .record_max = WF_SEGMENT_VERSION_MAX};
    (void)snprintf(self->id, sizeof(self->id), "%s", member->id);
    wf_memory_database_cut(fleet->database, member->id, false);
    CHECK_OK(member->registry.ops->join(member->registry.self, self,
                                        FLEET_LEASE_MS));
}

static void
create_snapshotter(struct member *member)
{
    struct fleet *fleet = member->fleet;
    struct wf_snapshotter_options options = {
        .log = &member->log,
        .partition_count = fleet->options.partition_count,
        .dir = member->dir,
        .log_bytes = SNAPSHOT_BYTES,
        .every_ms = SNAPSHOT_MS,
        .grace_ms = GRACE_MS,
        .node_id = member->id,
        .clock = fleet_clock(fleet),
        .trace = &fleet->trace,
        .log_size = log_size,
        .checkpoint = checkpoint,
        .ctx = member,
    };

    wf_snapshots_memory_open(fleet->snapshots, &options.files);
    member->snapshotter = wf_snapshotter_create(&options);
}

// Links of a fleet lose what nobody has: its callers ask again.
static void
be_replaced(void *ctx)
{
    (void)ctx;
}

void
fleet_member_start(struct member *member)
{
    struct fleet *fleet = member->fleet;
    struct wf_membership_options options = {
        .partition_count = fleet->options.partition_count,
        .lease_ms = FLEET_LEASE_MS,
        .joined_ns = fleet->now_ms * 1000000U,
        .clock = fleet_clock(fleet),
        .trace = &fleet->trace,
        .prepare = prepare,
        .follow = fleet->options.standby_bytes > 0 ? follow : NULL,
        .take = take,
        .give = give,
        .lease = set_lease,
        .map = read_map,
        .replaced = be_replaced,
        .nudge = nudge,
        .ctx = member,
    };

    WF_ASSERT(member->node == NULL);
    join(member, &options.self);
    options.registry = member->registry;
    wf_log_memory_open(fleet->database, member->id, options.self.incarnation,
                       &member->log);
    create_snapshotter(member);
    open_node(member);
    member->membership = wf_membership_create(&options);
    member->paused_until_ms = 0;
}

void
fleet_member_count(const struct member *member,
                   struct wf_snapshotter_counts *sum)
{
    struct wf_snapshotter_counts counts;

    wf_snapshotter_count(member->snapshotter, &counts);
    sum->made += counts.made;
    sum->failed += counts.failed;
    sum->uploaded_files += counts.uploaded_files;
    sum->uploaded_bytes += counts.uploaded_bytes;
    sum->removed_files += counts.removed_files;
    sum->restored += counts.restored;
}

void
fleet_member_end(struct member *member)
{
    fleet_member_count(member, &member->fleet->counts);
    wf_snapshotter_destroy(member->snapshotter);
    member->snapshotter = NULL;
    wf_membership_destroy(member->membership);
    member->membership = NULL;
    member->registry.ops->close(member->registry.self);
    member->log.ops->close(member->log.self);
    member->node = NULL;
}
