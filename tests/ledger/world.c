// SPDX-License-Identifier: Apache-2.0
//
// world.c - the nodes of a cluster without a database: their beginning and end,
// chance, and how a fault is told.

#include "ledger/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"

struct world *
world_create(uint64_t seed)
{
    struct world *world = wf_calloc(sizeof(*world));

    world->seed = seed;
    wf_random_init(&world->random, seed);
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *node = &world->nodes[i];

        node->index = i;
        (void)snprintf(node->id, sizeof(node->id), "n%" PRIu32, i);
        node->disk = wf_memory_disk_create();
        node_found(world, node);
        node_start(world, node);
    }
    return world;
}

void
world_destroy(struct world *world)
{
    while (world->letters_count > 0) {
        letters_drop(world, 0);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        wf_ledger_close(world->nodes[i].ledger);
        wf_memory_disk_destroy(world->nodes[i].disk);
    }
    wf_free(world);
}

uint64_t
world_below(struct world *world, uint64_t limit)
{
    return wf_random_below(&world->random, limit);
}

static void
fail(const struct world *world, const char *what)
{
    (void)printf("seed %" PRIu64 ": %s; %s\n", world->seed, what,
                 weft_err_detail());
    exit(1);
}

void
world_must(const struct world *world, bool is_true, const char *what)
{
    if (!is_true) {
        fail(world, what);
    }
}
