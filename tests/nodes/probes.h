// SPDX-License-Identifier: Apache-2.0
//
// probes.h - how long calls wait, partition by partition: for each there is an
// actor, and a client that signals it every few milliseconds, and waits for its
// acknowledgement.

#ifndef WF_TESTS_NODES_PROBES_H
#define WF_TESTS_NODES_PROBES_H

#include <stddef.h>
#include <stdint.h>

struct probes;

// endpoints: of nodes that stay; each client knows all, and begins with another
// one. Borrowed.
struct probes *probes_start(const char *const *endpoints, size_t count,
                            uint32_t partitions);
// Each partition's longest call since the last reset, one that is under way
// with it, in ms; probes_reset forgets them.
double probes_longest_ms(struct probes *probes, uint32_t partition);
void probes_reset(struct probes *probes);
// All calls since the last reset: how many, and their p50 and p99, in ms.
struct probes_sum {
    uint64_t calls;
    double p50_ms;
    double p99_ms;
    double most_ms;
};
struct probes_sum probes_sum(struct probes *probes);
void probes_stop(struct probes *probes); // and frees it

#endif
