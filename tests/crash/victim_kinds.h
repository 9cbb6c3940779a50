// SPDX-License-Identifier: Apache-2.0
//
// victim_kinds.h - the victim's jars, jobs and activities.

#ifndef WF_TESTS_CRASH_VICTIM_KINDS_H
#define WF_TESTS_CRASH_VICTIM_KINDS_H

#include <stdint.h>

#include "crash/plan.h"
#include "support/account.h"
#include "weft/weft.h"

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

void victim_jar_id(uint32_t index, char id[PLAN_ID_SIZE]);

// Opens the files of effects and tokens in dir. The definitions are the
// caller's.
weft_definitions *victim_definitions(const char *dir);

#endif
