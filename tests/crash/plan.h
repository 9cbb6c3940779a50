// SPDX-License-Identifier: Apache-2.0
//
// plan.h - what the victim's work is, as plain functions.
//
// The victim does it with weft, the checker knows without weft what must come
// of it: of a job, which is a random program, tests/program says so.

#ifndef WF_TESTS_CRASH_PLAN_H
#define WF_TESTS_CRASH_PLAN_H

#include <stdint.h>

#include "program/expect.h"

#define PLAN_CLIENTS 4
#define PLAN_ACCOUNTS 16

// The job that a client started as its index-th.
void plan_job(unsigned client, uint32_t index, struct program *out);
void plan_job_id(unsigned client, uint32_t index, char id[PROGRAM_ID_SIZE]);
// The caller ends its life.
void plan_expect(unsigned client, uint32_t index, struct expect *out);

#endif
