// SPDX-License-Identifier: Apache-2.0
//
// memory_database.c - a cluster's database in memory: its tables, and what a
// test does to it.
//
// Threads: any.

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "storage/log_memory.h"
#include "storage/log_memory_impl.h"

struct wf_memory_database *
wf_memory_database_create(uint32_t partition_count, struct wf_clock clock,
                          bool can_wait)
{
    struct wf_memory_database *database = wf_calloc(sizeof(*database));

    WF_ASSERT(pthread_mutex_init(&database->lock, NULL) == 0);
    WF_ASSERT(pthread_cond_init(&database->changed, NULL) == 0);
    database->clock = clock;
    database->can_wait = can_wait;
    database->durability = WF_DURABILITY_QUORUM;
    database->record_version = WF_SEGMENT_VERSION_MIN;
    memcpy(database->cluster_id, "cluster in memor", 16);
    database->parts_count = partition_count;
    database->parts = wf_calloc(partition_count * sizeof(*database->parts));
    for (uint32_t i = 0; i < partition_count; i++) {
        database->parts[i].first = 1;
    }
    return database;
}

static void
forget_part(struct wf_memory_part *part)
{
    for (uint64_t i = part->first; i <= part->last; i++) {
        wf_free((void *)(uintptr_t)part->commits[i - part->first].segment.data);
    }
    for (uint32_t i = 0; i < part->snapshots_count; i++) {
        wf_free((void *)(uintptr_t)part->snapshots[i].manifest.data);
    }
    wf_free(part->commits);
}

void
wf_memory_blame_free(struct wf_memory_blame *blame)
{
    wf_free((void *)(uintptr_t)blame->key.data);
    wf_free(blame->how);
}

static void
forget_blames(struct wf_memory_database *database)
{
    for (uint32_t i = 0; i < database->blames_count; i++) {
        wf_memory_blame_free(&database->blames[i]);
    }
    wf_free(database->blames);
}

void
wf_memory_database_destroy(struct wf_memory_database *database)
{
    if (database == NULL) {
        return;
    }
    WF_ASSERT(database->handles == 0);
    for (uint32_t i = 0; i < database->parts_count; i++) {
        forget_part(&database->parts[i]);
    }
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        wf_free(database->nodes[i]);
    }
    wf_free(database->nodes);
    wf_free(database->parts);
    forget_blames(database);
    pthread_cond_destroy(&database->changed);
    pthread_mutex_destroy(&database->lock);
    wf_free(database);
}

struct wf_memory_node *
wf_memory_database_node(struct wf_memory_database *database, const char *id)
{
    struct wf_memory_node *node;

    for (uint32_t i = 0; i < database->nodes_count; i++) {
        if (strcmp(database->nodes[i]->row.id, id) == 0) {
            return database->nodes[i];
        }
    }
    WF_ASSERT(strlen(id) <= WF_NODE_ID_CHARS_MAX);
    node = wf_calloc(sizeof(*node));
    memcpy(node->row.id, id, strlen(id));
    database->nodes =
        wf_realloc(database->nodes, (database->nodes_count + 1) *
                                        sizeof(struct wf_memory_node *));
    database->nodes[database->nodes_count++] = node;
    return node;
}

bool
wf_memory_database_is_live(const struct wf_memory_database *database,
                           const struct wf_memory_node *node)
{
    return node->row.incarnation != 0 &&
           node->lease_until_ns > database->clock.mono_ns(database->clock.self);
}

void
wf_memory_database_cut(struct wf_memory_database *database, const char *node_id,
                       bool is_cut)
{
    pthread_mutex_lock(&database->lock);
    wf_memory_database_node(database, node_id)->is_cut = is_cut;
    pthread_cond_broadcast(&database->changed);
    pthread_mutex_unlock(&database->lock);
}

void
wf_memory_database_doubt(struct wf_memory_database *database,
                         const char *node_id, bool has_landed)
{
    struct wf_memory_node *node;

    pthread_mutex_lock(&database->lock);
    node = wf_memory_database_node(database, node_id);
    node->is_doubt_next = true;
    node->has_doubt_landed = has_landed;
    pthread_mutex_unlock(&database->lock);
}

void
wf_memory_database_lie(struct wf_memory_database *database, const char *node_id,
                       bool is_on)
{
    pthread_mutex_lock(&database->lock);
    wf_memory_database_node(database, node_id)->is_lied_to = is_on;
    pthread_mutex_unlock(&database->lock);
}

void
wf_memory_database_expire(struct wf_memory_database *database,
                          const char *node_id)
{
    pthread_mutex_lock(&database->lock);
    wf_memory_database_node(database, node_id)->lease_until_ns = 0;
    pthread_mutex_unlock(&database->lock);
}

void
wf_memory_database_durability(struct wf_memory_database *database,
                              enum wf_durability durability)
{
    pthread_mutex_lock(&database->lock);
    database->durability = durability;
    pthread_mutex_unlock(&database->lock);
}
