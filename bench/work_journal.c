// SPDX-License-Identifier: Apache-2.0
//
// work_journal.c - how quickly journals are replayed.
//
// Instances record so many values each and wait. The node is closed and opened
// again, so that no stack is left; then each is told to go on, which rebuilds
// it from its journal, and returns. Latency is from that signal to the result.

#include <string.h>

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

static weft_err
look_up(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    *out_value = bench_payload(ctx);
    return WEFT_OK;
}

static weft_err
run_historian(weft_workflow *wf, weft_bytes input)
{
    uint64_t count = 0;
    weft_bytes value;
    weft_err err = WEFT_OK;

    memcpy(&count, input.data,
           input.len < sizeof(count) ? input.len : sizeof(count));
    for (uint64_t i = 0; err == WEFT_OK && i < count; i++) {
        err = weft_workflow_value(wf, "fact", look_up,
                                  weft_workflow_context(wf), &value);
    }
    return err == WEFT_OK ? weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL)
                          : err;
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    return kinds_add_workflow(definitions, "historian", run_historian, bench);
}

static weft_err
start(struct bench *bench, struct op *op)
{
    const uint64_t *count = &bench->settings.sizes[SIZE_JOURNAL];

    run_start(op, "historian", weft_bytes_of(count, sizeof(*count)));
    return WEFT_OK;
}

static weft_err
go_on(struct bench *bench, struct op *op)
{
    (void)bench;
    run_signal(op, "historian", op->number, "go", weft_text(""));
    run_result(op, "historian");
    return WEFT_OK;
}

static weft_err
measure(struct bench *bench)
{
    uint64_t count = bench->settings.sizes[SIZE_INSTANCES];
    weft_err err = place_open(bench);

    if (err == WEFT_OK) {
        err = run_all(bench, start, count);
    }
    if (err == WEFT_OK) {
        // Whoever began has recorded all when nothing is left to be done.
        err = weft_node_drain(bench->place.node, 600000);
    }
    place_close(&bench->place);
    if (err == WEFT_OK) {
        err = place_open(bench);
    }
    return err == WEFT_OK ? run_measured(bench, go_on, count) : err;
}

static uint64_t
units(const struct settings *settings)
{
    return settings->sizes[SIZE_JOURNAL];
}

const struct workload work_journal = {
    .name = "journal",
    .counts = "entries",
    .about = "replayed, 1,000 of each of 1,000 instances",
    .instances = 1000,
    .units = units,
    .has_own_node = true,
    .define = define,
    .measure = measure,
};
