// SPDX-License-Identifier: Apache-2.0
//
// plan.c - what the victim's work is, as plain functions.

#include "crash/plan.h"

#include <inttypes.h>
#include <stdio.h>

#define SIZE_MAX_DRAWN 24

void
plan_job(unsigned client, uint32_t index, struct program *out)
{
    struct program_source source = {.seed = program_mix(client + 1, index)};

    source.size = 1 + (uint32_t)(program_mix(source.seed, 50) % SIZE_MAX_DRAWN);
    program_make(&source, out);
}

void
plan_job_id(unsigned client, uint32_t index, char id[PROGRAM_ID_SIZE])
{
    (void)snprintf(id, PROGRAM_ID_SIZE, "j%u-%" PRIu32, client, index);
}

void
plan_expect(unsigned client, uint32_t index, struct expect *out)
{
    struct program program;
    char id[PROGRAM_ID_SIZE];

    plan_job(client, index, &program);
    plan_job_id(client, index, id);
    expect_make(&program, id, out);
}
