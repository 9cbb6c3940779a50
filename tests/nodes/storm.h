// SPDX-License-Identifier: Apache-2.0
//
// storm.h - a cluster of processes under load, and what can befall it.

#ifndef WF_TESTS_NODES_STORM_H
#define WF_TESTS_NODES_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nodes/process.h"

#define STORM_NODES 3                // that are there all the time
#define STORM_GUEST STORM_NODES      // one that comes and goes
#define STORM_TWIN (STORM_NODES + 1) // one that has another one's name
#define STORM_PROCESSES (STORM_NODES + 2)
#define STORM_LEASE_MS 2000

struct storm {
    struct servers *servers;
    int servers_count;
    int primary;     // of the servers
    struct net *net; // NULL: all are on the loopback
    struct processes processes;
    struct transfers *transfers;
    struct readers *readers;
    uint32_t seed;
    uint64_t strikes;
    uint32_t failures;
    uint64_t takeover_ms; // the longest
    uint64_t healing_ms;  // the same, until all nodes answer for everything
    char dir[64];
};

struct storm_fault {
    const char *name;
    void (*strike)(struct storm *storm);
    bool needs_standbys;
    bool needs_net;
    bool is_long; // only if it is asked for
};

extern const struct storm_fault storm_faults[];
extern const size_t storm_faults_count;

uint32_t storm_below(struct storm *storm, uint32_t limit);

#endif
