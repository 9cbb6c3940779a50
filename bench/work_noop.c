// SPDX-License-Identifier: Apache-2.0
//
// work_noop.c - a workflow that returns at once: from start to result.
//
// The result is asked for right behind the start; both go to one partition, in
// order.

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

static weft_err
run_noop(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_return(wf, input);
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_workflow(definitions, "noop", run_noop, NULL);
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    run_start(op, "noop", bench_payload(bench));
    run_result(op, "noop");
    return WEFT_OK;
}

const struct workload work_noop = {
    .name = "noop",
    .counts = "workflows",
    .about = "start of an empty workflow to its result",
    .define = define,
    .begin = begin,
};
