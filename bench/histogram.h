// SPDX-License-Identifier: Apache-2.0
//
// histogram.h - how often which duration was seen, and shares of that.
//
// Log-linear, as HdrHistogram: values below 256 ns have a bucket each, and
// every doubling above has 128, so that what is told is at most 1 in 128 too
// high, never too low. 64 KiB at most, and adding is a few instructions.

#ifndef WF_BENCH_HISTOGRAM_H
#define WF_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_HALF 128 // buckets of one doubling
#define HISTOGRAM_BUCKETS (HISTOGRAM_HALF * (64 - 7 + 1))

// All zero is empty. One thread at a time.
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max; // exact
};

void histogram_add(struct histogram *histogram, uint64_t value);

// The value that this share (0 to 1) of all values does not exceed; 0 if there
// are none, the exact maximum for 1.
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
