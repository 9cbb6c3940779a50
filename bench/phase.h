// SPDX-License-Identifier: Apache-2.0
//
// phase.h - a part of a measurement in a process of its own, which has nothing
// in memory of what came before, and can be killed.
//
// The process that calls must have no threads.

#ifndef WF_BENCH_PHASE_H
#define WF_BENCH_PHASE_H

#include <stddef.h>
#include <sys/types.h>

#include "weft/error.h"

struct bench;

// Runs in the child. Fill result; with phase_tell it comes earlier than the
// child's end.
typedef weft_err phase_fn(struct bench *bench, void *result);

struct phase {
    pid_t pid;
    int fd; // where its result comes from; in the child, where it goes
};

// Begin it. result_len bytes at result are what the child writes.
weft_err phase_begin(struct phase *phase, struct bench *bench, phase_fn *fn,
                     void *result, size_t result_len);

// Wait for the result.
//
// WEFT_EFAILED  the child has failed, and said why on stderr
weft_err phase_wait(struct phase *phase, void *result, size_t result_len);

// Wait for its end, after a SIGKILL if is_killed.
void phase_end(struct phase *phase, int is_killed);

// In the child: the result is there, and fn goes on.
void phase_tell(const void *result, size_t result_len);

#endif
