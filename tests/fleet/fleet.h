// SPDX-License-Identifier: Apache-2.0
//
// fleet.h - the nodes of one cluster in one thread: whole nodes, stepped by
// hand in an order that a seed decides, over one database in memory, on one
// clock, of which some nodes' are ahead, with disks that lose what was not
// synced and a network that loses, doubles and delays. Snapshots are made
// often, and kept in memory too.
//
// What can be done to a node: it is killed (its process, or its power too),
// started again, paused, cut off from the database, its lease ended early; an
// append of it can end in doubt; its directory can be lost.

#ifndef WF_TESTS_FLEET_FLEET_H
#define WF_TESTS_FLEET_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "weft/definitions.h"

struct fleet;
struct wf_request;

#define FLEET_NODES_MAX 5
#define FLEET_LEASE_MS 3000

struct fleet_options {
    uint64_t seed;
    uint32_t nodes_count;
    uint32_t partition_count;
    int64_t window_bytes;
    const weft_definitions *definitions; // borrowed
    bool is_calm;                        // the network loses nothing
    uint64_t standby_bytes;              // 0: no warm copies
    bool is_lied_to; // what copies read ends with what is lost, each time
};

struct fleet *fleet_create(const struct fleet_options *options);
void fleet_destroy(struct fleet *fleet);

uint64_t fleet_now_ms(const struct fleet *fleet);
struct wf_random *fleet_random(struct fleet *fleet);
// Until then: every node, its membership and the network do what they have to.
void fleet_run(struct fleet *fleet, uint64_t until_ms);
// The network loses, doubles and delays nothing any more.
void fleet_calm(struct fleet *fleet);

bool fleet_is_up(const struct fleet *fleet, uint32_t node);
// It must be down. Fails the test if it cannot be opened.
void fleet_start(struct fleet *fleet, uint32_t node);
// It must be up. has_power: what was written and not synced is still there.
void fleet_kill(struct fleet *fleet, uint32_t node, bool has_power);
// As its owner does: it gives everything away, and ends.
void fleet_close(struct fleet *fleet, uint32_t node);
// It does nothing until then; its lease runs.
void fleet_pause(struct fleet *fleet, uint32_t node, uint64_t until_ms);
void fleet_cut(struct fleet *fleet, uint32_t node, bool is_cut);
void fleet_expire(struct fleet *fleet, uint32_t node);
void fleet_doubt(struct fleet *fleet, uint32_t node, bool has_landed);
void fleet_drain(struct fleet *fleet, uint32_t node, bool is_on);
// Its directory becomes that of another one.
void fleet_swap_disks(struct fleet *fleet, uint32_t node, uint32_t other);

// Its directory is empty. It must be down.
void fleet_wipe(struct fleet *fleet, uint32_t node);
// After so many uses more, where snapshots are kept fails, each time, until it
// is told another number; UINT32_MAX: never.
void fleet_fail_snapshots(struct fleet *fleet, uint32_t skip);
struct wf_snapshotter_counts;
// Of all nodes, and all their lives.
void fleet_count_snapshots(const struct fleet *fleet,
                           struct wf_snapshotter_counts *out_counts);

// Give a request to a node, which must be up; takes it.
void fleet_ask(struct fleet *fleet, uint32_t node, struct wf_request *request);
// How many partitions run at the node, and at all.
uint32_t fleet_load(const struct fleet *fleet, uint32_t node);
uint32_t fleet_loads(const struct fleet *fleet);
// Partitions that were taken, over all; and how often two nodes were seen to
// have one in the same epoch, which must be 0.
uint64_t fleet_takes(const struct fleet *fleet);
uint64_t fleet_clashes(const struct fleet *fleet);
// Of those that were taken, what had been read ahead.
uint64_t fleet_warm_takes(const struct fleet *fleet);
struct wf_standby_counts;
// Of all nodes that are up.
void fleet_count_copies(const struct fleet *fleet,
                        struct wf_standby_counts *out_counts);

#endif
