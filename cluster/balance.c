// SPDX-License-Identifier: Apache-2.0
//
// balance.c - which node is to have which partition.

#include "cluster/balance.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "storage/registry.h"

// What is being computed.
struct balance {
    const struct wf_registry_map *map;
    int32_t *targets;
    uint32_t *loads; // by node
};

int32_t
wf_balance_owner(const struct wf_registry_map *map, uint32_t partition)
{
    const struct wf_registry_part *part = &map->parts[partition];
    const struct wf_registry_node *node;

    if (part->owner < 0) {
        return -1;
    }
    node = &map->nodes[part->owner];
    return (node->is_live || map->is_planned) &&
                   node->incarnation == part->owner_incarnation
               ? part->owner
               : -1;
}

static bool
can_have(const struct wf_registry_map *map, int32_t node)
{
    return node >= 0 && map->nodes[node].is_live &&
           !map->nodes[node].is_draining;
}

// What it has stays with it: because it can have it, or because nobody else
// may.
static bool
does_keep(const struct wf_registry_map *map, int32_t owner)
{
    return can_have(map, owner) ||
           (map->is_planned && owner >= 0 && !map->nodes[owner].is_live);
}

static uint64_t
weight(const struct wf_registry_map *map, uint32_t partition, uint32_t node)
{
    const char *id = map->nodes[node].id;

    return wf_hash64(id, strlen(id), partition);
}

static void
set_target(struct balance *balance, uint32_t partition, int32_t node)
{
    balance->targets[partition] = node;
    if (node >= 0) {
        balance->loads[node]++;
    }
}

// What is to go somewhere by plan, or to who has prepared for it, or stays
// where it is.
static void
place_settled(struct balance *balance)
{
    const struct wf_registry_map *map = balance->map;

    for (uint32_t i = 0; i < map->parts_count; i++) {
        int32_t owner = wf_balance_owner(map, i);
        int32_t wanted = map->parts[i].wanted;
        int32_t ready = map->parts[i].ready;

        if (can_have(map, wanted)) {
            set_target(balance, i, wanted);
        } else if (can_have(map, ready)) {
            set_target(balance, i, ready);
        } else {
            set_target(balance, i, does_keep(map, owner) ? owner : -1);
        }
    }
}

int32_t
wf_balance_standby(const struct wf_registry_map *map, const int32_t *targets,
                   uint32_t partition)
{
    int32_t best = -1;

    for (uint32_t i = 0; i < map->nodes_count; i++) {
        int32_t node = (int32_t)i;

        if (can_have(map, node) && node != targets[partition] &&
            (best < 0 || weight(map, partition, i) >
                             weight(map, partition, (uint32_t)best))) {
            best = node;
        }
    }
    return best;
}

// The node with the fewest, and of those the one that weighs most; -1: none
// can have it.
static int32_t
find_lightest(const struct balance *balance, uint32_t partition)
{
    const struct wf_registry_map *map = balance->map;
    int32_t best = -1;

    for (uint32_t i = 0; i < map->nodes_count; i++) {
        if (!can_have(map, (int32_t)i)) {
            continue;
        }
        if (best < 0 || balance->loads[i] < balance->loads[best] ||
            (balance->loads[i] == balance->loads[best] &&
             weight(map, partition, i) >
                 weight(map, partition, (uint32_t)best))) {
            best = (int32_t)i;
        }
    }
    return best;
}

// Copies first: who has them weighs when the rest is placed.
static void
place_free(struct balance *balance)
{
    const struct wf_registry_map *map = balance->map;

    for (uint32_t i = 0; i < map->parts_count; i++) {
        if (balance->targets[i] < 0 && can_have(map, map->parts[i].copy)) {
            set_target(balance, i, map->parts[i].copy);
        }
    }
    for (uint32_t i = 0; i < map->parts_count; i++) {
        if (balance->targets[i] < 0) {
            set_target(balance, i, find_lightest(balance, i));
        }
    }
}

// Nobody has it, and `node` has a warm copy: it is taken there first, and moved
// when it runs.
static bool
is_at_its_copy(const struct wf_registry_map *map, uint32_t partition,
               int32_t node)
{
    return map->parts[partition].copy == node &&
           wf_balance_owner(map, partition) < 0;
}

static int32_t
find_heaviest(const struct balance *balance)
{
    const struct wf_registry_map *map = balance->map;
    int32_t best = -1;

    for (uint32_t i = 0; i < map->nodes_count; i++) {
        if (can_have(map, (int32_t)i) &&
            (best < 0 || balance->loads[i] > balance->loads[best])) {
            best = (int32_t)i;
        }
    }
    return best;
}

// The partition of `from` that is best moved to `to`; -1: all that it has is to
// be there by plan, or for its copy.
static int32_t
find_movable(const struct balance *balance, int32_t from, int32_t to)
{
    const struct wf_registry_map *map = balance->map;
    int32_t best = -1;

    for (uint32_t i = 0; i < map->parts_count; i++) {
        if (balance->targets[i] != from || map->parts[i].wanted == from ||
            is_at_its_copy(map, i, from)) {
            continue;
        }
        if (best < 0 || weight(map, i, (uint32_t)to) >
                            weight(map, (uint32_t)best, (uint32_t)to)) {
            best = (int32_t)i;
        }
    }
    return best;
}

static void
level(struct balance *balance)
{
    for (uint32_t i = 0; i < balance->map->parts_count; i++) {
        int32_t from = find_heaviest(balance);
        int32_t to = find_lightest(balance, i);
        int32_t moved;

        if (from < 0 || to < 0 ||
            balance->loads[from] < balance->loads[to] + 2) {
            return;
        }
        moved = find_movable(balance, from, to);
        if (moved < 0) {
            return;
        }
        balance->targets[moved] = to;
        balance->loads[from]--;
        balance->loads[to]++;
    }
}

void
wf_balance(const struct wf_registry_map *map, int32_t *out_targets)
{
    struct balance balance = {
        .map = map,
        .targets = out_targets,
        .loads = wf_calloc((map->nodes_count + 1) * sizeof(uint32_t)),
    };

    place_settled(&balance);
    place_free(&balance);
    level(&balance);
    wf_free(balance.loads);
}
