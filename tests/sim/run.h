// SPDX-License-Identifier: Apache-2.0
//
// run.h - random work under random faults, checked by counting.
//
//   accounts    actors that move money to each other: the sum never changes,
//               and each pair's messages come once and in order
//   programs    workflows drawn from numbers (play.h), some of which are
//               cancelled early or late: they end as if they were not, or as
//               cancelled; of some there are more, as forks in the same
//               world, or as a capsule that goes on in another
//
// Nodes, partitions, windows, limits and faults are drawn as the work is. At
// each eighth commit what a crash would leave is compared with memory; each
// second every actor must have what will wake it. Then the faults stop, and
// within ten minutes all must have ended.
//
// In the environment: SIM_TRACE, a file that the trace goes to; SIM_PLANT, to
// count one thing wrong, for the tests of what is said of failures.

#ifndef WF_TESTS_SIM_RUN_H
#define WF_TESTS_SIM_RUN_H

#include <stdint.h>

#include "sim/choice.h"
#include "sim/weather.h"

struct run_result {
    uint64_t hash; // of all that happened
    uint64_t simulated_ms;
    uint32_t nodes;
    struct weather_count weather; // what it met
};

// A run that fails ends the process, and says before how to repeat it
// (repeat.h): `how` is for that.
void run_choices(const char *how, struct choices *choices,
                 struct run_result *result);
struct run_result run_seed(uint64_t seed);

#endif
