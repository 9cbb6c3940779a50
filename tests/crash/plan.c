// SPDX-License-Identifier: Apache-2.0
//
// plan.c - what the victim's work is, as plain functions.

#include "crash/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_DRAWN 24

static bool has_queues;
static bool is_large;

void
plan_choose(const char *dir, const char *what)
{
    char path[600];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/plan", dir);
    file = fopen(path, "we");
    if (file == NULL || fputs(what, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(3);
    }
}

void
plan_read(const char *dir)
{
    char path[600];
    char what[80] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/plan", dir);
    file = fopen(path, "re");
    if (file != NULL) {
        (void)!fgets(what, sizeof(what), file);
        (void)fclose(file);
    }
    has_queues = strstr(what, "queues") != NULL;
    is_large = strstr(what, "large") != NULL;
}

size_t
plan_ballast(uint64_t number)
{
    uint64_t drawn = program_mix(number, 60);

    return is_large && drawn % 4 == 0 ? drawn / 4 % PLAN_BALLAST_MAX : 0;
}

void
plan_job(unsigned client, uint32_t index, struct program *out)
{
    struct program_source source = {.seed = program_mix(client + 1, index),
                                    .has_queues = has_queues};

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
