// SPDX-License-Identifier: Apache-2.0
//
// sim_seed.c - beginnings of runs of the simulator, for fuzz_sim to begin with.
//
//     fuzz_sim_seed DIR
//
// Bytes that libFuzzer makes out of nothing seldom begin a program at all. Of
// each run the first choices are kept; what they do not say is zero.

#include <inttypes.h>
#include <stdio.h>

#include "sim/run.h"

enum { SEEDS = 4, WORK_BYTES = 1200, WORLD_BYTES = 2400 };

static void
cut(struct wf_buf *used, size_t most)
{
    used->len = used->len < most ? used->len : most;
}

int
main(int argc, char **argv)
{
    bool is_saved = argc == 2;

    for (uint64_t seed = 1; is_saved && seed <= SEEDS; seed++) {
        struct run_result result;
        struct choices choices;
        char path[500];

        choices_of_seed(&choices, seed);
        run_choices("sim_seed", &choices, &result);
        cut(&choices.work.used, WORK_BYTES);
        cut(&choices.world.used, WORLD_BYTES);
        (void)snprintf(path, sizeof(path), "%s/seed%" PRIu64, argv[1], seed);
        is_saved = choices_save(&choices, path);
        choices_fini(&choices);
    }
    return is_saved ? 0 : 1;
}
