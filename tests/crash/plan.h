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

// What is in the file "plan" of the directory of victim and checker, once and
// for all of its jobs: "queues", that they call task queues. No file: nothing.
// Ends the process if it cannot be written.
void plan_choose(const char *dir, const char *what);
void plan_read(const char *dir);

// The job that a client started as its index-th.
void plan_job(unsigned client, uint32_t index, struct program *out);
void plan_job_id(unsigned client, uint32_t index, char id[PROGRAM_ID_SIZE]);
// The caller ends its life.
void plan_expect(unsigned client, uint32_t index, struct expect *out);

#endif
