// SPDX-License-Identifier: Apache-2.0
//
// sim_random.c - runs (run.h) under seeds that nobody tried before.
//
// A failing seed prints the commands that repeat and shrink it. In the
// environment SIM_SEEDS says how many are tried, or SIM_SECONDS for how long,
// and SIM_FROM the first of them; or one run is asked for, see shown.h.

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/random.h"
#include "sim/run.h"
#include "sim/shown.h"
#include "support/test.h"

// In so many runs each fault is met.
#define SEEDS 40
#define YEAR_SECONDS (365.0 * 86400)

// What many runs came to.
struct sum {
    struct weather_count weather;
    uint64_t seeds;
    uint64_t simulated_ms;
    uint64_t node_ms;
};

static void
add(struct sum *sum, const struct run_result *result)
{
    sum->seeds++;
    sum->simulated_ms += result->simulated_ms;
    sum->node_ms += result->simulated_ms * result->nodes;
    for (int i = 0; i < WEATHER_FAULTS_COUNT; i++) {
        sum->weather.met[i] += result->weather.met[i];
    }
}

static void
show(const struct sum *sum, double seconds)
{
    for (int i = 1; i < WEATHER_FAULTS_COUNT; i++) {
        (void)printf("%10" PRIu64 "  %s\n", sum->weather.met[i],
                     weather_fault_text((enum weather_fault)i));
    }
    (void)printf("%" PRIu64 " seeds, %" PRIu64 " crashes, %.3f node-years, "
                 "%.0f times as fast as real time, %.0f node-years a day\n",
                 sum->seeds,
                 sum->weather.met[WEATHER_CRASH] +
                     sum->weather.met[WEATHER_COMMIT_CRASH],
                 (double)sum->node_ms / 1000 / YEAR_SECONDS,
                 (double)sum->simulated_ms / 1000 / seconds,
                 (double)sum->node_ms / 1000 / YEAR_SECONDS / seconds * 86400);
}

TEST(random, nothing_is_lost_or_doubled_under_faults)
{
    uint64_t from =
        shown_number("SIM_FROM", 1 + wf_random_os_seed() % 1000000000);
    uint64_t limit = shown_number("SIM_SECONDS", 0);
    uint64_t count = shown_number("SIM_SEEDS", limit > 0 ? 1000000000 : SEEDS);
    struct sum sum = {.seeds = 0};
    clock_t began = clock();
    time_t ends_at = time(NULL) + (time_t)limit;

    if (shown_run()) {
        return;
    }
    (void)printf("seeds from %" PRIu64 "\n", from);
    (void)fflush(stdout);
    while (sum.seeds < count && (limit == 0 || time(NULL) < ends_at)) {
        struct run_result result = run_seed(from + sum.seeds);

        add(&sum, &result);
    }
    show(&sum, (double)(clock() - began) / CLOCKS_PER_SEC);
    for (int i = 1; i < WEATHER_FAULTS_COUNT && sum.seeds >= SEEDS; i++) {
        CHECK(sum.weather.met[i] > 0); // what is never met shows nothing
    }
}

TEST(random, the_same_seed_gives_the_same_run)
{
    struct run_result first = run_seed(11);

    CHECK_EQ(run_seed(11).hash, first.hash);
    CHECK(run_seed(12).hash != first.hash);
}
