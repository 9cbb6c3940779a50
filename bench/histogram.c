// SPDX-License-Identifier: Apache-2.0
//
// histogram.c - how often which duration was seen, and shares of that.

#include "bench/histogram.h"

#include <stddef.h>

// Bucket i of doubling d holds what has the same 8 leading bits.
static size_t
bucket_of(uint64_t value)
{
    uint32_t bits = 64 - (uint32_t)__builtin_clzll(value | 1);
    uint32_t shift = bits > 8 ? bits - 8 : 0;

    return (size_t)shift * HISTOGRAM_HALF + (size_t)(value >> shift);
}

// The largest value of a bucket.
static uint64_t
end_of(size_t bucket)
{
    uint32_t shift = bucket < 2 * HISTOGRAM_HALF
                         ? 0
                         : (uint32_t)(bucket / HISTOGRAM_HALF) - 1;
    uint64_t leading = bucket - (size_t)shift * HISTOGRAM_HALF;

    return (leading << shift) + ((uint64_t)1 << shift) - 1;
}

void
histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->max) {
        histogram->max = value;
    }
}

uint64_t
histogram_at(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count + 0.999999);
    uint64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted && seen > 0) {
            uint64_t end = end_of(i);

            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}
