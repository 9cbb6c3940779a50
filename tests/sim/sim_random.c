// SPDX-License-Identifier: Apache-2.0
//
// sim_random.c - runs (run.h) under seeds that nobody tried before.
//
// A failing seed prints the commands that repeat and shrink it. In the
// environment SIM_SEEDS says how many are tried, SIM_FROM the first of them;
// or one run is asked for, see shown.h.

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/random.h"
#include "sim/run.h"
#include "sim/shown.h"
#include "support/test.h"

// One thread: ThreadSanitizer needs only a few, and long for each.
#if defined(__SANITIZE_THREAD__)
#define SEEDS 8
#else
#define SEEDS 40
#endif

static void
show(const struct weather_count *weather, uint64_t simulated_ms, double seconds)
{
    for (int i = 1; i < WEATHER_FAULTS_COUNT; i++) {
        (void)printf("%10" PRIu64 "  %s\n", weather->met[i],
                     weather_fault_text(i));
    }
    (void)printf("%.1f days in %.1f s: %.0f times as fast\n",
                 (double)simulated_ms / 86400000.0, seconds,
                 (double)simulated_ms / 1000.0 / seconds);
}

// In so many runs each fault is met.
#define SEEDS_FOR_ALL 40

TEST(random, nothing_is_lost_or_doubled_under_faults)
{
    uint64_t from =
        shown_number("SIM_FROM", 1 + wf_random_os_seed() % 1000000000);
    uint64_t count = shown_number("SIM_SEEDS", SEEDS);
    struct weather_count weather = {{0}};
    uint64_t simulated_ms = 0;
    clock_t began = clock();

    if (shown_run()) {
        return;
    }
    (void)printf("seeds %" PRIu64 " to %" PRIu64 "\n", from, from + count - 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run_result result = run_seed(seed);

        simulated_ms += result.simulated_ms;
        for (int i = 0; i < WEATHER_FAULTS_COUNT; i++) {
            weather.met[i] += result.weather.met[i];
        }
    }
    show(&weather, simulated_ms, (double)(clock() - began) / CLOCKS_PER_SEC);
    for (int i = 1; i < WEATHER_FAULTS_COUNT && count >= SEEDS_FOR_ALL; i++) {
        CHECK(weather.met[i] > 0); // what is never met shows nothing
    }
}

TEST(random, the_same_seed_gives_the_same_run)
{
    struct run_result first = run_seed(11);

    CHECK_EQ(run_seed(11).hash, first.hash);
    CHECK(run_seed(12).hash != first.hash);
}
