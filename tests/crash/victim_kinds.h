// SPDX-License-Identifier: Apache-2.0
//
// victim_kinds.h - the victim's accounts, jars, jobs and activities.

#ifndef WF_TESTS_CRASH_VICTIM_KINDS_H
#define WF_TESTS_CRASH_VICTIM_KINDS_H

#include <stdint.h>

#include "crash/plan.h"
#include "weft/weft.h"

// What came from one sender, so that a lost, doubled or overtaken message
// shows. Of n messages once each: count n, sum n(n+1)/2, and so on.
struct tally {
    uint32_t last;
    uint32_t count;
    uint32_t out_of_order;
    uint32_t unused;
    uint64_t sum;
    uint64_t squares;
};

struct account {
    int64_t balance;
    uint32_t ticks;
    uint32_t asks;
    uint32_t sent[PLAN_ACCOUNTS];
    struct tally from_accounts[PLAN_ACCOUNTS];
    struct tally from_clients[PLAN_CLIENTS];
};

// Of a client to an account, and of that to another.
struct transfer {
    uint32_t client;
    uint32_t seq; // of this sender to this account
    uint32_t from;
    uint32_t to;
    int64_t amount;
};

struct jar {
    uint64_t tips;
    int64_t amount;
};

// A signal to a job.
struct go {
    uint32_t seq;
    uint32_t unused;
    uint64_t value;
};

void victim_account_id(uint32_t index, char id[PLAN_ID_SIZE]);
void victim_jar_id(uint32_t index, char id[PLAN_ID_SIZE]);

// Opens the files of effects and tokens in dir. The definitions are the
// caller's.
weft_definitions *victim_definitions(const char *dir);

#endif
