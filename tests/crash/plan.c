// SPDX-License-Identifier: Apache-2.0
//
// plan.c - what the victim's work is, as plain functions.

#include "crash/plan.h"

#include <inttypes.h>
#include <stdio.h>

#define DEPTH_MAX 2
#define RESTARTS_MAX 2
#define SLEEP_MS_MAX 300

uint64_t
plan_mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15U + b + 0x7f4a7c159e3779b9U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

// Jobs. ---------------------------------------------------------------------

struct plan_job
plan_job_at(unsigned client, uint32_t index)
{
    uint64_t seed = plan_mix(client + 1, index);

    return (struct plan_job){.seed = seed, .root = seed, .run = 1};
}

void
plan_job_id(unsigned client, uint32_t index, char id[PLAN_ID_SIZE])
{
    (void)snprintf(id, PLAN_ID_SIZE, "j%u-%" PRIu32, client, index);
}

uint32_t
plan_ops(const struct plan_job *job)
{
    return 1 + (uint32_t)(plan_mix(job->seed, 99) % PLAN_OPS_MAX);
}

enum plan_op
plan_op_at(const struct plan_job *job, uint32_t i)
{
    enum plan_op op = (enum plan_op)(plan_mix(job->seed, i) % PLAN_OP_COUNT);

    if (op == PLAN_CHILD && job->depth >= DEPTH_MAX) {
        return PLAN_STEP;
    }
    if (op == PLAN_RECEIVE && job->depth > 0) {
        return PLAN_TIP; // clients do not know children
    }
    return op;
}

uint64_t
plan_operand(const struct plan_job *job, uint32_t i)
{
    uint64_t x = plan_mix(job->seed, 200 + i);

    return plan_op_at(job, i) == PLAN_SLEEP ? x % SLEEP_MS_MAX : x;
}

bool
plan_restarts(const struct plan_job *job)
{
    return job->restarts < RESTARTS_MAX && plan_mix(job->seed, 77) % 4 == 0;
}

struct plan_job
plan_next_run(const struct plan_job *job, uint32_t goes)
{
    return (struct plan_job){
        .seed = plan_mix(job->seed, 55),
        .root = job->root,
        .depth = job->depth,
        .restarts = job->restarts + 1,
        .goes = goes,
        .run = job->run + 1,
    };
}

struct plan_job
plan_child(const struct plan_job *job, uint32_t i)
{
    return (struct plan_job){
        .seed = plan_mix(job->seed, 1000 + i),
        .root = job->root,
        .depth = job->depth + 1,
        .run = 1,
    };
}

void
plan_child_id(const char *parent, const struct plan_job *job, uint32_t i,
              char id[PLAN_ID_SIZE])
{
    // Half of the children live beside their parent, half anywhere.
    (void)snprintf(id, PLAN_ID_SIZE, "%.50s%c%" PRIu32 "-%" PRIu32, parent,
                   i % 2 == 0 ? '/' : '-', job->run, i);
}

void
plan_call_name(const char *id, const struct plan_job *job, uint32_t i,
               uint32_t k, char name[PLAN_ID_SIZE])
{
    (void)snprintf(name, PLAN_ID_SIZE, "%.50s:%" PRIu32 ".%" PRIu32 ".%" PRIu32,
                   id, job->run, i, k);
}

// What things give. -----------------------------------------------------------

uint64_t
plan_work(uint64_t x)
{
    return x * 3 + 1;
}

uint64_t
plan_later(uint64_t x)
{
    return x * 5 + 3;
}

uint64_t
plan_step(uint64_t x)
{
    return x + 7;
}

uint64_t
plan_value(uint64_t x)
{
    return x + 9;
}

uint64_t
plan_go(uint64_t root, uint32_t seq)
{
    return plan_mix(root, 5000 + seq);
}

uint32_t
plan_tip_jar(uint64_t x)
{
    return (uint32_t)(x % PLAN_JARS);
}

int64_t
plan_tip_amount(uint64_t x)
{
    return (int64_t)(x >> 32) % 1000;
}

// A whole job. ----------------------------------------------------------------

static void
tell_call(const struct plan_visitor *visitor, const char *id,
          const struct plan_job *job, uint32_t i, uint32_t k)
{
    char name[PLAN_ID_SIZE];

    if (visitor != NULL) {
        plan_call_name(id, job, i, k, name);
        visitor->call(visitor->ctx, name);
    }
}

static uint64_t
child_result(const struct plan_job *job, const char *id, uint32_t i,
             const struct plan_visitor *visitor)
{
    struct plan_job child = plan_child(job, i);
    char child_id[PLAN_ID_SIZE];

    plan_child_id(id, job, i, child_id);
    return plan_result(&child, child_id, visitor, NULL);
}

static uint64_t
op_result(const struct plan_job *job, const char *id, uint32_t i, uint64_t sum,
          uint32_t *goes, const struct plan_visitor *visitor)
{
    uint64_t x = plan_operand(job, i);

    switch (plan_op_at(job, i)) {
    case PLAN_CALL:
        tell_call(visitor, id, job, i, 0);
        return plan_mix(sum, plan_work(x));
    case PLAN_ALL:
        for (uint32_t k = 0; k < 3; k++) {
            tell_call(visitor, id, job, i, k);
            sum = plan_mix(sum, plan_work(x + k));
        }
        return sum;
    case PLAN_LATER:
        tell_call(visitor, id, job, i, 0);
        return plan_mix(sum, plan_later(x));
    case PLAN_STEP:
        tell_call(visitor, id, job, i, 0);
        return plan_mix(sum, plan_step(x));
    case PLAN_VALUE:
        return plan_mix(sum, plan_value(x));
    case PLAN_CHILD:
        return plan_mix(sum, child_result(job, id, i, visitor));
    case PLAN_RECEIVE:
        return plan_mix(sum, plan_go(job->root, ++*goes));
    case PLAN_TIP:
        if (visitor != NULL) {
            visitor->tip(visitor->ctx, plan_tip_jar(x), plan_tip_amount(x));
        }
        return sum;
    default:
        return sum;
    }
}

uint64_t
plan_result(const struct plan_job *job, const char *id,
            const struct plan_visitor *visitor, uint32_t *out_goes)
{
    struct plan_job next;
    uint32_t goes = job->goes;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < plan_ops(job); i++) {
        sum = op_result(job, id, i, sum, &goes, visitor);
    }
    if (plan_restarts(job)) {
        next = plan_next_run(job, goes);
        return plan_result(&next, id, visitor, out_goes);
    }
    if (out_goes != NULL) {
        *out_goes = goes;
    }
    return sum;
}
