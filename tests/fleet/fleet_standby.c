// SPDX-License-Identifier: Apache-2.0
//
// fleet_standby.c - warm copies: each partition has one, and whoever takes over
// goes on from it, or without it, and nothing is lost or doubled.

#include "cluster/standby.h"
#include "fleet/fleet.h"
#include "fleet/traffic.h"
#include "support/account.h"
#include "support/test.h"

#define SEED 20
#define NODES 3
#define PARTS 8
#define TRANSFERS 1500
#define BEGIN_MS 12000
#define WORK_MS 3000
#define SLACK_MS 6000 // over the lease
#define END_MS 60000

struct rig {
    weft_definitions *definitions;
    struct fleet *fleet;
    struct traffic *traffic;
};

static void
run(struct rig *rig, uint64_t ms)
{
    uint64_t end_ms = fleet_now_ms(rig->fleet) + ms;

    while (fleet_now_ms(rig->fleet) < end_ms) {
        traffic_step(rig->traffic);
        fleet_run(rig->fleet, fleet_now_ms(rig->fleet) + 5);
    }
}

// A calm cluster, with money on the move; everybody has its share.
static void
begin(struct rig *rig, uint64_t standby_bytes, bool is_lied_to)
{
    struct fleet_options options = {
        .seed = SEED,
        .nodes_count = NODES,
        .partition_count = PARTS,
        .window_bytes = 65536,
        .is_calm = true,
        .standby_bytes = standby_bytes,
        .is_lied_to = is_lied_to,
    };

    CHECK_OK(weft_definitions_create(&rig->definitions));
    CHECK_OK(account_define(rig->definitions));
    options.definitions = rig->definitions;
    rig->fleet = fleet_create(&options);
    fleet_run(rig->fleet, fleet_now_ms(rig->fleet) + BEGIN_MS);
    rig->traffic = traffic_create(rig->fleet, NODES, PARTS, TRANSFERS);
    run(rig, WORK_MS);
    CHECK_EQ(fleet_loads(rig->fleet), PARTS);
    CHECK(!traffic_is_over(rig->traffic));
}

// A node is lost. Returns how many partitions it had; *out_warm: how many of
// them were taken from a copy.
static uint64_t
lose_one(struct rig *rig, uint64_t *out_warm)
{
    uint64_t warm = fleet_warm_takes(rig->fleet);
    uint64_t takes = fleet_takes(rig->fleet);
    uint64_t had = fleet_load(rig->fleet, 0);

    CHECK(had > 0);
    fleet_kill(rig->fleet, 0, false);
    while (fleet_loads(rig->fleet) < PARTS) {
        run(rig, 5);
    }
    CHECK_EQ(fleet_takes(rig->fleet) - takes, had);
    *out_warm = fleet_warm_takes(rig->fleet) - warm;
    return had;
}

// All is done, and told.
static void
settle(struct rig *rig, struct wf_standby_counts *out_counts)
{
    uint64_t limit_ms = fleet_now_ms(rig->fleet) + END_MS;

    while (!traffic_is_over(rig->traffic) &&
           fleet_now_ms(rig->fleet) < limit_ms) {
        run(rig, 5);
    }
    CHECK(traffic_is_over(rig->traffic));
    run(rig, SLACK_MS);
    fleet_count_copies(rig->fleet, out_counts);
}

static void
end(struct rig *rig)
{
    fleet_start(rig->fleet, 0);
    run(rig, SLACK_MS);
    traffic_check(rig->traffic, SEED);
    CHECK_EQ(fleet_clashes(rig->fleet), 0);
    fleet_destroy(rig->fleet);
    traffic_destroy(rig->traffic);
    weft_definitions_destroy(rig->definitions);
}

TEST(standby, a_lost_nodes_partitions_are_taken_from_their_copies)
{
    struct rig rig;
    struct wf_standby_counts counts;
    uint64_t had;
    uint64_t warm;

    begin(&rig, 1 << 20, false);
    fleet_count_copies(rig.fleet, &counts);
    CHECK_EQ(counts.copies, PARTS);
    had = lose_one(&rig, &warm);
    CHECK_EQ(warm, had);
    settle(&rig, &counts); // those who are left are each other's
    CHECK_EQ(counts.copies, PARTS);
    CHECK_EQ(counts.behind, 0);
    end(&rig);
}

TEST(standby, without_it_nothing_is_read_ahead)
{
    struct rig rig;
    struct wf_standby_counts counts;
    uint64_t warm;

    begin(&rig, 0, false);
    CHECK(lose_one(&rig, &warm) > 0);
    CHECK_EQ(warm, 0);
    settle(&rig, &counts);
    CHECK_EQ(counts.copies, 0);
    end(&rig);
}

// Copies that may hold no more fall behind: the rest is read when it is needed.
TEST(standby, what_copies_hold_is_bounded)
{
    struct rig rig;
    struct wf_standby_counts counts;
    uint64_t warm;

    begin(&rig, 4, false);
    settle(&rig, &counts);
    CHECK(counts.behind > 0);
    CHECK(lose_one(&rig, &warm) > 0);
    end(&rig);
}

// As of a primary that was replaced by a standby: then all is read.
TEST(standby, what_a_copy_read_and_was_lost_has_no_effect)
{
    struct rig rig;
    struct wf_standby_counts counts;
    uint64_t warm;

    begin(&rig, 1 << 20, true);
    settle(&rig, &counts);
    CHECK_EQ(counts.copies, PARTS);
    CHECK(lose_one(&rig, &warm) > 0);
    CHECK_EQ(warm, 0);
    end(&rig);
}
