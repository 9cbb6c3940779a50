// SPDX-License-Identifier: Apache-2.0
//
// run.h - many operations at a time, by submitted calls, from one thread.
//
// A closed loop begins an operation when another has ended, so many at a time.
// An open loop begins them at fixed instants, whether or not others have ended,
// and measures from the instant at which each was to begin: one that waits
// because its client is late, or because too many are under way, has waited
// (no coordinated omission).

#ifndef WF_BENCH_RUN_H
#define WF_BENCH_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/client.h"
#include "weft/error.h"

#include "bench/workload.h"

struct bench;
struct run;

// One operation under way.
struct op {
    struct run *run;
    struct op *next; // in the list of free ones
    weft_client *client;
    uint64_t number; // 0 for the first of the run, and so on
    uint64_t began_ns;
    uint32_t waits; // answers that are not there yet
    weft_err err;   // the first one that was no success
};

// For begin_fn: submit one call of the operation. What fails is the
// operation's error.
void run_submit(struct op *op, const weft_request *request);

// The same, and look at what comes: fn is called with the reply first.
void run_submit_to(struct op *op, const weft_request *request,
                   weft_reply_fn *fn, void *ctx);
// What such an fn calls at its end.
void run_answered(struct op *op, const weft_reply *reply);

// Start the instance of a kind that has the operation's number.
void run_start(struct op *op, const char *kind, weft_bytes input);
void run_result(struct op *op, const char *kind); // ask for its result
// Signal instance i of a kind, or ask it a question.
void run_signal(struct op *op, const char *kind, uint64_t i, const char *name,
                weft_bytes data);
void run_ask(struct op *op, weft_target target, const char *name,
             weft_bytes data);

// The workload's loop, for so many seconds; adds to the bench's ops, errors
// and latency, and measures what it used. An open loop runs for half a second
// before, of which only the errors count.
weft_err run_loop(struct bench *bench);

// The same, for `count` operations, however long they take.
weft_err run_measured(struct bench *bench, begin_fn *begin, uint64_t count);

// Do `count` operations as fast as they go, 1,024 at a time, and measure
// nothing. For what comes before and after.
//
// WEFT_EFAILED  some failed; says how many on stderr
weft_err run_all(struct bench *bench, begin_fn *begin, uint64_t count);

#endif
