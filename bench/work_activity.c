// SPDX-License-Identifier: Apache-2.0
//
// work_activity.c - a workflow that calls activities, one after another, on the
// worker pool.

#include "weft/activity.h"

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

static const unsigned one = 1;
static const unsigned ten = 10;

static weft_err
echo(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
run_calls(weft_workflow *wf, weft_bytes input)
{
    const unsigned *count = weft_workflow_context(wf);
    weft_bytes result = input;
    weft_err err = WEFT_OK;

    for (unsigned i = 0; err == WEFT_OK && i < *count; i++) {
        err = weft_workflow_call(wf, "echo", input, NULL, &result);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_err err;

    (void)bench;
    def.name = "echo";
    def.run = echo;
    err = weft_definitions_add_activity(definitions, &def);
    if (err == WEFT_OK) {
        err = kinds_add_workflow(definitions, "activity1", run_calls, &one);
    }
    if (err == WEFT_OK) {
        err = kinds_add_workflow(definitions, "activity10", run_calls, &ten);
    }
    return err;
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    run_start(op, bench->settings.workload->name, bench_payload(bench));
    run_result(op, bench->settings.workload->name);
    return WEFT_OK;
}

static uint64_t
ten_units(const struct settings *settings)
{
    (void)settings;
    return ten;
}

const struct workload work_activity1 = {
    .name = "activity1",
    .counts = "activities",
    .about = "a workflow of one activity",
    .define = define,
    .begin = begin,
};

const struct workload work_activity10 = {
    .name = "activity10",
    .counts = "activities",
    .about = "ten, one after another; latency is of the workflow",
    .units = ten_units,
    .begin = begin,
};
