// SPDX-License-Identifier: Apache-2.0
//
// node.c - a node of a cluster without a database: a ledger on a disk in
// memory, which starts, and crashes.

#include <string.h>

#include "ledger/world.h"

static weft_err
open_store(void *ctx, struct wf_store *out_store)
{
    return wf_store_memory_open(((struct node *)ctx)->disk, out_store);
}

void
node_found(struct world *world, struct node *node)
{
    // The last one joins a cluster that is there.
    static const char *const founders[] = {"n0", "n1", "n2"};
    struct wf_ledger_founding founding = {
        .node_id = node->id,
        .partition_count = PARTITIONS,
        .founders = founders,
        .founders_count = node->index < 3 ? 3 : 0,
    };
    struct wf_store store;

    world_must(world, open_store(node, &store) == WEFT_OK, "a disk opens");
    world_must(world, wf_ledger_found(store, &founding) == WEFT_OK, "founded");
    store.ops->close(store.self);
}

void
node_start(struct world *world, struct node *node)
{
    struct wf_ledger_options options = {
        .open_store = open_store,
        .ctx = node,
        .node_id = node->id,
        .must_hear = true,
    };
    struct wf_ledger_node self = {0};

    memcpy(self.row.id, node->id, sizeof(node->id));
    // A write that was to fail is none of these.
    wf_memory_disk_fail_write(node->disk, UINT32_MAX, WEFT_EIO, false);
    world_must(world, wf_ledger_open(&options, &node->ledger) == WEFT_OK,
               "it opens");
    world_must(world, wf_ledger_join(node->ledger, &self) == WEFT_OK,
               "it joins");
    node->log = wf_ledger_log(node->ledger);
    world->lives[node->index]++;
}

void
node_crash(struct world *world, struct node *node)
{
    if (node->ledger == NULL) {
        return;
    }
    wf_memory_disk_crash(node->disk);
    wf_ledger_close(node->ledger);
    node->ledger = NULL;
    memset(node->is_acquired, 0, sizeof(node->is_acquired));
    node->away =
        (uint32_t)world_below(world, world_below(world, 4) == 0 ? 200 : 10);
    world->crashes++;
}
