// SPDX-License-Identifier: Apache-2.0
//
// run.h - random work under random faults, checked by counting.
//
//   accounts    actors that move money to each other: the sum never changes,
//               and each pair's messages come once and in order
//   jobs        workflows whose result a plain function can compute, or that
//               fail a few times first
//   stops       jobs that are cancelled early or late: they end as if they were
//               not, or as cancelled
//   lates       workflows whose runs take too long
//   tills       workflows that add up updates: each id counts once, and all
//               who asked for it get the same answer
//
// Partitions, windows, limits and faults are drawn from the seed too. At each
// eighth commit what a crash would leave is compared with memory.

#ifndef WF_TESTS_SIM_RUN_H
#define WF_TESTS_SIM_RUN_H

#include <stdint.h>

// Returns the hash of all that happened. However it fails, it prints the
// command that repeats it.
uint64_t run_seed(uint64_t seed);

// A number of the environment. SIM_SEED is the one seed to be run.
uint64_t run_number(const char *name, uint64_t otherwise);

#endif
