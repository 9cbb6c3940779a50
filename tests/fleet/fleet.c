// SPDX-License-Identifier: Apache-2.0
//
// fleet.c - the nodes of one cluster in one thread: what is done to them, time,
// and the whole.

#include "fleet/fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "cluster/membership.h"
#include "cluster/standby.h"
#include "fleet/fleet_impl.h"
#include "runtime/node.h"
#include "storage/directory.h"
#include "storage/log_memory.h"
#include "storage/snapshots.h"
#include "storage/store.h"
#include "support/test.h"

#define STEPS_PER_MS 64

static uint64_t
wall_ms(void *self)
{
    return ((struct fleet *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((struct fleet *)self)->now_ms * 1000000U;
}

struct wf_clock
fleet_clock(struct fleet *fleet)
{
    return (struct wf_clock){wall_ms, mono_ns, fleet};
}

bool
fleet_one_in(struct fleet *fleet, uint32_t count)
{
    return wf_random_u64(&fleet->random) % count == 0;
}

uint64_t
fleet_below(struct fleet *fleet, uint64_t limit)
{
    return wf_random_u64(&fleet->random) % limit;
}

// What is done to nodes. ------------------------------------------------------

void
fleet_start(struct fleet *fleet, uint32_t node)
{
    fleet_member_start(&fleet->members[node]);
}

void
fleet_kill(struct fleet *fleet, uint32_t node, bool has_power)
{
    struct member *member = &fleet->members[node];

    WF_ASSERT(member->node != NULL);
    fleet->warm_takes += wf_node_warm_takes(member->node);
    wf_node_crash(member->node);
    fleet_member_end(member);
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
    fleet_member_end(member);
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
        fleet_member_wipe(&fleet->members[node], i);
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
            fleet_member_count(&fleet->members[i], out_counts);
        }
    }
}

// Time. -----------------------------------------------------------------------

static bool
step_node(struct fleet *fleet, struct member *member)
{
    enum wf_node_component component =
        (enum wf_node_component)fleet_below(fleet, WF_NODE_COMPONENT_COUNT + 2);
    uint32_t count;

    if (component == WF_NODE_COMPONENT_COUNT) {
        return wf_membership_step(member->membership) == 0;
    }
    if (component == WF_NODE_COMPONENT_COUNT + 1) {
        return wf_snapshotter_step(member->snapshotter) == 0;
    }
    count = wf_node_count(member->node, component);
    return wf_node_step(member->node, component,
                        (uint32_t)fleet_below(fleet, count)) == 0;
}

static void
run_ms(struct fleet *fleet)
{
    for (uint32_t i = 0; i < STEPS_PER_MS; i++) {
        struct member *member =
            &fleet->members[fleet_below(fleet, fleet->options.nodes_count)];

        if (member->node != NULL && member->paused_until_ms <= fleet->now_ms) {
            (void)step_node(fleet, member);
        }
    }
    fleet_network_step(fleet);
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
    fleet->epoch_owners = wf_calloc((size_t)parts * FLEET_EPOCHS_MAX);
    if (getenv("FLEET_SHOW") != NULL) {
        fleet->trace = (struct wf_trace){.emit = show_line};
    }
    fleet->database =
        wf_memory_database_create(parts, fleet_clock(fleet), false);
    fleet->snapshots = wf_snapshots_memory_create(fleet_clock(fleet));
    make_dir(fleet);
    for (uint32_t i = 0; i < options->nodes_count; i++) {
        struct member *member = &fleet->members[i];

        member->fleet = fleet;
        member->index = i;
        member->skew_ms =
            fleet_one_in(fleet, 2) ? fleet_below(fleet, 20000) : 0;
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
    fleet_network_fini(fleet);
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
