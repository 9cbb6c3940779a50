// SPDX-License-Identifier: Apache-2.0
//
// errands.h - many workflows at once (support/errand.h), started over the wire
// and counted at the end by actors of their own.

#ifndef WF_TESTS_NODES_ERRANDS_H
#define WF_TESTS_NODES_ERRANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct errands {
    const char *const *endpoints; // of all nodes; borrowed
    size_t endpoints_count;
    uint32_t count;
    uint32_t rounds;
    uint32_t pause_ms; // of each round
};

// Returns when all are started. What is refused ends the process.
void errands_start(const struct errands *errands);
// How many have told their ledger; nodes may be away meanwhile.
uint32_t errands_done(const struct errands *errands);
// Wait for all, at most so long, and count. Returns how many faults there are:
// errands that are not done or more than once, or have not completed; each kind
// of fault was said.
uint32_t errands_finish(const struct errands *errands, uint64_t ms);

#endif
