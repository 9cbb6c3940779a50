// SPDX-License-Identifier: Apache-2.0
//
// crowd.h - a cluster of three nodes in which very many workflows run
// (errands.h), and what becomes of them, and of calls (probes.h), when a node
// comes, goes or is killed. Both print what they measured as lines of tab
// separated values.

#ifndef WF_TESTS_NODES_CROWD_H
#define WF_TESTS_NODES_CROWD_H

#include <stdbool.h>
#include <stdint.h>

struct crowd_options {
    const char *program; // of node.c
    uint32_t errands;
    uint32_t rounds;
    uint32_t pause_ms;
    uint32_t partitions;
    uint32_t lease_ms;
    bool has_standbys;
};

// A fourth node comes, has its share, and goes again. Returns how many faults
// there were; each was said.
uint32_t crowd_join(const struct crowd_options *options);
// One of the three is killed, and does not come back.
uint32_t crowd_kill(const struct crowd_options *options);
// One node alone, without snapshots, is killed when all is done; another one,
// which has nothing, takes all partitions and reads all of their logs.
uint32_t crowd_replay(const struct crowd_options *options);
// The same, but another node has taken half of them before, and, if nodes keep
// warm copies (NODES_STANDBY), copied the rest.
uint32_t crowd_takeover(const struct crowd_options *options);

#endif
