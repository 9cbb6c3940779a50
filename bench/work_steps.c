// SPDX-License-Identifier: Apache-2.0
//
// work_steps.c - a workflow of ten inline steps, each durable before the next.

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

enum { STEPS = 10 };

static weft_err
do_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    *out_result = *(const weft_bytes *)ctx;
    return WEFT_OK;
}

static weft_err
run_steps(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result = input;
    weft_err err = WEFT_OK;

    for (int i = 0; err == WEFT_OK && i < STEPS; i++) {
        err = weft_workflow_step(wf, "step", do_step, &input, &result);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_workflow(definitions, "steps10", run_steps, NULL);
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    run_start(op, "steps10", bench_payload(bench));
    run_result(op, "steps10");
    return WEFT_OK;
}

static uint64_t
units(const struct settings *settings)
{
    (void)settings;
    return STEPS;
}

const struct workload work_steps10 = {
    .name = "steps10",
    .counts = "steps",
    .about = "ten inline steps; latency is of the whole workflow",
    .units = units,
    .define = define,
    .begin = begin,
};
