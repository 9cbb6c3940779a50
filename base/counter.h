// SPDX-License-Identifier: Apache-2.0
//
// counter.h - numbers that one thread adds to and any thread reads.
//
// The writer loads and stores, which costs no more than a plain addition: there
// is one writer at a time, so nothing is lost. A reader sees each number whole,
// and several of them as of about the same time.
//
// A histogram counts values by size: bucket i holds those up to unit << i and
// above the bucket before, the last one all that are larger. So its bounds are
// a factor of two apart; the unit is the caller's, the same for all calls.

#ifndef WF_BASE_COUNTER_H
#define WF_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t wf_counter;

static inline uint64_t
wf_counter_read(const wf_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void
wf_counter_add(wf_counter *counter, uint64_t more)
{
    atomic_store_explicit(counter, wf_counter_read(counter) + more,
                          memory_order_relaxed);
}

#define WF_HISTOGRAM_BUCKETS 28

struct wf_histogram {
    wf_counter counts[WF_HISTOGRAM_BUCKETS];
    wf_counter sum;
};

static inline uint32_t
wf_histogram_bucket(uint64_t unit, uint64_t value)
{
    uint64_t units = value / unit + (value % unit != 0);
    uint32_t i = units <= 1 ? 0 : 64 - (uint32_t)__builtin_clzll(units - 1);

    return i < WF_HISTOGRAM_BUCKETS ? i : WF_HISTOGRAM_BUCKETS - 1;
}

static inline void
wf_histogram_add(struct wf_histogram *histogram, uint64_t unit, uint64_t value)
{
    wf_counter_add(&histogram->counts[wf_histogram_bucket(unit, value)], 1);
    wf_counter_add(&histogram->sum, value);
}

#endif
