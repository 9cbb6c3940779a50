// SPDX-License-Identifier: Apache-2.0
//
// faults.c - what befalls a cluster in storm.c: each strikes, lasts for a
// while, and is over when it returns.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "nodes/moment.h"
#include "nodes/net.h"
#include "nodes/readers.h"
#include "nodes/storm.h"
#include "nodes/witness.h"
#include "postgres/servers.h"

enum {
    TAKEOVER_MS = 60000,
    SHARE_MS = 10000,
    DARK_MS = 60000,
    ALONE_MS = 20000
};

uint32_t
storm_below(struct storm *storm, uint32_t limit)
{
    storm->seed = storm->seed * 1664525U + 1013904223U;
    return (storm->seed >> 8) % limit;
}

// One that has something to lose, if that can be had soon.
static uint32_t
choose_node(struct storm *storm)
{
    uint32_t node = storm_below(storm, STORM_NODES);
    const char *name = storm->processes.all[node].name;
    uint64_t until_ms = moment_now_ms() + SHARE_MS;

    while (witness_owned(storm->servers, storm->primary, name) == 0 &&
           moment_now_ms() < until_ms) {
        moment_sleep_ms(50);
    }
    return node;
}

// For longer than the lease.
static void
outlast_lease(struct storm *storm)
{
    moment_sleep_ms(STORM_LEASE_MS * 5 / 4 +
                    storm_below(storm, 2 * STORM_LEASE_MS));
}

// Until the others have what a node had that was lost at since_ms.
static void
await_takeover(struct storm *storm, uint32_t node, uint64_t since_ms)
{
    const char *name = storm->processes.all[node].name;
    uint64_t took_ms = 0;

    while (witness_owned(storm->servers, storm->primary, name) > 0 &&
           took_ms < TAKEOVER_MS) {
        moment_sleep_ms(20);
        took_ms = moment_now_ms() - since_ms;
    }
    (void)fprintf(stderr, "  taken over after %" PRIu64 " ms\n", took_ms);
    storm->failures += took_ms >= TAKEOVER_MS;
    if (took_ms > storm->takeover_ms) {
        storm->takeover_ms = took_ms;
    }
}

// Of nodes. -------------------------------------------------------------------

static void
strike_kill(struct storm *storm)
{
    uint32_t node = choose_node(storm);
    uint64_t since_ms = moment_now_ms();

    processes_kill(&storm->processes, node);
    if (storm_below(storm, 2) == 0) {
        await_takeover(storm, node, since_ms);
    } else {
        moment_sleep_ms(storm_below(storm, STORM_LEASE_MS));
    }
    processes_start(&storm->processes, node);
}

static void
strike_lose(struct storm *storm)
{
    uint32_t node = choose_node(storm);

    processes_kill(&storm->processes, node);
    processes_lose(&storm->processes, node);
    processes_start(&storm->processes, node);
}

// It starts where it was before, on an older copy of its directory.
static void
strike_stale(struct storm *storm)
{
    uint32_t node = choose_node(storm);

    processes_kill(&storm->processes, node);
    processes_save(&storm->processes, node);
    processes_start(&storm->processes, node);
    moment_sleep_ms(STORM_LEASE_MS + storm_below(storm, STORM_LEASE_MS));
    processes_kill(&storm->processes, node);
    processes_go_back(&storm->processes, node);
    processes_start(&storm->processes, node);
}

static void
strike_end(struct storm *storm)
{
    uint32_t node = choose_node(storm);

    storm->failures += !processes_end(&storm->processes, node);
    processes_start(&storm->processes, node);
}

static void
strike_grow(struct storm *storm)
{
    processes_start(&storm->processes, STORM_GUEST);
    moment_sleep_ms(STORM_LEASE_MS + storm_below(storm, STORM_LEASE_MS));
    storm->failures += !processes_end(&storm->processes, STORM_GUEST);
}

// Another process comes under the name of one that runs, which has no part in
// the cluster from then on, and ends well. Until it knows, it answers queries
// with what it had.
static void
strike_twice(struct storm *storm)
{
    uint32_t node = choose_node(storm);

    processes_name(&storm->processes, STORM_TWIN,
                   storm->processes.all[node].name);
    readers_allow_old(storm->readers, true);
    processes_start(&storm->processes, STORM_TWIN);
    moment_sleep_ms(STORM_LEASE_MS + storm_below(storm, STORM_LEASE_MS));
    readers_allow_old(storm->readers, false);
    if (storm_below(storm, 2) == 0) {
        processes_kill(&storm->processes, node);
        storm->failures += !processes_end(&storm->processes, STORM_TWIN);
    } else {
        storm->failures += !processes_end(&storm->processes, node);
        processes_kill(&storm->processes, STORM_TWIN);
    }
    processes_start(&storm->processes, node);
}

static void
strike_pause(struct storm *storm)
{
    uint32_t node = choose_node(storm);

    processes_pause(&storm->processes, node);
    moment_sleep_ms(STORM_LEASE_MS + storm_below(storm, 2 * STORM_LEASE_MS));
    processes_continue(&storm->processes, node);
}

// Of the network. -------------------------------------------------------------

static void
cut(struct storm *storm, uint32_t from, uint32_t to, bool is_cut)
{
    if (is_cut) {
        net_cut(storm->net, from, to);
    } else {
        net_heal(storm->net, from, to);
    }
}

// A node hears nothing of the database, nor the database of it; clients are
// where that is. It is taken over meanwhile, and comes back.
static void
strike_cut_database(struct storm *storm)
{
    uint32_t node = choose_node(storm);
    uint64_t since_ms = moment_now_ms();

    cut(storm, node, NET_HOST, true);
    if (storm_below(storm, 2) == 0) {
        cut(storm, NET_HOST, node, true);
        await_takeover(storm, node, since_ms);
        outlast_lease(storm);
        cut(storm, NET_HOST, node, false);
    } else {
        await_takeover(storm, node, since_ms);
        outlast_lease(storm);
    }
    cut(storm, node, NET_HOST, false);
}

// What the others say, or what it says, or both, is lost between a node and all
// others, or one.
static void
strike_cut_peers(struct storm *storm)
{
    uint32_t node = choose_node(storm);
    uint32_t ways = 1 + storm_below(storm, 3);
    uint32_t others = 1 + storm_below(storm, 2);

    for (int is_cut = 1; is_cut >= 0; is_cut--) {
        for (uint32_t i = 1; i <= others; i++) {
            uint32_t other = (node + i) % STORM_NODES;

            if ((ways & 1) != 0) {
                cut(storm, node, other, is_cut != 0);
            }
            if ((ways & 2) != 0) {
                cut(storm, other, node, is_cut != 0);
            }
        }
        if (is_cut != 0) {
            outlast_lease(storm);
        }
    }
}

// Nothing reaches it, and nothing that it sends arrives, for so long that each
// who waits for something has given up, and tries again.
static void
strike_alone(struct storm *storm)
{
    uint32_t node = choose_node(storm);

    for (int is_cut = 1; is_cut >= 0; is_cut--) {
        for (uint32_t i = 0; i < STORM_NODES; i++) {
            uint32_t other = i == node ? NET_HOST : i;

            cut(storm, node, other, is_cut != 0);
            cut(storm, other, node, is_cut != 0);
        }
        if (is_cut != 0) {
            moment_sleep_ms(ALONE_MS + storm_below(storm, ALONE_MS));
        }
    }
}

static void
strike_slow(struct storm *storm)
{
    for (uint32_t i = 0; i < STORM_NODES; i++) {
        net_slow(storm->net, i, true);
    }
    outlast_lease(storm);
    for (uint32_t i = 0; i < STORM_NODES; i++) {
        net_slow(storm->net, i, false);
    }
}

// Of the database. ------------------------------------------------------------

static void
strike_freeze(struct storm *storm)
{
    int first = (storm->primary + 1) % 3;
    int second = (storm->primary + 2) % 3;

    servers_freeze(storm->servers, first);
    servers_freeze(storm->servers, second);
    moment_sleep_ms(storm_below(storm, 2 * STORM_LEASE_MS));
    servers_thaw(storm->servers, first);
    servers_thaw(storm->servers, second);
}

static void
strike_primary(struct storm *storm)
{
    int old = storm->primary;
    int one = (old + 1) % 3;
    int two = (old + 2) % 3;
    int next;

    servers_kill(storm->servers, old);
    // What is acknowledged is on one of them at least: on the one ahead.
    next = servers_newest(storm->servers, one, two);
    servers_promote(storm->servers, next);
    servers_follow(storm->servers, next == one ? two : one, next);
    servers_rebuild(storm->servers, old, next);
    storm->primary = next;
}

static void
strike_away(struct storm *storm)
{
    servers_kill(storm->servers, storm->primary);
    moment_sleep_ms(STORM_LEASE_MS + storm_below(storm, 2 * STORM_LEASE_MS));
    servers_restart(storm->servers, storm->primary);
}

// All of it is away for a minute.
static void
strike_dark(struct storm *storm)
{
    for (int i = 0; i < storm->servers_count; i++) {
        servers_kill(storm->servers, i);
    }
    moment_sleep_ms(DARK_MS);
    for (int i = 0; i < storm->servers_count; i++) {
        servers_restart(storm->servers,
                        (storm->primary + i) % storm->servers_count);
    }
}

const struct storm_fault storm_faults[] = {
    {.name = "kill", .strike = strike_kill},
    {.name = "lose", .strike = strike_lose},
    {.name = "stale", .strike = strike_stale},
    {.name = "end", .strike = strike_end},
    {.name = "grow", .strike = strike_grow},
    {.name = "twice", .strike = strike_twice},
    {.name = "pause", .strike = strike_pause},
    {.name = "cut-database", .strike = strike_cut_database, .needs_net = true},
    {.name = "cut-peers", .strike = strike_cut_peers, .needs_net = true},
    {.name = "alone",
     .strike = strike_alone,
     .needs_net = true,
     .is_long = true},
    {.name = "slow", .strike = strike_slow, .needs_net = true},
    {.name = "away", .strike = strike_away},
    {.name = "freeze", .strike = strike_freeze, .needs_standbys = true},
    {.name = "primary", .strike = strike_primary, .needs_standbys = true},
    {.name = "dark", .strike = strike_dark, .is_long = true},
};

const size_t storm_faults_count =
    sizeof(storm_faults) / sizeof(storm_faults[0]);
