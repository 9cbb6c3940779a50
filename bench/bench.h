// SPDX-License-Identifier: Apache-2.0
//
// bench.h - one measurement: what was asked for, where it runs, what came out.
//
// Threads: all of it is the main thread's, but what a workload says of its own.

#ifndef WF_BENCH_BENCH_H
#define WF_BENCH_BENCH_H

#include <stdint.h>

#include "bench/histogram.h"
#include "bench/place.h"
#include "bench/settings.h"
#include "bench/usage.h"
#include "bench/workload.h"

#define BENCH_FIGURES_MAX 8

// What one workload has to tell besides.
struct bench_figure {
    const char *name;
    double value;
};

struct bench {
    struct settings settings;
    struct place place;
    char run[20];  // begins the ids of this measurement
    char *payload; // settings.sizes[SIZE_PAYLOAD] bytes
    uint64_t random;

    struct histogram latency; // ns
    uint64_t ops;             // operations; times units is what is told
    uint64_t ops_before;      // that were done before, and are not told
    uint64_t errors;
    double seconds; // that they took
    struct usage used;
    uint64_t peak_bytes; // 0: of this process
    struct bench_figure figures[BENCH_FIGURES_MAX];
    uint32_t figures_count;
};

struct bench *bench_create(const struct settings *settings); // NULL: no memory
void bench_destroy(struct bench *bench);                     // NULL is fine

uint64_t bench_now_ns(void); // monotonic
uint64_t bench_now_ms(void); // wall clock, since 1970
uint64_t bench_random(struct bench *bench);
// The id of this measurement's instance i.
struct bench_id {
    char text[48];
};
struct bench_id bench_id(const struct bench *bench, uint64_t i);
weft_bytes bench_payload(const struct bench *bench);
void bench_figure_add(struct bench *bench, const char *name, double value);

// Say on stderr why it failed.
void bench_complain(weft_err err);

// Begin and end what is measured: usage and time.
weft_err bench_begin(struct bench *bench, struct usage *out_before,
                     uint64_t *out_began_ns);
weft_err bench_end(struct bench *bench, const struct usage *before,
                   uint64_t began_ns);

#endif
