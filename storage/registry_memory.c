// SPDX-License-Identifier: Apache-2.0
//
// registry_memory.c - who is in a cluster whose database is in memory.
//
// Threads: any, each registry as registry.h says.

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/log_memory.h"
#include "storage/log_memory_impl.h"

struct wf_registry_memory {
    struct wf_memory_database *database;
    struct wf_memory_node *node;
    uint64_t incarnation; // 0: not joined
    uint64_t ttl_ns;
    bool is_stopped;
};

static weft_err join(void *self, struct wf_registry_node *node,
                     uint32_t ttl_ms);
static weft_err renew(void *self, bool is_draining);
static weft_err look(void *self, struct wf_registry_map *map);
static weft_err want(void *self, uint32_t partition, const char *node_id);
static weft_err ready(void *self, uint32_t partition);
static weft_err copied(void *self, const struct wf_registry_copy *copies,
                       uint32_t count);
static weft_err drain(void *self, const char *node_id, bool is_on);
static weft_err raise_records(void *self, uint32_t record_version);
static weft_err leave(void *self);
static weft_err forget(void *self, const char *node_id);
static weft_err forget_old(void *self, uint64_t silent_ms);
static void stop_registry(void *self);
static void close_registry(void *self);

static const struct wf_registry_ops memory_ops = {
    .join = join,
    .renew = renew,
    .look = look,
    .want = want,
    .ready = ready,
    .copied = copied,
    .drain = drain,
    .raise = raise_records,
    .leave = leave,
    .forget = forget,
    .forget_old = forget_old,
    .stop = stop_registry,
    .close = close_registry,
};

void
wf_registry_memory_open(struct wf_memory_database *database,
                        const char *node_id, struct wf_registry *out_registry)
{
    struct wf_registry_memory *registry = wf_calloc(sizeof(*registry));

    pthread_mutex_lock(&database->lock);
    registry->database = database;
    registry->node = wf_memory_database_node(database, node_id);
    database->handles++;
    pthread_mutex_unlock(&database->lock);
    out_registry->ops = &memory_ops;
    out_registry->self = registry;
}

static void
stop_registry(void *self)
{
    struct wf_registry_memory *registry = self;

    pthread_mutex_lock(&registry->database->lock);
    registry->is_stopped = true;
    pthread_mutex_unlock(&registry->database->lock);
}

static void
close_registry(void *self)
{
    struct wf_registry_memory *registry = self;

    pthread_mutex_lock(&registry->database->lock);
    registry->database->handles--;
    pthread_mutex_unlock(&registry->database->lock);
    wf_free(registry);
}

// Begin a transaction, unless the node is cut off; end it with unlock.
static weft_err
begin(struct wf_registry_memory *registry)
{
    pthread_mutex_lock(&registry->database->lock);
    if (registry->node->is_cut || registry->is_stopped) {
        return wf_error(WEFT_EIO, "node %s cannot reach the database",
                        registry->node->row.id);
    }
    return WEFT_OK;
}

static weft_err
end(struct wf_registry_memory *registry, weft_err err)
{
    pthread_mutex_unlock(&registry->database->lock);
    return err;
}

static uint64_t
now_ns(const struct wf_memory_database *database)
{
    return database->clock.mono_ns(database->clock.self);
}

static weft_err
join(void *self, struct wf_registry_node *node, uint32_t ttl_ms)
{
    struct wf_registry_memory *registry = self;
    struct wf_memory_node *mine;
    weft_err err = begin(registry);

    if (err == WEFT_OK &&
        node->record_max < registry->database->record_version) {
        err = wf_registry_too_old(node->record_max,
                                  registry->database->record_version);
    }
    if (err != WEFT_OK) {
        return end(registry, err);
    }
    mine = wf_memory_database_node(registry->database, node->id);
    registry->node = mine;
    registry->ttl_ns = (uint64_t)ttl_ms * 1000000;
    node->incarnation =
        (mine->row.incarnation == 0 ? registry->database->forgotten
                                    : mine->row.incarnation) +
        1;
    mine->row = *node;
    mine->lease_until_ns = now_ns(registry->database) + registry->ttl_ns;
    registry->incarnation = node->incarnation;
    return end(registry, WEFT_OK);
}

// WEFT_ECLOSED if another process is this node by now.
static weft_err
check_replaced(const struct wf_registry_memory *registry)
{
    WF_ASSERT(registry->incarnation != 0);
    return registry->node->row.incarnation == registry->incarnation
               ? WEFT_OK
               : wf_error(WEFT_ECLOSED,
                          "another process has registered as node %s",
                          registry->node->row.id);
}

static weft_err
renew(void *self, bool is_draining)
{
    struct wf_registry_memory *registry = self;
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        err = check_replaced(registry);
    }
    if (err == WEFT_OK) {
        registry->node->lease_until_ns =
            now_ns(registry->database) + registry->ttl_ns;
        if (is_draining) {
            registry->node->row.is_draining = true;
        }
    }
    return end(registry, err);
}

static weft_err
leave(void *self)
{
    struct wf_registry_memory *registry = self;
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        err = check_replaced(registry);
    }
    if (err == WEFT_OK) {
        registry->node->lease_until_ns = 0;
    }
    return end(registry, err);
}

static int
compare_nodes(const void *a, const void *b)
{
    const struct wf_registry_node *left = a;
    const struct wf_registry_node *right = b;

    return strcmp(left->id, right->id);
}

static void
fill_nodes(const struct wf_memory_database *database,
           struct wf_registry_map *map)
{
    map->nodes = wf_calloc(database->nodes_count * sizeof(*map->nodes));
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        const struct wf_memory_node *node = database->nodes[i];
        struct wf_registry_node *row = &map->nodes[map->nodes_count];

        if (node->row.incarnation == 0) {
            continue;
        }
        *row = node->row;
        row->is_live = wf_memory_database_is_live(database, node);
        row->lease_ms =
            ((int64_t)node->lease_until_ns - (int64_t)now_ns(database)) /
            1000000;
        map->nodes_count++;
    }
    if (map->nodes_count > 0) {
        qsort(map->nodes, map->nodes_count, sizeof(*map->nodes), compare_nodes);
    }
}

static int32_t
find_live(const struct wf_memory_database *database,
          const struct wf_registry_map *map, const struct wf_memory_node *node)
{
    return node == NULL || !wf_memory_database_is_live(database, node)
               ? -1
               : wf_registry_find(map, node->row.id);
}

// Whose process has ended since has it no more.
static int32_t
find_copy(const struct wf_memory_database *database,
          const struct wf_registry_map *map, const struct wf_memory_part *part)
{
    return part->copied == 0 ||
                   part->copy->row.incarnation != part->copy_incarnation
               ? -1
               : find_live(database, map, part->copy);
}

static void
fill_parts(const struct wf_memory_database *database,
           struct wf_registry_map *map)
{
    map->parts_count = database->parts_count;
    map->parts = wf_calloc(map->parts_count * sizeof(*map->parts));
    for (uint32_t i = 0; i < map->parts_count; i++) {
        const struct wf_memory_part *part = &database->parts[i];
        struct wf_registry_part *row = &map->parts[i];

        row->epoch = part->epoch;
        row->last = part->last;
        row->owner = part->owner == NULL
                         ? -1
                         : wf_registry_find(map, part->owner->row.id);
        row->owner_incarnation =
            part->owner == NULL ? 0 : part->owner_incarnation;
        row->wanted = find_live(database, map, part->wanted);
        row->ready = find_live(database, map, part->ready);
        row->copy = find_copy(database, map, part);
        row->copied = part->copied;
        row->snapshot =
            part->snapshots_count > 0 ? part->snapshots[0].redo_from : 0;
    }
}

static weft_err
look(void *self, struct wf_registry_map *map)
{
    struct wf_registry_memory *registry = self;
    const struct wf_memory_database *database = registry->database;
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        wf_registry_map_fini(map);
        memcpy(map->cluster_id, database->cluster_id, sizeof(map->cluster_id));
        map->durability = database->durability;
        map->record_version = database->record_version;
        fill_nodes(database, map);
        fill_parts(database, map);
    }
    return end(registry, err);
}

static weft_err
raise_records(void *self, uint32_t record_version)
{
    struct wf_registry_memory *registry = self;
    struct wf_memory_database *database = registry->database;
    struct wf_registry_map map = {0};
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        fill_nodes(database, &map);
        if (record_version > database->record_version &&
            record_version <= wf_registry_record_max(&map)) {
            database->record_version = record_version;
        }
        wf_registry_map_fini(&map);
    }
    return end(registry, err);
}

static struct wf_memory_node *
find_joined(const struct wf_memory_database *database, const char *id)
{
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        struct wf_memory_node *node = database->nodes[i];

        if (node->row.incarnation != 0 && strcmp(node->row.id, id) == 0) {
            return node;
        }
    }
    return NULL;
}

static weft_err
want(void *self, uint32_t partition, const char *node_id)
{
    struct wf_registry_memory *registry = self;
    const struct wf_memory_database *database = registry->database;
    struct wf_memory_node *node = NULL;
    weft_err err = begin(registry);

    if (err == WEFT_OK && node_id != NULL) {
        node = find_joined(database, node_id);
        if (node == NULL || !wf_memory_database_is_live(database, node)) {
            err = wf_error(WEFT_ENOTFOUND, "there is no live node %s", node_id);
        }
    }
    if (err == WEFT_OK && partition >= database->parts_count) {
        err = wf_error(WEFT_ENOTFOUND, "there is no partition %" PRIu32,
                       partition);
    }
    if (err == WEFT_OK) {
        struct wf_memory_part *part = &database->parts[partition];

        part->wanted = node == part->owner ? NULL : node;
    }
    return end(registry, err);
}

static weft_err
ready(void *self, uint32_t partition)
{
    struct wf_registry_memory *registry = self;
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        err = check_replaced(registry);
    }
    if (err == WEFT_OK) {
        WF_ASSERT(partition < registry->database->parts_count);
        registry->database->parts[partition].ready = registry->node;
    }
    return end(registry, err);
}

static weft_err
copied(void *self, const struct wf_registry_copy *copies, uint32_t count)
{
    struct wf_registry_memory *registry = self;
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        err = check_replaced(registry);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < count; i++) {
        struct wf_memory_part *part =
            &registry->database->parts[copies[i].partition];

        if (copies[i].commit > 0 || part->copy == registry->node) {
            part->copy = registry->node;
            part->copy_incarnation = registry->incarnation;
            part->copied = copies[i].commit;
        }
    }
    return end(registry, err);
}

static weft_err
drain(void *self, const char *node_id, bool is_on)
{
    struct wf_registry_memory *registry = self;
    struct wf_memory_node *node;
    weft_err err = begin(registry);

    if (err == WEFT_OK) {
        node = find_joined(registry->database, node_id);
        if (node == NULL) {
            err = wf_error(WEFT_ENOTFOUND, "there is no node %s", node_id);
        } else {
            node->row.is_draining = is_on;
        }
    }
    return end(registry, err);
}

static uint32_t
count_parts(const struct wf_memory_database *database,
            const struct wf_memory_node *node)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < database->parts_count; i++) {
        count += database->parts[i].owner == node;
    }
    return count;
}

// It stays where it is, as one that never joined.
static void
forget_node(struct wf_memory_database *database, struct wf_memory_node *node)
{
    for (uint32_t i = 0; i < database->parts_count; i++) {
        if (database->parts[i].wanted == node) {
            database->parts[i].wanted = NULL;
        }
    }
    if (node->row.incarnation > database->forgotten) {
        database->forgotten = node->row.incarnation;
    }
    node->row.incarnation = 0;
    node->row.is_draining = false;
}

static weft_err
forget(void *self, const char *node_id)
{
    struct wf_registry_memory *registry = self;
    struct wf_memory_database *database = registry->database;
    struct wf_memory_node *node;
    weft_err err = begin(registry);

    if (err != WEFT_OK) {
        return end(registry, err);
    }
    node = find_joined(database, node_id);
    if (node == NULL) {
        err = wf_error(WEFT_ENOTFOUND, "there is no node %s", node_id);
    } else if (wf_memory_database_is_live(database, node) ||
               count_parts(database, node) > 0) {
        err = wf_registry_refuse_forget(
            node_id, wf_memory_database_is_live(database, node),
            count_parts(database, node));
    } else {
        forget_node(database, node);
    }
    return end(registry, err);
}

static weft_err
forget_old(void *self, uint64_t silent_ms)
{
    struct wf_registry_memory *registry = self;
    struct wf_memory_database *database = registry->database;
    weft_err err = begin(registry);

    for (uint32_t i = 0; i < database->nodes_count && err == WEFT_OK; i++) {
        struct wf_memory_node *node = database->nodes[i];

        if (node->row.incarnation != 0 &&
            !wf_memory_database_is_live(database, node) &&
            count_parts(database, node) == 0 &&
            node->lease_until_ns + silent_ms * 1000000 <= now_ns(database)) {
            forget_node(database, node);
        }
    }
    return end(registry, err);
}
