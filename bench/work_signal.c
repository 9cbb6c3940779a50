// SPDX-License-Identifier: Apache-2.0
//
// work_signal.c - signals to one workflow instance, or to many of them.
//
// The workflow receives them all and begins again after each thousand. A signal
// is answered when it is durable in the mailbox; the turn that receives it
// comes after that, on the same thread.

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

#define RECEIVED_PER_RUN 1000

static weft_err
run_listener(weft_workflow *wf, weft_bytes input)
{
    weft_err err = WEFT_OK;

    for (int i = 0; err == WEFT_OK && i < RECEIVED_PER_RUN; i++) {
        err = weft_workflow_receive(wf, "poke", WEFT_FOREVER, NULL);
    }
    return err == WEFT_OK ? weft_workflow_restart(wf, input) : err;
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_workflow(definitions, "listener", run_listener, NULL);
}

static weft_err
start_target(struct bench *bench, struct op *op)
{
    (void)bench;
    run_start(op, "listener", weft_text(""));
    return WEFT_OK;
}

static weft_err
prepare(struct bench *bench)
{
    return run_all(bench, start_target, bench->settings.sizes[SIZE_INSTANCES]);
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    uint64_t count = bench->settings.sizes[SIZE_INSTANCES];

    run_signal(op, "listener", bench_random(bench) % count, "poke",
               bench_payload(bench));
    return WEFT_OK;
}

const struct workload work_signal_one = {
    .name = "signal-one",
    .counts = "signals",
    .about = "to one workflow instance",
    .instances = 1,
    .define = define,
    .prepare = prepare,
    .begin = begin,
};

const struct workload work_signal_many = {
    .name = "signal-many",
    .counts = "signals",
    .about = "to 1,000 workflow instances, at random",
    .instances = 1000,
    .prepare = prepare,
    .begin = begin,
};
