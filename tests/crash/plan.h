// SPDX-License-Identifier: Apache-2.0
//
// plan.h - what the victim's work is, as plain functions.
//
// The victim does it with weft, the checker knows without weft what must come
// of it: of a job, which is a random program, tests/program says so.

#ifndef WF_TESTS_CRASH_PLAN_H
#define WF_TESTS_CRASH_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "program/expect.h"

#define PLAN_CLIENTS 4
#define PLAN_ACCOUNTS 16
#define PLAN_BALLAST_MAX 400000

// What is in the file "plan" of the directory of victim and checker, once and
// for all of its jobs: "queues", that they call task queues; "large", that some
// transfers carry hundreds of kilobytes, so that a commit is cut while it is
// written. No file: nothing. Ends the process if it cannot be written.
void plan_choose(const char *dir, const char *what);
void plan_read(const char *dir);

// How much the transfer with this number carries behind what it says.
size_t plan_ballast(uint64_t number);

// The job that a client started as its index-th.
void plan_job(unsigned client, uint32_t index, struct program *out);
void plan_job_id(unsigned client, uint32_t index, char id[PROGRAM_ID_SIZE]);
// The caller ends its life.
void plan_expect(unsigned client, uint32_t index, struct expect *out);

#endif
