// SPDX-License-Identifier: Apache-2.0
//
// workload.h - one thing that is measured, and the table of all.
//
// Most are a loop: `begin` submits the calls of one operation, over and over,
// and the operation has ended when all of them are answered (run.h). Those that
// are no loop have `measure`, which does everything itself.

#ifndef WF_BENCH_WORKLOAD_H
#define WF_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/definitions.h"
#include "weft/error.h"

struct bench;
struct op;
struct settings;

typedef weft_err begin_fn(struct bench *bench, struct op *op);

struct workload {
    const char *name;
    const char *counts; // what `rate` and `ops` are of: "workflows"
    const char *about;
    uint64_t instances; // default of --instances; 0: it has none
    // How many of what it counts one operation is; NULL: 1.
    uint64_t (*units)(const struct settings *settings);
    bool is_per_unit; // latency is of one of them, not of the operation
    bool has_rate;    // --rate, though it is no loop
    bool is_beside;   // needs the node in this process
    // It opens the node itself, or needs none.
    bool has_own_node;
    weft_err (*define)(struct bench *bench, weft_definitions *definitions);
    weft_err (*prepare)(struct bench *bench); // before the loop; may be NULL
    begin_fn *begin;
    weft_err (*check)(struct bench *bench); // after the loop; may be NULL
    weft_err (*measure)(struct bench *bench);
};

extern const struct workload work_activity1;
extern const struct workload work_activity10;
extern const struct workload work_bank;
extern const struct workload work_counter;
extern const struct workload work_fanout;
extern const struct workload work_journal;
extern const struct workload work_noop;
extern const struct workload work_pingpong;
extern const struct workload work_raw;
extern const struct workload work_recovery;
extern const struct workload work_signal_many;
extern const struct workload work_signal_one;
extern const struct workload work_sleepers;
extern const struct workload work_steps10;
extern const struct workload work_timer;

extern const struct workload *const workloads[];        // NULL at the end
const struct workload *workload_find(const char *name); // NULL: none

// Register the kinds of all of them, so that any node of ours can serve any.
weft_err workload_define(struct bench *bench, weft_definitions *definitions);

uint64_t workload_units(const struct settings *settings);

#endif
