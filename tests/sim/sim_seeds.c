// SPDX-License-Identifier: Apache-2.0
//
// sim_seeds.c - runs (run.h) under the seeds of seeds.txt, which found
// something once.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/run.h"
#include "sim/shown.h"
#include "support/test.h"

TEST(seeds, what_found_something_once_finds_nothing_now)
{
    FILE *file = fopen(SIM_SEEDS_FILE, "re");
    uint32_t count = 0;
    uint64_t one = shown_number("SIM_SEED", 0);
    char line[200];

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        uint64_t seed = strtoull(line, NULL, 10);

        if (seed != 0 && (one == 0 || one == seed)) { // 0: a comment
            (void)run_seed(seed);
            count++;
        }
    }
    CHECK_EQ(fclose(file), 0);
    CHECK(count > 0);
}
