// SPDX-License-Identifier: Apache-2.0
//
// cluster_admin.c - what operators ask of a cluster's database.
//
// Each call has a connection of its own, for as long as it takes.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/balance.h"
#include "cluster/cluster_impl.h"
#include "cluster/local.h"
#include "runtime/inside.h"
#include "storage/log_postgres.h"

#define PARTITIONS_DEFAULT 64
#define PARTITIONS_MAX 1024

static struct wf_postgres_options
options_of(const char *database)
{
    return (struct wf_postgres_options){
        .conninfo = database,
        .clock = wf_clock_system(),
    };
}

static weft_err
check_count(uint32_t partition_count)
{
    return partition_count <= PARTITIONS_MAX
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "partition_count is %" PRIu32 ", and may be 1 to %d",
                          partition_count, PARTITIONS_MAX);
}

weft_err
weft_cluster_found(const char *database, uint32_t partition_count,
                   const char *node_id, const char *data_dir)
{
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(database != NULL);
    WF_REQUIRE(data_dir != NULL);
    err = wf_inside_check("weft_cluster_found");
    if (err == WEFT_OK) {
        err = wf_cluster_check_id(node_id);
    }
    if (err == WEFT_OK) {
        err = check_count(partition_count);
    }
    if (err == WEFT_OK && !wf_exchange_is_list(database)) {
        err = wf_error(WEFT_EINVAL, "database: only a list of nodes, "
                                    "\"local:...\", is founded in directories");
    }
    return err == WEFT_OK
               ? wf_local_found(database,
                                partition_count == 0 ? PARTITIONS_DEFAULT
                                                     : partition_count,
                                node_id, data_dir)
               : err;
}

weft_err
weft_cluster_init(const char *database, uint32_t partition_count)
{
    struct wf_postgres_options options = options_of(database);
    struct wf_cluster_facts facts;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(database != NULL);
    err = wf_inside_check("weft_cluster_init");
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_exchange_is_list(database)) {
        return wf_error(WEFT_EINVAL,
                        "without a database each node is founded in its own "
                        "directory: --data DIR --node NODE");
    }
    err = check_count(partition_count);
    if (err != WEFT_OK) {
        return err;
    }
    return wf_postgres_init(
        &options, partition_count == 0 ? PARTITIONS_DEFAULT : partition_count,
        &facts);
}

static weft_err
open_registry(const char *database, const char *call,
              struct wf_registry *out_registry)
{
    struct wf_postgres_options options = options_of(database);
    weft_err err;

    WF_REQUIRE(database != NULL);
    err = wf_inside_check(call);
    if (err == WEFT_OK && wf_exchange_is_list(database)) {
        return wf_registry_ledger_open(NULL, database, out_registry);
    }
    return err == WEFT_OK ? wf_registry_postgres_open(&options, out_registry)
                          : err;
}

// What is there. --------------------------------------------------------------

// A status, and all that it points to.
struct shown {
    weft_cluster_status status; // first
    struct wf_registry_map map;
    int32_t *targets;
    weft_cluster_node *nodes;
    weft_cluster_partition *partitions;
};

const char *
wf_cluster_durability_name(enum wf_durability durability)
{
    switch (durability) {
    case WF_DURABILITY_UNSAFE:
        return "unsafe";
    case WF_DURABILITY_LOCAL:
        return "local";
    case WF_DURABILITY_QUORUM:
        return "quorum";
    case WF_DURABILITY_UNKNOWN:
        break;
    }
    return "unknown";
}

static void
show_nodes(struct shown *shown)
{
    const struct wf_registry_map *map = &shown->map;

    shown->nodes = wf_calloc((map->nodes_count + 1) * sizeof(*shown->nodes));
    for (uint32_t i = 0; i < map->nodes_count; i++) {
        const struct wf_registry_node *node = &map->nodes[i];

        shown->nodes[i] = (weft_cluster_node){
            .id = node->id,
            .endpoint = node->endpoint,
            .service = node->service,
            .incarnation = node->incarnation,
            .is_live = node->is_live,
            .is_draining = node->is_draining,
            .lease_ms = node->lease_ms,
        };
    }
}

static uint64_t
lag_of(const struct wf_registry_part *part)
{
    return part->snapshot == 0 ? part->last : part->last + 1 - part->snapshot;
}

static uint64_t
copy_lag_of(const struct wf_registry_part *part)
{
    return part->copy >= 0 && part->last > part->copied
               ? part->last - part->copied
               : 0;
}

static void
show_partitions(struct shown *shown)
{
    const struct wf_registry_map *map = &shown->map;

    shown->partitions =
        wf_calloc((map->parts_count + 1) * sizeof(*shown->partitions));
    shown->targets =
        wf_calloc((map->parts_count + 1) * sizeof(*shown->targets));
    wf_balance(map, shown->targets);
    for (uint32_t i = 0; i < map->parts_count; i++) {
        int32_t owner = wf_balance_owner(map, i);
        int32_t target = shown->targets[i];
        int32_t copy = map->parts[i].copy;

        shown->partitions[i] = (weft_cluster_partition){
            .epoch = map->parts[i].epoch,
            .owner = owner < 0 ? NULL : map->nodes[owner].id,
            .target =
                target < 0 || target == owner ? NULL : map->nodes[target].id,
            .commits = map->parts[i].last,
            .snapshot = map->parts[i].snapshot,
            .lag = lag_of(&map->parts[i]),
            .copy = copy < 0 || copy == owner ? NULL : map->nodes[copy].id,
            .copy_lag = copy_lag_of(&map->parts[i]),
        };
        if (owner >= 0) {
            shown->nodes[owner].partitions++;
        }
    }
}

static void
show(struct shown *shown)
{
    weft_cluster_status *status = &shown->status;

    for (size_t i = 0; i < sizeof(shown->map.cluster_id); i++) {
        (void)snprintf(status->id + 2 * i, 3, "%02x", shown->map.cluster_id[i]);
    }
    show_nodes(shown);
    show_partitions(shown);
    status->struct_size = sizeof(*status);
    status->is_planned = shown->map.is_planned;
    status->durability = wf_cluster_durability_name(shown->map.durability);
    status->nodes = shown->nodes;
    status->nodes_count = shown->map.nodes_count;
    status->partitions = shown->partitions;
    status->partitions_count = shown->map.parts_count;
}

weft_err
weft_cluster_look(const char *database, weft_cluster_status **out_status)
{
    struct wf_registry registry;
    struct shown *shown;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(out_status != NULL);
    err = open_registry(database, "weft_cluster_look", &registry);
    if (err != WEFT_OK) {
        return err;
    }
    shown = wf_calloc(sizeof(*shown));
    err = registry.ops->look(registry.self, &shown->map);
    registry.ops->close(registry.self);
    if (err != WEFT_OK) {
        weft_cluster_status_free(&shown->status);
        return err;
    }
    show(shown);
    *out_status = &shown->status;
    return WEFT_OK;
}

void
weft_cluster_status_free(weft_cluster_status *status)
{
    struct shown *shown = (struct shown *)(void *)status;

    if (shown != NULL) {
        wf_registry_map_fini(&shown->map);
        wf_free(shown->targets);
        wf_free(shown->nodes);
        wf_free(shown->partitions);
        wf_free(shown);
    }
}

// What is to change. ----------------------------------------------------------

weft_err
weft_cluster_drain(const char *database, const char *node_id, int is_on)
{
    struct wf_registry registry;
    weft_err err;

    wf_error_clear();
    err = wf_cluster_check_id(node_id);
    if (err == WEFT_OK) {
        err = open_registry(database, "weft_cluster_drain", &registry);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = registry.ops->drain(registry.self, node_id, is_on != 0);
    registry.ops->close(registry.self);
    return err;
}

weft_err
weft_cluster_move(const char *database, uint32_t partition, const char *node_id)
{
    struct wf_registry registry;
    weft_err err;

    wf_error_clear();
    err = node_id == NULL ? WEFT_OK : wf_cluster_check_id(node_id);
    if (err == WEFT_OK) {
        err = open_registry(database, "weft_cluster_move", &registry);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = registry.ops->want(registry.self, partition, node_id);
    registry.ops->close(registry.self);
    return err;
}

weft_err
weft_cluster_forget(const char *database, const char *node_id)
{
    struct wf_registry registry;
    weft_err err;

    wf_error_clear();
    err = wf_cluster_check_id(node_id);
    if (err == WEFT_OK) {
        err = open_registry(database, "weft_cluster_forget", &registry);
    }
    if (err != WEFT_OK) {
        return err;
    }
    err = registry.ops->forget(registry.self, node_id);
    registry.ops->close(registry.self);
    return err;
}

// No partition is to go anywhere by plan.
static weft_err
drop_plans(const struct wf_registry *registry)
{
    struct wf_registry_map map = {0};
    weft_err err = registry->ops->look(registry->self, &map);

    for (uint32_t i = 0; i < map.parts_count && err == WEFT_OK; i++) {
        if (map.parts[i].wanted >= 0) {
            err = registry->ops->want(registry->self, i, NULL);
        }
    }
    wf_registry_map_fini(&map);
    return err;
}

weft_err
weft_cluster_rebalance(const char *database)
{
    struct wf_registry registry;
    weft_err err;

    wf_error_clear();
    err = open_registry(database, "weft_cluster_rebalance", &registry);
    if (err == WEFT_OK) {
        err = drop_plans(&registry);
        registry.ops->close(registry.self);
    }
    return err;
}
