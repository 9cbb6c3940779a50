// SPDX-License-Identifier: Apache-2.0
//
// fuzz_sim.c - runs of the simulator (tests/sim/run.h), whose choices libFuzzer
// makes. A file that it leaves is run again by
//
//     SIM_BYTES=FILE build/dev/tests/sim/sim_random

#include <stddef.h>
#include <stdint.h>

#include "sim/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct run_result result;
    struct choices choices;

    choices_of_bytes(&choices, weft_bytes_of(data, len));
    run_choices("SIM_BYTES=the file", &choices, &result);
    choices_fini(&choices);
    return 0;
}
