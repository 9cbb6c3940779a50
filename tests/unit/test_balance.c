// SPDX-License-Identifier: Apache-2.0
//
// test_balance.c - which node is to have which partition.

#include <stdio.h>
#include <string.h>

#include "cluster/balance.h"
#include "storage/registry.h"
#include "support/test.h"

#define PARTS 64
#define NODES 5

struct rig {
    struct wf_registry_node nodes[NODES];
    struct wf_registry_part parts[PARTS];
    struct wf_registry_map map;
    int32_t targets[PARTS];
};

static void
rig_init(struct rig *rig, uint32_t nodes_count)
{
    memset(rig, 0, sizeof(*rig));
    for (uint32_t i = 0; i < nodes_count; i++) {
        (void)snprintf(rig->nodes[i].id, sizeof(rig->nodes[i].id), "node-%u",
                       i);
        rig->nodes[i].incarnation = 1;
        rig->nodes[i].is_live = true;
    }
    for (uint32_t i = 0; i < PARTS; i++) {
        rig->parts[i].owner = -1;
        rig->parts[i].wanted = -1;
        rig->parts[i].ready = -1;
        rig->parts[i].copy = -1;
    }
    rig->map.nodes = rig->nodes;
    rig->map.nodes_count = nodes_count;
    rig->map.parts = rig->parts;
    rig->map.parts_count = PARTS;
}

// Everybody does what was computed. Returns how many partitions moved.
static uint32_t
rig_settle(struct rig *rig)
{
    uint32_t moved = 0;

    wf_balance(&rig->map, rig->targets);
    for (uint32_t i = 0; i < PARTS; i++) {
        int32_t target = rig->targets[i];

        moved += target != wf_balance_owner(&rig->map, i);
        rig->parts[i].owner = target;
        rig->parts[i].owner_incarnation =
            target < 0 ? 0 : rig->nodes[target].incarnation;
    }
    return moved;
}

static uint32_t
rig_load(const struct rig *rig, int32_t node)
{
    uint32_t load = 0;

    for (uint32_t i = 0; i < PARTS; i++) {
        load += rig->targets[i] == node;
    }
    return load;
}

TEST(balance, first_nodes_share_evenly)
{
    struct rig rig;

    rig_init(&rig, 3);
    CHECK_EQ(rig_settle(&rig), PARTS);
    CHECK_EQ(rig_load(&rig, 0) + rig_load(&rig, 1) + rig_load(&rig, 2), PARTS);
    for (int32_t i = 0; i < 3; i++) {
        CHECK(rig_load(&rig, i) == 21 || rig_load(&rig, i) == 22);
    }
    CHECK_EQ(rig_settle(&rig), 0);
}

// A node that joins takes its share, and nothing else moves.
TEST(balance, a_new_node_takes_its_share_only)
{
    struct rig rig;
    uint32_t moved;

    rig_init(&rig, 4);
    rig.nodes[3].is_live = false;
    rig_settle(&rig);
    CHECK_EQ(rig_load(&rig, 3), 0);
    rig.nodes[3].is_live = true;
    moved = rig_settle(&rig);
    CHECK_EQ(moved, 16);
    CHECK_EQ(rig_load(&rig, 3), 16);
    CHECK_EQ(rig_settle(&rig), 0);
}

TEST(balance, what_a_lost_node_had_is_shared_and_the_rest_stays)
{
    struct rig rig;
    uint32_t had;

    rig_init(&rig, 4);
    rig_settle(&rig);
    had = rig_load(&rig, 1);
    rig.nodes[1].is_live = false;
    CHECK_EQ(rig_settle(&rig), had);
    CHECK_EQ(rig_load(&rig, 1), 0);
    for (int32_t i = 0; i < 4; i++) {
        CHECK(i == 1 || rig_load(&rig, i) == 21 || rig_load(&rig, i) == 22);
    }
}

// A process that was started again has nothing of what the one before had,
// until it takes it.
TEST(balance, an_older_incarnation_owns_nothing)
{
    struct rig rig;

    rig_init(&rig, 1);
    rig_settle(&rig);
    rig.nodes[0].incarnation = 2;
    CHECK_EQ(wf_balance_owner(&rig.map, 7), -1);
    CHECK_EQ(rig_settle(&rig), PARTS);
    CHECK_EQ(wf_balance_owner(&rig.map, 7), 0);
}

TEST(balance, a_draining_node_gives_everything_away)
{
    struct rig rig;

    rig_init(&rig, 3);
    rig_settle(&rig);
    rig.nodes[2].is_draining = true;
    rig_settle(&rig);
    CHECK_EQ(rig_load(&rig, 2), 0);
    CHECK_EQ(rig_load(&rig, 0), 32);
    rig.nodes[0].is_draining = true;
    rig.nodes[1].is_draining = true;
    rig_settle(&rig);
    CHECK_EQ(rig.targets[0], -1);
}

TEST(balance, a_plan_comes_before_evenness)
{
    struct rig rig;

    rig_init(&rig, 2);
    for (uint32_t i = 0; i < PARTS; i++) {
        rig.parts[i].wanted = 1;
    }
    rig_settle(&rig);
    CHECK_EQ(rig_load(&rig, 1), PARTS);
    rig.nodes[1].is_live = false; // the plan cannot be kept
    rig_settle(&rig);
    CHECK_EQ(rig_load(&rig, 0), PARTS);
}

// While its node drains, and when it is free; not if who is ready is gone.
TEST(balance, who_has_prepared_for_a_partition_is_to_have_it)
{
    struct rig rig;
    int32_t other;
    uint32_t part = 0;

    rig_init(&rig, 3);
    rig_settle(&rig);
    while (rig.targets[part] != 0) {
        part++;
    }
    rig.nodes[0].is_draining = true;
    wf_balance(&rig.map, rig.targets);
    other = rig.targets[part] == 1 ? 2 : 1;
    rig.parts[part].ready = other;
    wf_balance(&rig.map, rig.targets);
    CHECK_EQ(rig.targets[part], other);
    CHECK_EQ(rig_load(&rig, 1), PARTS / 2);
    rig.parts[part].owner = -1;
    wf_balance(&rig.map, rig.targets);
    CHECK_EQ(rig.targets[part], other);
    rig.nodes[other].is_live = false;
    wf_balance(&rig.map, rig.targets);
    CHECK_EQ(rig.targets[part], 3 - other);
}

// One that can have it, and is not to have it already; so that what a node has
// is not all copied to the same one.
TEST(balance, each_partition_has_another_node_for_its_copy)
{
    struct rig rig;
    uint32_t copies[4] = {0};

    rig_init(&rig, 4);
    rig.nodes[3].is_draining = true;
    rig_settle(&rig);
    for (uint32_t i = 0; i < PARTS; i++) {
        int32_t standby = wf_balance_standby(&rig.map, rig.targets, i);

        CHECK(standby >= 0 && standby != rig.targets[i]);
        copies[standby] += rig.targets[i] == 0;
    }
    CHECK(copies[1] > 0 && copies[2] > 0);
    CHECK_EQ(copies[3], 0);
    rig.nodes[1].is_live = false;
    rig.nodes[2].is_live = false;
    rig_settle(&rig);
    CHECK_EQ(wf_balance_standby(&rig.map, rig.targets, 0), -1);
}

// All of what a lost node had may be at one that has as much already: it takes
// all of it, and gives the rest of what it had to the other.
TEST(balance, what_is_free_goes_to_its_copy)
{
    struct rig rig;
    uint32_t had;

    rig_init(&rig, 3);
    rig_settle(&rig);
    had = rig_load(&rig, 0);
    for (uint32_t i = 0; i < PARTS; i++) {
        rig.parts[i].copy = rig.targets[i] == 0 ? 1 : -1;
    }
    CHECK_EQ(rig_settle(&rig), 0); // it is not lost yet
    rig.nodes[0].is_live = false;
    wf_balance(&rig.map, rig.targets);
    for (uint32_t i = 0; i < PARTS; i++) {
        if (rig.parts[i].copy == 1) {
            CHECK_EQ(rig.targets[i], 1);
            had--;
        }
    }
    CHECK_EQ(had, 0);
    CHECK_EQ(rig_load(&rig, 1), PARTS / 2);

    rig.parts[0].wanted = 2; // a plan comes first
    wf_balance(&rig.map, rig.targets);
    CHECK_EQ(rig.targets[0], 2);
    rig.parts[0].wanted = -1;
    rig.nodes[1].is_draining = true;
    wf_balance(&rig.map, rig.targets);
    CHECK_EQ(rig_load(&rig, 2), PARTS);
}

// Two that have seen the same map agree, whoever computes.
// Without a database nobody else has its log.
TEST(balance, what_is_a_nodes_by_plan_waits_for_it)
{
    struct rig rig;

    rig_init(&rig, 3);
    (void)rig_settle(&rig);
    rig.map.is_planned = true;
    rig.nodes[1].is_live = false;
    for (uint32_t i = 0; i < PARTS; i++) {
        rig.parts[i].owner = (int32_t)(i % 3);
        rig.parts[i].owner_incarnation = 1;
    }
    wf_balance(&rig.map, rig.targets);
    for (uint32_t i = 0; i < PARTS; i++) {
        CHECK_EQ(rig.targets[i] == 1, i % 3 == 1);
    }
}

TEST(balance, it_is_a_function_of_the_map)
{
    struct rig rig;
    int32_t again[PARTS];

    rig_init(&rig, NODES);
    rig_settle(&rig);
    rig.nodes[3].is_live = false;
    wf_balance(&rig.map, rig.targets);
    wf_balance(&rig.map, again);
    CHECK_EQ(memcmp(again, rig.targets, sizeof(again)), 0);
}
