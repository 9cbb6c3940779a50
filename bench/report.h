// SPDX-License-Identifier: Apache-2.0
//
// report.h - tell what was measured: one line of JSON, or a table for people.

#ifndef WF_BENCH_REPORT_H
#define WF_BENCH_REPORT_H

#include <stdint.h>

struct bench;
struct histogram;

// To stdout. What is not known, because the node is elsewhere, is null.
void report_print(const struct bench *bench);

// A part of a loop that goes on: one line of JSON.
void report_part(const struct bench *bench, const struct histogram *latency,
                 double second, double seconds);

#endif
