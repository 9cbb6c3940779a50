// SPDX-License-Identifier: Apache-2.0

#include <stdlib.h>

#include "bench/histogram.h"
#include "support/test.h"

static struct histogram histogram;

static void
reset(void)
{
    histogram = (struct histogram){0};
}

TEST(histogram, is_zero_when_it_is_empty)
{
    reset();
    CHECK_EQ(histogram_at(&histogram, 0.5), 0);
    CHECK_EQ(histogram_at(&histogram, 1), 0);
}

TEST(histogram, tells_small_values_exactly)
{
    reset();
    for (uint64_t value = 0; value < 256; value++) {
        histogram_add(&histogram, value);
    }
    CHECK_EQ(histogram_at(&histogram, 0.25), 63);
    CHECK_EQ(histogram_at(&histogram, 0.5), 127);
    CHECK_EQ(histogram_at(&histogram, 0.99), 253);
    CHECK_EQ(histogram_at(&histogram, 1), 255);
}

// Never below what was added, and above it by less than one in 128.
static void
check_alone(uint64_t value)
{
    uint64_t told;

    reset();
    histogram_add(&histogram, value);
    histogram_add(&histogram, UINT64_MAX);
    told = histogram_at(&histogram, 0.5);
    CHECK(told >= value);
    CHECK(told - value <= value / 128);
}

TEST(histogram, tells_large_values_closely)
{
    check_alone(0);
    for (unsigned bits = 0; bits < 64; bits++) {
        uint64_t value = (uint64_t)1 << bits;

        check_alone(value);
        check_alone(value - 1);
        check_alone(value + value / 3);
    }
    check_alone(UINT64_MAX);
}

TEST(histogram, never_tells_more_than_the_maximum)
{
    reset();
    histogram_add(&histogram, 1000001);
    CHECK_EQ(histogram_at(&histogram, 0.5), 1000001);
    CHECK_EQ(histogram_at(&histogram, 1), 1000001);
}

static int
compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

TEST(histogram, agrees_with_sorted_values)
{
    enum { COUNT = 20000 };
    static const double shares[] = {0.5, 0.9, 0.99, 0.999};
    static uint64_t values[COUNT];
    uint64_t x = 88172645463325252U;

    reset();
    for (size_t i = 0; i < COUNT; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        values[i] = x >> (x % 50 + 10);
        histogram_add(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof(values[0]), compare);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint64_t exact = values[(size_t)(shares[i] * COUNT + 0.5) - 1];
        uint64_t told = histogram_at(&histogram, shares[i]);

        CHECK(told >= exact);
        CHECK(told - exact <= exact / 128);
    }
}
