// SPDX-License-Identifier: Apache-2.0
//
// local.c - a node of a cluster without a database: founding, opening, and what
// membership asks.

#include "cluster/local.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "cluster/balance.h"
#include "storage/directory.h"

enum {
    AWAIT_MS = 3000, // for another node, before it opens without
    LOOK_MS = 3000,
};

// Release with wf_free.
static char *
path_of(const char *data_dir, const char *name)
{
    size_t size = strlen(data_dir) + strlen(name) + 2;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s", data_dir, name);
    return path;
}

static weft_err
open_store(void *ctx, struct wf_store *out_store)
{
    const struct wf_local *local = ctx;

    return wf_store_rocks_open(local->ledger_dir, false, out_store);
}

// Founding. -------------------------------------------------------------------

static int
compare_entries(const void *a, const void *b)
{
    const struct wf_exchange_entry *left = a;
    const struct wf_exchange_entry *right = b;

    return strcmp(left->id, right->id);
}

// The same from the same list, so that founders need not be asked.
static void
make_id(const struct wf_exchange_list *list, uint32_t partition_count,
        uint8_t out_id[16])
{
    struct wf_exchange_list sorted = *list;
    struct wf_buf bytes = {0};

    qsort(sorted.entries, sorted.count, sizeof(sorted.entries[0]),
          compare_entries);
    wf_buf_put_u32(&bytes, partition_count);
    for (uint32_t i = 0; i < sorted.count; i++) {
        wf_buf_put_text(&bytes, sorted.entries[i].id);
        wf_buf_put_text(&bytes, sorted.entries[i].endpoint);
    }
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t half = wf_hash64(bytes.data, bytes.len, i + 1);

        memcpy(out_id + 8 * i, &half, sizeof(half));
    }
    wf_buf_fini(&bytes);
}

static weft_err
found_at(const char *dir, const struct wf_ledger_founding *founding)
{
    struct wf_store store;
    weft_err err = wf_store_rocks_open(dir, false, &store);

    if (err == WEFT_OK) {
        err = wf_ledger_found(store, founding);
        store.ops->close(store.self);
    }
    return err == WEFT_EEXISTS ? wf_error(err, "%s: %s", dir, weft_err_detail())
                               : err;
}

static weft_err
make_directories(const char *data_dir)
{
    return wf_directory_make(data_dir);
}

weft_err
wf_local_found(const char *database, uint32_t partition_count,
               const char *node_id, const char *data_dir)
{
    const char *founders[WF_EXCHANGE_LIST_MAX];
    struct wf_exchange_list list;
    struct wf_ledger_founding founding = {
        .node_id = node_id,
        .partition_count = partition_count,
        .founders = founders,
    };
    char *dir;
    weft_err err = wf_exchange_list_read(database, &list);

    if (err == WEFT_OK && wf_exchange_list_find(&list, node_id) == NULL) {
        err = wf_error(WEFT_EINVAL, "node %s is not in the list of nodes",
                       node_id);
    }
    wf_exchange_list_wipe(&list); // they are needed only to ask
    if (err == WEFT_OK) {
        err = make_directories(data_dir);
    }
    if (err != WEFT_OK) {
        return err;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        founders[i] = list.entries[i].id;
    }
    founding.founders_count = list.count;
    make_id(&list, partition_count, founding.cluster_id);
    dir = path_of(data_dir, "ledger");
    err = found_at(dir, &founding);
    wf_free(dir);
    return err;
}

// A node that has nothing joins what the others are in. One that they know has
// lost its directory, and is found out when it has joined.
static weft_err
learn(struct wf_local *local)
{
    struct wf_ledger_founding founding = {.node_id = local->options.node_id};
    struct wf_ledger_view view;
    struct wf_exchange_list others = {0};
    weft_err err;

    for (uint32_t i = 0; i < local->list.count; i++) {
        const struct wf_exchange_entry *entry = &local->list.entries[i];

        if (strcmp(entry->id, local->options.node_id) != 0) {
            others.entries[others.count++] = *entry;
        }
    }
    if (others.count == 0) {
        return wf_error(WEFT_ENOTFOUND,
                        "%s has no cluster: `weft cluster init` makes one",
                        local->options.data_dir);
    }
    others.keys = local->list.keys;
    err = wf_exchange_look(&others, LOOK_MS, &view);
    wf_exchange_list_wipe(&others);
    if (err == WEFT_EIO) {
        return wf_error(WEFT_ENOTFOUND,
                        "%s has no cluster (`weft cluster init` makes one), "
                        "and %s",
                        local->options.data_dir, weft_err_detail());
    }
    if (err == WEFT_OK) {
        memcpy(founding.cluster_id, view.cluster_id,
               sizeof(founding.cluster_id));
        founding.partition_count = view.parts_count;
        err = found_at(local->ledger_dir, &founding);
        wf_ledger_view_fini(&view);
    }
    return err;
}

// Opening. --------------------------------------------------------------------

static weft_err
open_ledger(struct wf_local *local)
{
    struct wf_ledger_options options = {
        .open_store = open_store,
        .ctx = local,
        .node_id = local->options.node_id,
        .must_hear = local->list.count > 1,
    };
    weft_err err = wf_ledger_open(&options, &local->ledger);

    if (err == WEFT_ENOTFOUND) {
        err = learn(local);
        if (err == WEFT_OK) {
            err = wf_ledger_open(&options, &local->ledger);
        }
    }
    if (err == WEFT_OK) {
        wf_ledger_cluster_id(local->ledger, local->cluster_id);
        local->partition_count = wf_ledger_partition_count(local->ledger);
    }
    return err;
}

weft_err
wf_local_open(const struct wf_local_options *options,
              struct wf_local **out_local)
{
    struct wf_local *local = wf_calloc(sizeof(*local));
    weft_err err;

    local->options = *options;
    local->options.database = wf_strdup(options->database);
    local->options.node_id = wf_strdup(options->node_id);
    local->options.data_dir = wf_strdup(options->data_dir);
    local->options.snapshots =
        options->snapshots == NULL ? NULL : wf_strdup(options->snapshots);
    local->ledger_dir = path_of(options->data_dir, "ledger");
    err = wf_exchange_list_read(options->database, &local->list);
    if (err == WEFT_OK &&
        wf_exchange_list_find(&local->list, options->node_id) == NULL) {
        err = wf_error(WEFT_EINVAL, "node %s is not in the list of nodes",
                       options->node_id);
    }
    if (err == WEFT_OK) {
        err = make_directories(options->data_dir);
    }
    if (err == WEFT_OK) {
        err = open_ledger(local);
    }
    if (err == WEFT_OK) {
        err = wf_local_open_snapshots(local, &local->files);
    }
    if (err != WEFT_OK) {
        wf_local_close(local);
        return err;
    }
    *out_local = local;
    return WEFT_OK;
}

void
wf_local_end(struct wf_local *local)
{
    wf_exchange_destroy(local->exchange);
    local->exchange = NULL;
}

void
wf_local_close(struct wf_local *local)
{
    if (local == NULL) {
        return;
    }
    wf_exchange_destroy(local->exchange);
    wf_ledger_close(local->ledger);
    if (local->files.ops != NULL) {
        local->files.ops->close(local->files.self);
    }
    wf_exchange_list_wipe(&local->list);
    wf_free(local->ledger_dir);
    wf_free((void *)(uintptr_t)local->options.database);
    wf_free((void *)(uintptr_t)local->options.node_id);
    wf_free((void *)(uintptr_t)local->options.data_dir);
    wf_free((void *)(uintptr_t)local->options.snapshots);
    wf_free(local);
}

bool
wf_local_has_own_snapshots(const struct wf_local *local)
{
    return local->options.snapshots == NULL;
}

static weft_err
begin_exchange(struct wf_local *local)
{
    char *dir = path_of(local->options.data_dir, "moving");
    struct wf_exchange_options options = {
        .ledger = local->ledger,
        .list = &local->list,
        .node_id = local->options.node_id,
        .files = local->files,
        .has_own_files = wf_local_has_own_snapshots(local),
        .dir = dir,
        .clock = local->options.clock,
        .trace = local->options.trace,
        .changed = local->options.changed,
        .ctx = local->options.ctx,
    };
    weft_err err = wf_exchange_create(&options, &local->exchange);

    wf_free(dir);
    return err;
}

weft_err
wf_local_join(struct wf_local *local, struct wf_registry_node *node)
{
    const struct wf_exchange_entry *me =
        wf_exchange_list_find(&local->list, local->options.node_id);
    struct wf_ledger_node self = {.row = *node};
    weft_err err;

    memcpy(self.ledger, me->endpoint, sizeof(self.ledger));
    err = wf_ledger_join(local->ledger, &self);
    if (err != WEFT_OK) {
        return err;
    }
    node->incarnation = self.row.incarnation;
    err = begin_exchange(local);
    if (err == WEFT_OK && local->list.count > 1) {
        err = wf_exchange_await(local->exchange, AWAIT_MS);
        err = err == WEFT_EBUSY ? WEFT_OK : err; // it may come later
    }
    return err;
}

weft_err
wf_local_open_snapshots(const struct wf_local *local,
                        struct wf_snapshots *out_files)
{
    const char *where = local->options.snapshots;
    char *dir;
    weft_err err;

    if (where != NULL && strcmp(where, "none") == 0) {
        return WEFT_OK;
    }
    if (where != NULL) {
        return wf_snapshots_open(where, local->cluster_id, out_files);
    }
    dir = path_of(local->options.data_dir, "snapshots");
    err = wf_directory_make(dir);
    if (err == WEFT_OK) {
        err = wf_snapshots_dir_open(dir, local->cluster_id, out_files);
    }
    wf_free(dir);
    return err;
}

// What membership asks. -------------------------------------------------------

void
wf_local_map(struct wf_local *local, const struct wf_registry_map *map)
{
    int32_t *targets = wf_calloc(map->parts_count * sizeof(*targets));
    bool *are_wanted = wf_calloc(map->parts_count * sizeof(*are_wanted));
    int32_t me = wf_registry_find(map, local->options.node_id);

    wf_balance(map, targets);
    for (uint32_t i = 0; i < map->parts_count; i++) {
        are_wanted[i] = me >= 0 && targets[i] == me;
    }
    wf_exchange_want(local->exchange, are_wanted);
    wf_free(targets);
    wf_free(are_wanted);
}

bool
wf_local_may_take(struct wf_local *local, uint32_t partition)
{
    return wf_ledger_may_acquire(local->ledger, partition);
}

bool
wf_local_may_give(struct wf_local *local, uint32_t partition,
                  const char *node_id)
{
    return wf_exchange_is_close(local->exchange, partition, node_id);
}

bool
wf_local_is_empty(struct wf_local *local)
{
    struct wf_ledger_view view = {0};
    bool has_others = false;

    wf_exchange_view(local->exchange, &view);
    for (uint32_t i = 0; i < view.nodes_count; i++) {
        const struct wf_registry_node *row = &view.nodes[i].row;

        has_others =
            has_others || (row->is_live && !row->is_draining &&
                           strcmp(row->id, local->options.node_id) != 0);
    }
    wf_ledger_view_fini(&view);
    return !has_others || wf_ledger_count(local->ledger) == 0;
}
