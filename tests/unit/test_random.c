// SPDX-License-Identifier: Apache-2.0

#include "base/random.h"

#include <string.h>

#include "support/test.h"

// The numbers are recorded: another generator would break replay.
TEST(random, a_seed_gives_the_known_numbers)
{
    struct wf_random random;

    wf_random_init(&random, 1234567);
    CHECK_EQ(wf_random_u64(&random), 6457827717110365317U);
    CHECK_EQ(wf_random_u64(&random), 3203168211198807973U);
    CHECK_EQ(wf_random_u64(&random), 9817491932198370423U);
    CHECK_EQ(wf_random_u64(&random), 4593380528125082431U);
    CHECK_EQ(wf_random_u64(&random), 16408922859458223821U);
}

TEST(random, below_stays_below_and_reaches_everything)
{
    struct wf_random random;
    unsigned counts[10] = {0};

    wf_random_init(&random, 1);
    for (int i = 0; i < 100000; i++) {
        counts[wf_random_below(&random, 10)]++;
    }
    for (int i = 0; i < 10; i++) {
        CHECK(counts[i] > 9500 && counts[i] < 10500);
    }
    CHECK_EQ(wf_random_below(&random, 1), 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t limit = (1ULL << 63) + 1; // refuses nearly every second one

        CHECK(wf_random_below(&random, limit) < limit);
    }
}

TEST(random, unit_is_from_0_to_below_1)
{
    struct wf_random random;
    double sum = 0;

    wf_random_init(&random, 1);
    for (int i = 0; i < 100000; i++) {
        double x = wf_random_unit(&random);

        CHECK(x >= 0 && x < 1);
        sum += x;
    }
    CHECK(sum > 49000 && sum < 51000);
}

TEST(random, the_operating_system_fills_every_length)
{
    unsigned char bytes[600] = {0};
    unsigned char zeroes[64] = {0};

    wf_random_os_bytes(bytes, 599);
    CHECK_EQ(bytes[599], 0);
    CHECK(memcmp(bytes, zeroes, 64) != 0);
    CHECK(memcmp(bytes + 535, zeroes, 64) != 0);
    CHECK(wf_random_os_seed() != wf_random_os_seed());
    wf_random_os_bytes(NULL, 0);
}
