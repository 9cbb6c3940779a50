// SPDX-License-Identifier: Apache-2.0
//
// fleet.c - the nodes of one cluster in one thread.

#include "fleet/fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/list.h"
#include "base/trace.h"
#include "cluster/membership.h"
#include "cluster/snapshotter.h"
#include "cluster/standby.h"
#include "runtime/node.h"
#include "runtime/request.h"
#include "storage/directory.h"
#include "storage/log_memory.h"
#include "storage/snapshots.h"
#include "storage/store.h"
#include "support/test.h"

#define STEPS_PER_MS 64
#define EPOCHS_MAX 4096
#define SNAPSHOT_BYTES 8192
#define SNAPSHOT_MS 3000
#define GRACE_MS 4000

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

// A frame or a request on its way.
struct parcel {
    struct wf_list_node node;
    uint64_t due_ms;
    uint32_t from;
    uint32_t partition;
    struct wf_buf frame;
    struct wf_request *request; // NULL: it is a frame
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

static const uint8_t cluster_id[16] = "a fleet of tests";

// The world of one node. ------------------------------------------------------

static uint64_t
fleet_wall_ms(void *self)
{
    return ((struct fleet *)self)->now_ms;
}

static uint64_t
fleet_mono_ns(void *self)
{
    return ((struct fleet *)self)->now_ms * 1000000U;
}

static struct wf_clock
clock_of(struct fleet *fleet)
{
    return (struct wf_clock){fleet_wall_ms, fleet_mono_ns, fleet};
}

static uint64_t
member_wall_ms(void *self)
{
    const struct member *member = self;

    return member->fleet->now_ms + member->skew_ms;
}

static uint64_t
member_mono_ns(void *self)
{
    return fleet_mono_ns(((struct member *)self)->fleet);
}

static bool
one_in(struct fleet *fleet, uint32_t count)
{
    return wf_random_u64(&fleet->random) % count == 0;
}

static uint64_t
below(struct fleet *fleet, uint64_t limit)
{
    return wf_random_u64(&fleet->random) % limit;
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    struct member *member = ctx;

    return wf_store_memory_open(member->disks[store], out_store);
}

static void
wipe_disk(struct member *member, uint32_t partition)
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
    wipe_disk(member, partition);
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
put_parcel(struct fleet *fleet, struct parcel given, uint64_t delay_ms)
{
    struct parcel *parcel = wf_memdup(&given, sizeof(given));

    parcel->due_ms = fleet->now_ms + delay_ms;
    wf_list_push_back(&fleet->parcels, &parcel->node);
}

static void
send_frame(void *ctx, uint32_t partition, struct wf_buf *frame)
{
    struct member *member = ctx;
    struct fleet *fleet = member->fleet;
    struct parcel parcel = {.from = member->index, .partition = partition};
    bool is_calm = fleet->options.is_calm;
    uint32_t count = is_calm ? 1 : (uint32_t)(one_in(fleet, 20) ? 2 : 1);

    if (!is_calm && one_in(fleet, 10)) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        parcel.frame = (struct wf_buf){0};
        wf_buf_put(&parcel.frame, frame->data, frame->len);
        put_parcel(fleet, parcel,
                   is_calm ? 1 : below(fleet, one_in(fleet, 10) ? 500 : 5));
    }
    wf_buf_fini(frame);
}

static void
send_elsewhere(void *ctx, struct wf_request *request)
{
    struct member *member = ctx;
    struct parcel parcel = {
        .from = member->index,
        .partition = request->partition,
        .request = request,
    };

    wf_request_is_back(request); // a parcel outlives the node
    put_parcel(member->fleet, parcel, 1 + below(member->fleet, 5));
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
    WF_ASSERT(epoch < EPOCHS_MAX);
    owner = &fleet->epoch_owners[partition * EPOCHS_MAX + epoch];
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

    wf_memory_database_lie(fleet->database, member->id, one_in(fleet, 4));
    wf_node_prepare(member->node, partition);
}

static void
follow(void *ctx, uint32_t partition)
{
    struct member *member = ctx;
    struct fleet *fleet = member->fleet;

    wf_memory_database_lie(fleet->database, member->id,
                           fleet->options.is_lied_to ||
                               (!fleet->options.is_calm && one_in(fleet, 4)));
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
        if (fleet->members[i].membership != NULL && !one_in(fleet, 4)) {
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
                .send = send_frame,
                .elsewhere = send_elsewhere,
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
        .clock = clock_of(fleet),
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
fleet_start(struct fleet *fleet, uint32_t node)
{
    struct member *member = &fleet->members[node];
    struct wf_membership_options options = {
        .partition_count = fleet->options.partition_count,
        .lease_ms = FLEET_LEASE_MS,
        .joined_ns = fleet_mono_ns(fleet),
        .clock = clock_of(fleet),
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

static void
add_counts(struct wf_snapshotter_counts *sum,
           const struct wf_snapshotter *snapshotter)
{
    struct wf_snapshotter_counts counts;

    wf_snapshotter_count(snapshotter, &counts);
    sum->made += counts.made;
    sum->failed += counts.failed;
    sum->uploaded_files += counts.uploaded_files;
    sum->uploaded_bytes += counts.uploaded_bytes;
    sum->removed_files += counts.removed_files;
    sum->restored += counts.restored;
}

static void
end_member(struct member *member)
{
    add_counts(&member->fleet->counts, member->snapshotter);
    wf_snapshotter_destroy(member->snapshotter);
    member->snapshotter = NULL;
    wf_membership_destroy(member->membership);
    member->membership = NULL;
    member->registry.ops->close(member->registry.self);
    member->log.ops->close(member->log.self);
    member->node = NULL;
}

void
fleet_kill(struct fleet *fleet, uint32_t node, bool has_power)
{
    struct member *member = &fleet->members[node];

    WF_ASSERT(member->node != NULL);
    fleet->warm_takes += wf_node_warm_takes(member->node);
    wf_node_crash(member->node);
    end_member(member);
    for (uint32_t i = 0; !has_power && i < fleet->options.partition_count;
         i++) {
        wf_memory_disk_crash(member->disks[i]);
    }
}

void
fleet_close(struct fleet *fleet, uint32_t node)
{
    struct member *member = &fleet->members[node];

    wf_membership_stop(member->membership);
    fleet->warm_takes += wf_node_warm_takes(member->node);
    weft_node_close(member->node);
    (void)member->registry.ops->leave(member->registry.self);
    end_member(member);
}

bool
fleet_is_up(const struct fleet *fleet, uint32_t node)
{
    return fleet->members[node].node != NULL;
}

void
fleet_pause(struct fleet *fleet, uint32_t node, uint64_t until_ms)
{
    fleet->members[node].paused_until_ms = until_ms;
}

void
fleet_cut(struct fleet *fleet, uint32_t node, bool is_cut)
{
    wf_memory_database_cut(fleet->database, fleet->members[node].id, is_cut);
}

void
fleet_expire(struct fleet *fleet, uint32_t node)
{
    wf_memory_database_expire(fleet->database, fleet->members[node].id);
}

void
fleet_doubt(struct fleet *fleet, uint32_t node, bool has_landed)
{
    wf_memory_database_doubt(fleet->database, fleet->members[node].id,
                             has_landed);
}

void
fleet_drain(struct fleet *fleet, uint32_t node, bool is_on)
{
    struct member *member = &fleet->members[node];

    wf_membership_drain(member->membership, is_on);
    if (!is_on) { // as an operator does; not while it is cut off
        (void)member->registry.ops->drain(member->registry.self, member->id,
                                          false);
    }
}

void
fleet_swap_disks(struct fleet *fleet, uint32_t node, uint32_t other)
{
    struct wf_memory_disk **disks = fleet->members[node].disks;

    WF_ASSERT(!fleet_is_up(fleet, node) && !fleet_is_up(fleet, other));
    fleet->members[node].disks = fleet->members[other].disks;
    fleet->members[other].disks = disks;
}

void
fleet_wipe(struct fleet *fleet, uint32_t node)
{
    WF_ASSERT(!fleet_is_up(fleet, node));
    for (uint32_t i = 0; i < fleet->options.partition_count; i++) {
        wipe_disk(&fleet->members[node], i);
    }
}

void
fleet_fail_snapshots(struct fleet *fleet, uint32_t skip)
{
    wf_snapshots_memory_fail(fleet->snapshots, skip);
}

void
fleet_count_snapshots(const struct fleet *fleet,
                      struct wf_snapshotter_counts *out_counts)
{
    *out_counts = fleet->counts;
    for (uint32_t i = 0; i < fleet->options.nodes_count; i++) {
        if (fleet->members[i].snapshotter != NULL) {
            add_counts(out_counts, fleet->members[i].snapshotter);
        }
    }
}

// The network. ----------------------------------------------------------------

static bool
can_hear(const struct fleet *fleet, const struct member *member)
{
    return member->node != NULL && member->paused_until_ms <= fleet->now_ms;
}

static void
refuse(struct wf_request *request)
{
    wf_request_answer(request, WEFT_EIO, "nobody was there");
    request->done(request);
}

// To whom its sender thinks it should go; a request comes back for another try.
static void
deliver(struct fleet *fleet, struct parcel *parcel)
{
    struct member *from = &fleet->members[parcel->from];
    int32_t owner = from->owners[parcel->partition];
    struct member *to = owner < 0 ? NULL : &fleet->members[owner];
    bool is_there = to != NULL && can_hear(fleet, to) &&
                    wf_node_is_here(to->node, parcel->partition);

    if (parcel->request == NULL) {
        if (is_there) {
            wf_node_deliver(to->node, parcel->partition,
                            wf_buf_bytes(&parcel->frame));
        }
        wf_buf_fini(&parcel->frame);
    } else if (is_there) {
        wf_node_post_request(to->node, parcel->request);
    } else if (from->node == NULL) {
        refuse(parcel->request);
    } else {
        put_parcel(fleet, *parcel, 10 + below(fleet, 50));
    }
}

static bool
carry(struct fleet *fleet)
{
    struct wf_list_node *node = wf_list_first(&fleet->parcels);
    bool did_something = false;

    while (node != NULL) {
        struct parcel *parcel = WF_CONTAINER(node, struct parcel, node);

        node = wf_list_next(&fleet->parcels, node);
        if (parcel->due_ms <= fleet->now_ms) {
            wf_list_remove(&fleet->parcels, &parcel->node);
            deliver(fleet, parcel);
            wf_free(parcel);
            did_something = true;
        }
    }
    return did_something;
}

void
fleet_calm(struct fleet *fleet)
{
    fleet->options.is_calm = true;
}

// Time. -----------------------------------------------------------------------

static bool
step_node(struct fleet *fleet, struct member *member)
{
    enum wf_node_component component =
        (enum wf_node_component)below(fleet, WF_NODE_COMPONENT_COUNT + 2);
    uint32_t count;

    if (component == WF_NODE_COMPONENT_COUNT) {
        return wf_membership_step(member->membership) == 0;
    }
    if (component == WF_NODE_COMPONENT_COUNT + 1) {
        return wf_snapshotter_step(member->snapshotter) == 0;
    }
    count = wf_node_count(member->node, component);
    return wf_node_step(member->node, component,
                        (uint32_t)below(fleet, count)) == 0;
}

static void
run_ms(struct fleet *fleet)
{
    for (uint32_t i = 0; i < STEPS_PER_MS; i++) {
        struct member *member =
            &fleet->members[below(fleet, fleet->options.nodes_count)];

        if (member->node != NULL && member->paused_until_ms <= fleet->now_ms) {
            (void)step_node(fleet, member);
        }
    }
    (void)carry(fleet);
}

void
fleet_run(struct fleet *fleet, uint64_t until_ms)
{
    while (fleet->now_ms < until_ms) {
        run_ms(fleet);
        fleet->now_ms++;
    }
}

// All of it. ------------------------------------------------------------------

static void
show_line(void *ctx, enum wf_trace_level level, uint64_t now_ms,
          const char *who, const char *verb, const char *text)
{
    (void)ctx;
    (void)level;
    (void)fprintf(stderr, "[%llu] %-10s %-8s %s\n", (unsigned long long)now_ms,
                  who, verb, text);
}

// In memory, where that can be had: what is written here need not last.
static void
make_dir(struct fleet *fleet)
{
    (void)snprintf(fleet->dir, sizeof(fleet->dir), "%s/weft-fleet-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(fleet->dir) != NULL);
}

static void
name_dir(const char *dir, uint32_t index, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/n%" PRIu32, dir, index);
}

struct fleet *
fleet_create(const struct fleet_options *options)
{
    struct fleet *fleet = wf_calloc(sizeof(*fleet));
    uint32_t parts = options->partition_count;

    WF_ASSERT(options->nodes_count <= FLEET_NODES_MAX);
    fleet->options = *options;
    fleet->now_ms = 1000000;
    wf_random_init(&fleet->random, options->seed);
    wf_list_init(&fleet->parcels);
    fleet->epoch_owners = wf_calloc((size_t)parts * EPOCHS_MAX);
    if (getenv("FLEET_SHOW") != NULL) {
        fleet->trace = (struct wf_trace){.emit = show_line};
    }
    fleet->database = wf_memory_database_create(parts, clock_of(fleet), false);
    fleet->snapshots = wf_snapshots_memory_create(clock_of(fleet));
    make_dir(fleet);
    for (uint32_t i = 0; i < options->nodes_count; i++) {
        struct member *member = &fleet->members[i];

        member->fleet = fleet;
        member->index = i;
        member->skew_ms = one_in(fleet, 2) ? below(fleet, 20000) : 0;
        (void)snprintf(member->id, sizeof(member->id), "n%u", i);
        name_dir(fleet->dir, i, member->dir, sizeof(member->dir));
        CHECK_OK(wf_directory_make(member->dir));
        member->owners = wf_calloc(parts * sizeof(*member->owners));
        member->epochs = wf_calloc(parts * sizeof(*member->epochs));
        member->disks = wf_calloc(parts * sizeof(*member->disks));
        for (uint32_t j = 0; j < parts; j++) {
            member->owners[j] = -1;
            member->disks[j] = wf_memory_disk_create();
        }
        fleet_start(fleet, i);
    }
    return fleet;
}

void
fleet_destroy(struct fleet *fleet)
{
    struct wf_list_node *node;

    for (uint32_t i = 0; i < fleet->options.nodes_count; i++) {
        struct member *member = &fleet->members[i];

        if (member->node != NULL) {
            fleet_kill(fleet, i, true);
        }
        for (uint32_t j = 0; j < fleet->options.partition_count; j++) {
            wf_memory_disk_destroy(member->disks[j]);
        }
        wf_free(member->disks);
        wf_free(member->owners);
        wf_free(member->epochs);
    }
    while ((node = wf_list_pop_front(&fleet->parcels)) != NULL) {
        struct parcel *parcel = WF_CONTAINER(node, struct parcel, node);

        wf_buf_fini(&parcel->frame);
        if (parcel->request != NULL) {
            refuse(parcel->request);
        }
        wf_free(parcel);
    }
    wf_memory_database_destroy(fleet->database);
    wf_snapshots_memory_destroy(fleet->snapshots);
    wf_directory_remove(fleet->dir);
    wf_free(fleet->epoch_owners);
    wf_free(fleet);
}

uint64_t
fleet_now_ms(const struct fleet *fleet)
{
    return fleet->now_ms;
}

struct wf_random *
fleet_random(struct fleet *fleet)
{
    return &fleet->random;
}

void
fleet_ask(struct fleet *fleet, uint32_t node, struct wf_request *request)
{
    wf_node_post_request(fleet->members[node].node, request);
}

uint32_t
fleet_load(const struct fleet *fleet, uint32_t node)
{
    const struct member *member = &fleet->members[node];

    return member->membership == NULL ? 0
                                      : wf_membership_count(member->membership);
}

uint32_t
fleet_loads(const struct fleet *fleet)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < fleet->options.nodes_count; i++) {
        sum += fleet_load(fleet, i);
    }
    return sum;
}

uint64_t
fleet_takes(const struct fleet *fleet)
{
    return fleet->takes;
}

uint64_t
fleet_clashes(const struct fleet *fleet)
{
    return fleet->clashes;
}

uint64_t
fleet_warm_takes(const struct fleet *fleet)
{
    uint64_t sum = fleet->warm_takes;

    for (uint32_t i = 0; i < fleet->options.nodes_count; i++) {
        if (fleet->members[i].node != NULL) {
            sum += wf_node_warm_takes(fleet->members[i].node);
        }
    }
    return sum;
}

void
fleet_count_copies(const struct fleet *fleet,
                   struct wf_standby_counts *out_counts)
{
    *out_counts = (struct wf_standby_counts){0};
    for (uint32_t i = 0; i < fleet->options.nodes_count; i++) {
        struct wf_standby_counts counts;

        if (fleet->members[i].membership == NULL ||
            !wf_membership_count_copies(fleet->members[i].membership,
                                        &counts)) {
            continue;
        }
        out_counts->copies += counts.copies;
        if (counts.behind > out_counts->behind) {
            out_counts->behind = counts.behind;
        }
    }
}
