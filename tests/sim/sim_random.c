// SPDX-License-Identifier: Apache-2.0
//
// sim_random.c - runs (run.h) under seeds that nobody tried before.
//
// A failing seed prints the command that repeats it. In the environment
// SIM_SEED chooses one seed, SIM_SEEDS how many, SIM_FROM the first of them.

#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"
#include "sim/run.h"
#include "support/test.h"

// One thread: ThreadSanitizer needs only a few, and long for each.
#if defined(__SANITIZE_THREAD__)
#define SEEDS 8
#else
#define SEEDS 40
#endif

TEST(random, nothing_is_lost_or_doubled_under_faults)
{
    uint64_t one = run_number("SIM_SEED", 0);
    uint64_t from =
        run_number("SIM_FROM", 1 + wf_random_os_seed() % 1000000000);
    uint64_t count = run_number("SIM_SEEDS", SEEDS);

    if (one != 0) {
        (void)run_seed(one);
        return;
    }
    (void)printf("seeds %" PRIu64 " to %" PRIu64 "\n", from, from + count - 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        (void)run_seed(seed);
    }
}

TEST(random, the_same_seed_gives_the_same_run)
{
    CHECK_EQ(run_seed(11), run_seed(11));
    CHECK(run_seed(11) != run_seed(12));
}
