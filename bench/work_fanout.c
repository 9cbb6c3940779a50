// SPDX-License-Identifier: Apache-2.0
//
// work_fanout.c - a workflow that starts many children and waits for all.
//
// Children live beside their parent ("parent/7"), or where their ids fall.

#include <stdio.h>
#include <string.h>

#include "weft/child.h"

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

// The parent's input.
struct order {
    uint64_t children;
    uint32_t is_same_partition;
};

static weft_err
run_child(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_return(wf, input);
}

static weft_err
run_parent(weft_workflow *wf, weft_bytes input)
{
    const char *parent = weft_workflow_id(wf);
    struct order order = {0};
    weft_future *futures;
    weft_err err = WEFT_OK;
    char id[96];

    memcpy(&order, input.data,
           input.len < sizeof(order) ? input.len : sizeof(order));
    futures = weft_workflow_alloc(wf, order.children * sizeof(*futures));
    if (futures == NULL) {
        return WEFT_ENOMEM;
    }
    for (uint64_t i = 0; err == WEFT_OK && i < order.children; i++) {
        (void)snprintf(id, sizeof(id), "%s%c%llu", parent,
                       order.is_same_partition != 0 ? '/' : '-',
                       (unsigned long long)i);
        err = weft_workflow_child_async(wf, (weft_target){"child", id},
                                        weft_text(""), NULL, &futures[i]);
    }
    return err == WEFT_OK ? weft_workflow_await_all(wf, futures, order.children)
                          : err;
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    weft_err err = kinds_add_workflow(definitions, "parent", run_parent, NULL);

    (void)bench;
    return err == WEFT_OK
               ? kinds_add_workflow(definitions, "child", run_child, NULL)
               : err;
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    struct order order = {
        .children = bench->settings.sizes[SIZE_CHILDREN],
        .is_same_partition = bench->settings.is_same_partition,
    };

    run_start(op, "parent", weft_bytes_of(&order, sizeof(order)));
    run_result(op, "parent");
    return WEFT_OK;
}

static uint64_t
units(const struct settings *settings)
{
    return settings->sizes[SIZE_CHILDREN];
}

const struct workload work_fanout = {
    .name = "fanout",
    .counts = "children",
    .about = "of parents with 100 each; latency is of the parent",
    .units = units,
    .define = define,
    .begin = begin,
};
