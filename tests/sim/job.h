// SPDX-License-Identifier: Apache-2.0
//
// job.h - workflows whose program is drawn from a seed, and what each must
// return, computed without weft.

#ifndef WF_TESTS_SIM_JOB_H
#define WF_TESTS_SIM_JOB_H

#include <stdint.h>

#include "weft/weft.h"

// The input of a job.
struct job {
    uint64_t seed;
    uint32_t depth;
    uint32_t restarts;
    uint32_t failures; // so many runs of the first fail
};

// The kind "job", and its activity "work"; "late", which never ends by itself;
// and "till", which adds up what its updates "add" bring, numbers of 8 bytes
// each, until a signal "end". An update is answered with job_work of it.
weft_err job_define(weft_definitions *definitions);
uint64_t job_expected(const struct job *job);
uint64_t job_work(uint64_t x);
// A number drawn from two.
uint64_t job_mix(uint64_t a, uint64_t b);

#endif
