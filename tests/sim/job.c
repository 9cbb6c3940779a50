// SPDX-License-Identifier: Apache-2.0
//
// job.c - workflows whose program is drawn from a seed, and what each must
// return, computed without weft.

#include "sim/job.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define WEEK_MS (7ULL * 24 * 3600 * 1000) // longer than any run of the world

uint64_t
job_mix(uint64_t a, uint64_t b)
{
    return wf_hash64(&a, sizeof(a), b);
}

uint64_t
job_work(uint64_t x)
{
    return x * 3 + 1;
}

static weft_err
work(weft_activity *activity, weft_bytes input)
{
    uint64_t x;

    memcpy(&x, input.data, sizeof(x));
    if (weft_activity_attempt(activity) <= x % 3) {
        return weft_activity_fail(activity, "flaky", "again", weft_nothing());
    }
    x = job_work(x);
    return weft_activity_return(activity, weft_bytes_of(&x, sizeof(x)));
}

static uint64_t
as_number(weft_bytes bytes)
{
    uint64_t x = 0;

    if (bytes.len == sizeof(x)) {
        memcpy(&x, bytes.data, sizeof(x));
    }
    return x;
}

enum {
    OP_CALL,
    OP_SLEEP,
    OP_STEP,
    OP_CHILD,
    OP_RECEIVE,
    OP_ALL,
    OP_VALUE,
    OP_BRANCHES,
    OP_SCOPE,
    OP_RACE,
    OP_COUNT,
};

static uint32_t
op_at(const struct job *job, uint32_t i)
{
    uint32_t op = (uint32_t)(job_mix(job->seed, i) % OP_COUNT);

    return op == OP_CHILD && job->depth >= 2 ? OP_STEP : op;
}

static uint32_t
ops_of(const struct job *job)
{
    return 1 + (uint32_t)(job_mix(job->seed, 99) % 5);
}

static bool
restarts(const struct job *job)
{
    return job->restarts < 2 && job_mix(job->seed, 77) % 4 == 0;
}

static struct job
next_run(const struct job *job)
{
    return (struct job){
        .seed = job_mix(job->seed, 55),
        .depth = job->depth,
        .restarts = job->restarts + 1,
    };
}

static struct job
child_of(const struct job *job, uint32_t i)
{
    return (struct job){.seed = job_mix(job->seed, 1000 + i),
                        .depth = job->depth + 1};
}

uint64_t
job_expected(const struct job *job)
{
    uint64_t sum = 0;
    struct job other;

    for (uint32_t i = 0; i < ops_of(job); i++) {
        uint64_t x = job_mix(job->seed, 200 + i);

        switch (op_at(job, i)) {
        case OP_CALL:
        case OP_RACE:
            sum = job_mix(sum, job_work(x));
            break;
        case OP_SCOPE:
            sum = job_mix(sum, x % 2);
            break;
        case OP_STEP:
            sum = job_mix(sum, x + 7);
            break;
        case OP_VALUE:
            sum = job_mix(sum, x + 9);
            break;
        case OP_CHILD:
            other = child_of(job, i);
            sum = job_mix(sum, job_expected(&other));
            break;
        case OP_ALL:
        case OP_BRANCHES:
            for (uint64_t k = 0; k < 3; k++) {
                sum = job_mix(sum, job_work(x + k));
            }
            break;
        default:
            break;
        }
    }
    if (restarts(job)) {
        other = next_run(job);
        return job_expected(&other);
    }
    return sum;
}

static weft_err
step_adds(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    uint64_t *x = ctx;

    (void)step;
    *x += 7;
    *out_result = weft_bytes_of(x, sizeof(*x));
    return WEFT_OK;
}

static weft_err
value_adds(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    uint64_t *x = weft_workflow_alloc(wf, sizeof(*x));

    (void)weft_workflow_random(wf);
    *x = *(uint64_t *)ctx + 9;
    *out_value = weft_bytes_of(x, sizeof(*x));
    return WEFT_OK;
}

static weft_err
add_all(weft_workflow *wf, const weft_future futures[3], uint64_t *sum)
{
    weft_err err = weft_workflow_await_settled(wf, futures, 3);

    for (int k = 0; k < 3 && err == WEFT_OK; k++) {
        weft_bytes out;
        err = weft_workflow_await(wf, futures[k], &out);
        *sum = err == WEFT_OK ? job_mix(*sum, as_number(out)) : *sum;
    }
    return err;
}

static weft_err
run_all(weft_workflow *wf, uint64_t x, uint64_t *sum)
{
    weft_future futures[3];
    weft_err err = WEFT_OK;

    for (uint64_t k = 0; k < 3 && err == WEFT_OK; k++) {
        uint64_t input = x + k;
        err = weft_workflow_call_async(wf, "work",
                                       weft_bytes_of(&input, sizeof(input)),
                                       NULL, &futures[k]);
    }
    return err == WEFT_OK ? add_all(wf, futures, sum) : err;
}

static weft_err
branch_works(weft_workflow *wf, void *ctx)
{
    uint64_t x = *(uint64_t *)ctx;
    weft_bytes out;
    weft_err err = weft_workflow_sleep(wf, x % 100);

    if (err == WEFT_OK) {
        err = weft_workflow_call(wf, "work", weft_bytes_of(&x, sizeof(x)), NULL,
                                 &out);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, out) : err;
}

static weft_err
run_branches(weft_workflow *wf, uint64_t x, uint64_t *sum)
{
    weft_future futures[3];
    uint64_t inputs[3];
    weft_err err = WEFT_OK;

    for (uint64_t k = 0; k < 3 && err == WEFT_OK; k++) {
        inputs[k] = x + k;
        err = weft_workflow_branch(wf, "works", branch_works, &inputs[k], NULL,
                                   &futures[k]);
    }
    if (err == WEFT_OK) {
        err = add_all(wf, futures, sum);
        // Cancelled: they are too, and use the memory of this function.
        weft_workflow_shield_begin(wf);
        (void)weft_workflow_await_settled(wf, futures, 3);
        weft_workflow_shield_end(wf);
    }
    return err;
}

// A scope that ends in time, or one that does not.
static weft_err
run_scope(weft_workflow *wf, uint64_t x, uint64_t *sum)
{
    bool is_late = x % 2 != 0;
    weft_scope scope;
    weft_err ended;
    weft_err err =
        weft_workflow_scope_begin(wf, is_late ? x % 100 : WEEK_MS, &scope);

    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_sleep(wf, is_late ? WEEK_MS : x % 100);
    ended = weft_workflow_scope_end(wf, scope);
    if (ended != WEFT_OK || (err != WEFT_OK && err != WEFT_ETIMEDOUT)) {
        return ended != WEFT_OK ? ended : err;
    }
    *sum = job_mix(*sum, err == WEFT_ETIMEDOUT ? 1 : 0);
    return WEFT_OK;
}

// An activity against a week.
static weft_err
run_race(weft_workflow *wf, uint64_t x, weft_bytes *out)
{
    weft_future futures[2];
    size_t index = 0;
    weft_err err = weft_workflow_timer(wf, WEEK_MS, &futures[0]);

    if (err == WEFT_OK) {
        err = weft_workflow_call_async(wf, "work", weft_bytes_of(&x, sizeof(x)),
                                       NULL, &futures[1]);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_race(wf, futures, 2, WEFT_FOREVER, &index);
    }
    return err == WEFT_OK ? weft_workflow_await(wf, futures[index], out) : err;
}

static weft_err
run_receive(weft_workflow *wf, uint64_t x)
{
    static const char *const names[] = {"none", "go"};
    size_t index = 1;
    weft_err err = x % 2 == 0 ? weft_workflow_receive(wf, "go", x % 200, NULL)
                              : weft_workflow_receive_any(wf, names, 2, x % 200,
                                                          &index, NULL);

    if (err == WEFT_OK && index != 1) {
        return weft_workflow_fail(wf, "wrong_name", "", weft_nothing());
    }
    return err == WEFT_ETIMEDOUT ? WEFT_OK : err;
}

static weft_err
run_child(weft_workflow *wf, const struct job *job, uint32_t i, weft_bytes *out)
{
    struct job child = child_of(job, i);
    char id[160];

    // Half of the children live beside their parent, half anywhere.
    (void)snprintf(id, sizeof(id), "%.100s%c%" PRIu64 "-%u",
                   weft_workflow_id(wf), i % 2 == 0 ? '/' : '-',
                   weft_workflow_run(wf), i);
    return weft_workflow_child(wf, (weft_target){"job", id},
                               weft_bytes_of(&child, sizeof(child)), NULL, out);
}

static weft_err
run_op(weft_workflow *wf, const struct job *job, uint32_t i, uint64_t *sum)
{
    uint64_t x = job_mix(job->seed, 200 + i);
    weft_bytes out = weft_nothing();
    weft_err err;

    switch (op_at(job, i)) {
    case OP_CALL:
        err = weft_workflow_call(wf, "work", weft_bytes_of(&x, sizeof(x)), NULL,
                                 &out);
        break;
    case OP_SLEEP:
        return weft_workflow_sleep(wf, x % 3000);
    case OP_STEP:
        err = weft_workflow_step(wf, "adds", step_adds, &x, &out);
        break;
    case OP_CHILD:
        err = run_child(wf, job, i, &out);
        break;
    case OP_RECEIVE:
        return run_receive(wf, x);
    case OP_ALL:
        return run_all(wf, x, sum);
    case OP_BRANCHES:
        return run_branches(wf, x, sum);
    case OP_SCOPE:
        return run_scope(wf, x, sum);
    case OP_RACE:
        err = run_race(wf, x, &out);
        break;
    default:
        err = weft_workflow_value(wf, "adds", value_adds, &x, &out);
        break;
    }
    if (err == WEFT_OK) {
        *sum = job_mix(*sum, as_number(out));
    }
    return err;
}

static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    struct job job;
    uint64_t sum = 0;

    memcpy(&job, input.data, sizeof(job));
    for (uint32_t i = 0; i < ops_of(&job); i++) {
        weft_err err = run_op(wf, &job, i, &sum);
        if (err != WEFT_OK) {
            return err;
        }
        if (weft_workflow_attempt(wf) <= job.failures) {
            return weft_workflow_fail(wf, "flaky", "again", weft_nothing());
        }
    }
    if (restarts(&job)) {
        struct job next = next_run(&job);
        return weft_workflow_restart(wf, weft_bytes_of(&next, sizeof(next)));
    }
    return weft_workflow_return(wf, weft_bytes_of(&sum, sizeof(sum)));
}

static weft_err
late_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_sleep(wf, WEEK_MS);
}

// Updates. ------------------------------------------------------------------

static weft_err
is_number(weft_bytes input, void *ctx, weft_failure *out_why)
{
    (void)ctx;
    (void)out_why;
    return input.len == sizeof(uint64_t) ? WEFT_OK : WEFT_EINVAL;
}

static weft_err
add_number(weft_workflow *wf, weft_bytes input, void *ctx)
{
    uint64_t *sum = ctx;
    weft_bytes out;
    weft_err err = weft_workflow_call(wf, "work", input, NULL, &out);

    if (err != WEFT_OK) {
        return err;
    }
    *sum += as_number(input);
    return weft_workflow_return(wf, out);
}

static weft_err
till_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t *sum = weft_workflow_alloc(wf, sizeof(*sum));
    weft_err err =
        weft_workflow_on_update(wf, "add", is_number, add_number, sum);

    (void)input;
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_updates(wf);
    }
    return err == WEFT_OK
               ? weft_workflow_return(wf, weft_bytes_of(sum, sizeof(*sum)))
               : err;
}

static weft_err
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *fn)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = fn;
    return weft_definitions_add_workflow(definitions, &def);
}

weft_err
job_define(weft_definitions *definitions)
{
    static const char *const none[] = {NULL};
    weft_activity_def act = WEFT_ACTIVITY_DEF_INIT;
    weft_err err;

    act.name = "work";
    act.run = work;
    act.retry.initial_interval_ms = 50;
    act.retry.non_retryable = none;
    err = weft_definitions_add_activity(definitions, &act);
    if (err == WEFT_OK) {
        err = add_workflow(definitions, "job", run);
    }
    if (err == WEFT_OK) {
        err = add_workflow(definitions, "late", late_run);
    }
    return err == WEFT_OK ? add_workflow(definitions, "till", till_run) : err;
}
