// SPDX-License-Identifier: Apache-2.0
//
// sim_hash.c - the hashes of runs, a line for each: sim_hash FROM COUNT. Builds
// of the same code must print the same.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/run.h"

int
main(int argc, char **argv)
{
    uint64_t from = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    for (uint64_t seed = from; seed < from + count; seed++) {
        (void)printf("%" PRIu64 " %016" PRIx64 "\n", seed, run_seed(seed).hash);
    }
    return 0;
}
