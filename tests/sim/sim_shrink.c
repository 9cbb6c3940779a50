// SPDX-License-Identifier: Apache-2.0
//
// sim_shrink.c - choices are kept and given again, and failures shrink.
//
// The faults are the test's own: a plan that must not have two numbers, and a
// client that counts one of its transfers wrong (SIM_PLANT).

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/repeat.h"
#include "sim/run.h"
#include "sim/shrink.h"
#include "support/test.h"

// So many numbers; 42, and later 7, must not be.
static void
draw(void *ctx, struct choices *choices)
{
    bool has_42 = false;

    (void)ctx;
    repeat_watch("TOY", choices);
    for (int i = 0; choice_below(&choices->work, 300) != 0; i++) {
        uint64_t number = choice_below(&choices->work, 50);

        (void)choice_u64(&choices->world);
        if (has_42 && number == 7) {
            (void)fprintf(stderr, "7 in place %d\n", i);
            abort();
        }
        has_42 = has_42 || number == 42;
    }
}

static bool
find_failing(shrink_run_fn *run, char *how, uint64_t seed, uint32_t seconds,
             struct shrunk *out_shrunk)
{
    struct choices choices;
    bool is_failing;

    choices_of_seed(&choices, seed);
    is_failing = shrink(&choices, run, how, seconds, out_shrunk);
    choices_fini(&choices);
    if (!is_failing) {
        shrink_fini(out_shrunk);
    }
    return is_failing;
}

TEST(shrink, what_fails_is_cut_to_what_it_takes)
{
    struct shrunk shrunk;
    uint64_t seed = 1;

    while (!find_failing(draw, NULL, seed, 20, &shrunk)) {
        seed++;
    }
    CHECK(shrunk.first_len > 1000);
    // Two rounds, of a flag in two bytes and a number in one.
    CHECK_EQ(shrunk.work.len, 6);
    CHECK_EQ(shrunk.work.data[2], 42);
    CHECK_EQ(shrunk.work.data[5], 7);
    CHECK_EQ(shrunk.world.len, 0);
    CHECK_STR(shrunk.failure, "7 in place 1");
    shrink_fini(&shrunk);
}

static void
run(void *how, struct choices *choices)
{
    struct run_result result;

    run_choices(how, choices, &result);
}

TEST(shrink, a_run_of_the_simulator_shrinks)
{
    static char how[] = "SIM_PLANT=1 SIM_SEED=?";
    struct shrunk shrunk;
    uint64_t seed = 13;

    CHECK_EQ(setenv("SIM_PLANT", "1", 1), 0);
    while (!find_failing(run, how, seed, 5, &shrunk)) {
        seed++;
    }
    CHECK_EQ(unsetenv("SIM_PLANT"), 0);
    CHECK(strstr(shrunk.failure, "transfers") != NULL);
    CHECK(shrunk.work.len + shrunk.world.len < shrunk.first_len / 4);
    shrink_fini(&shrunk);
}

TEST(shrink, choices_that_were_kept_give_the_same_run)
{
    const char *path = "sim-shrink.bytes";
    struct run_result first;
    struct run_result again;
    struct wf_buf bytes = {0};
    struct choices choices;

    choices_of_seed(&choices, 5);
    run_choices("SIM_SEED=5", &choices, &first);
    CHECK(choices_save(&choices, path));
    choices_fini(&choices);
    CHECK(shrink_read(path, &bytes));
    CHECK_EQ(remove(path), 0);
    choices_of_bytes(&choices, wf_buf_bytes(&bytes));
    run_choices("SIM_BYTES=?", &choices, &again);
    choices_fini(&choices);
    wf_buf_fini(&bytes);
    CHECK_EQ(again.hash, first.hash);
}
