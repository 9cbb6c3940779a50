// SPDX-License-Identifier: Apache-2.0
//
// check_impl.h - what the parts of the checker know of each other.
//
//   crash_check.c     all of it, and the effects
//   check_asked.c     what clients asked, and what they were told
//   check_summary.c   what it came to

#ifndef WF_TESTS_CRASH_CHECK_IMPL_H
#define WF_TESTS_CRASH_CHECK_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crash/check.h"
#include "crash/plan.h"

struct asked {
    uint64_t number;
    uint32_t to;  // account or job
    uint32_t ask; // of a job, from 1
    char verb;
    bool is_answered;
    bool is_refused;
};

struct job {
    bool is_known;
    bool is_summed_up;
    uint32_t asks_done;
    uint32_t strands; // in the summary, as the next one
    uint32_t children;
};

struct client {
    unsigned index;
    struct asked *asked;
    size_t count;
    size_t cap;
    struct job *jobs;
    size_t jobs_count;
    size_t jobs_cap;
    uint32_t transfers[PLAN_ACCOUNTS]; // to each account
    bool is_overtaken[PLAN_ACCOUNTS];  // one was refused, others may pass it
    uint64_t sessions;
    uint64_t refused;
};

extern struct client check_clients[PLAN_CLIENTS];
extern uint32_t check_transfers[PLAN_ACCOUNTS][PLAN_ACCOUNTS]; // from, to
extern int64_t check_balances[PLAN_ACCOUNTS]; // as they must be

// Read what a client wrote down, and see that all was answered, and well.
void check_asked(const char *dir, struct client *client);
// Read what all came to, behind what was asked.
void check_summary(const char *dir);

#endif
