// SPDX-License-Identifier: Apache-2.0
//
// kinds.c - a workflow whose input names a plan and a number.

#include "scale/kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft/branch.h"
#include "weft/child.h"
#include "weft/task_queue.h"
#include "weft/workflow.h"

#define HOUR_MS (3600ULL * 1000)
#define EACH_BRANCH 1000 // activities
#define SLIDING 1000     // open at a time
#define RUN_STEPS 1000   // then a restart

struct plan {
    const char *name;
    weft_err (*run)(weft_workflow *wf, uint64_t count, uint64_t seen);
};

static weft_err
give(weft_workflow *wf, uint64_t seen)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRIu64, seen);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_err
restart(weft_workflow *wf, const char *plan, uint64_t count, uint64_t seen)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64, plan, count,
                   seen);
    return weft_workflow_restart(wf, weft_text(text));
}

// Begin `count` calls. options may be NULL.
static weft_err
call_many(weft_workflow *wf, uint64_t count, const weft_call_options *options,
          weft_future **out_futures)
{
    weft_future *futures =
        weft_workflow_alloc(wf, (size_t)count * sizeof(*futures));
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; i < count && err == WEFT_OK; i++) {
        err = weft_workflow_call_async(wf, "work", weft_text("input"), options,
                                       &futures[i]);
    }
    *out_futures = futures;
    return err;
}

static weft_err
run_all(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_future *futures;
    weft_err err = call_many(wf, count, NULL, &futures);

    if (err == WEFT_OK) {
        err = weft_workflow_await_all(wf, futures, (size_t)count);
    }
    return err == WEFT_OK ? give(wf, seen + count) : err;
}

// The same, by workers of a queue.
static weft_err
run_queued(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_future *futures;
    weft_err err;

    options.task_queue = "q";
    err = call_many(wf, count, &options, &futures);
    if (err == WEFT_OK) {
        err = weft_workflow_await_all(wf, futures, (size_t)count);
    }
    return err == WEFT_OK ? give(wf, seen + count) : err;
}

static weft_err
run_settled(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_future *futures;
    weft_err err = call_many(wf, count, NULL, &futures);

    if (err == WEFT_OK) {
        err = weft_workflow_await_settled(wf, futures, (size_t)count);
    }
    return err == WEFT_OK ? give(wf, seen + count) : err;
}

static weft_err
call_some(weft_workflow *wf, void *ctx)
{
    weft_future *futures;
    uint64_t *count = ctx;
    weft_err err = call_many(wf, *count, NULL, &futures);

    return err == WEFT_OK ? weft_workflow_await_all(wf, futures, (size_t)*count)
                          : err;
}

static weft_err
run_branches(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    uint64_t each = EACH_BRANCH;
    size_t branches = (size_t)(count / EACH_BRANCH);
    weft_future *futures = weft_workflow_alloc(wf, branches * sizeof(*futures));
    weft_err err = WEFT_OK;

    for (size_t i = 0; i < branches && err == WEFT_OK; i++) {
        err = weft_workflow_branch(wf, "some", call_some, &each, NULL,
                                   &futures[i]);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_all(wf, futures, branches);
    }
    return err == WEFT_OK ? give(wf, seen + branches * EACH_BRANCH) : err;
}

// Always so many open: the next one begins when the oldest has ended.
static weft_err
run_sliding(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_future open[SLIDING];
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; i < count + SLIDING && err == WEFT_OK; i++) {
        weft_future *place = &open[i % SLIDING];

        if (i >= SLIDING) {
            err = weft_workflow_await(wf, *place, NULL);
            seen++;
        }
        if (i < count && err == WEFT_OK) {
            err = weft_workflow_call_async(wf, "work", weft_text("input"), NULL,
                                           place);
        }
    }
    return err == WEFT_OK ? give(wf, seen) : err;
}

// Half of them beside it.
static weft_err
run_children(weft_workflow *wf, uint64_t count, const char *what)
{
    weft_future *futures =
        weft_workflow_alloc(wf, (size_t)count * sizeof(*futures));
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_err err = WEFT_OK;

    options.parent_close = strcmp(what, "end") == 0
                               ? WEFT_PARENT_CLOSE_TERMINATE
                               : WEFT_PARENT_CLOSE_CANCEL;
    for (uint64_t i = 0; i < count && err == WEFT_OK; i++) {
        char id[40];

        (void)snprintf(id, sizeof(id), "%s%" PRIu64, i % 2 == 0 ? "one/" : "",
                       i);
        err = weft_workflow_child_async(wf, (weft_target){"child", id},
                                        weft_text(what), &options, &futures[i]);
    }
    return err == WEFT_OK ? weft_workflow_await_all(wf, futures, (size_t)count)
                          : err;
}

static weft_err
run_family(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = run_children(wf, count, "quick");

    return err == WEFT_OK ? give(wf, seen + count) : err;
}

static weft_err
run_parent(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    (void)seen;
    return run_children(wf, count, "wait");
}

static weft_err
run_tyrant(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    (void)seen;
    return run_children(wf, count, "end");
}

static weft_err
run_child(weft_workflow *wf, weft_bytes input)
{
    return input.len == strlen("quick") ? WEFT_OK
                                        : weft_workflow_sleep(wf, WEFT_FOREVER);
}

static weft_err
run_timers(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_future *futures =
        weft_workflow_alloc(wf, (size_t)count * sizeof(*futures));
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; i < count && err == WEFT_OK; i++) {
        err = weft_workflow_timer(wf, HOUR_MS + i, &futures[i]);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_all(wf, futures, (size_t)count);
    }
    return err == WEFT_OK ? give(wf, seen + count) : err;
}

static weft_err
run_receive(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = WEFT_OK;

    for (; seen < count && err == WEFT_OK; seen++) {
        err = weft_workflow_receive(wf, "tick", WEFT_FOREVER, NULL);
    }
    return err == WEFT_OK ? give(wf, seen) : err;
}

static weft_err
run_later(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);

    return err == WEFT_OK ? run_receive(wf, count, seen) : err;
}

static weft_err
run_go(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);

    (void)count;
    return err == WEFT_OK ? give(wf, seen + 1) : err;
}

static weft_err
run_restart(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);

    return err == WEFT_OK ? restart(wf, "receive", count, seen) : err;
}

static weft_err
compute(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    (void)ctx;
    *out_value = weft_text("value");
    return WEFT_OK;
}

// A value is a step, and every hundredth is an activity.
static weft_err
run_steps(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; i < RUN_STEPS && seen < count && err == WEFT_OK;
         i++, seen++) {
        err = seen % 100 == 0
                  ? weft_workflow_call(wf, "work", weft_text("x"), NULL, NULL)
                  : weft_workflow_value(wf, "value", compute, NULL, NULL);
    }
    if (err != WEFT_OK) {
        return err;
    }
    return seen < count ? restart(wf, "steps", count, seen) : give(wf, seen);
}

static weft_err
run_values(weft_workflow *wf, uint64_t count, uint64_t seen)
{
    weft_err err = WEFT_OK;

    for (; seen < count && err == WEFT_OK; seen++) {
        err = seen % 1000 == 0
                  ? weft_workflow_sleep(wf, 1)
                  : weft_workflow_value(wf, "value", compute, NULL, NULL);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);
    }
    return err == WEFT_OK ? give(wf, seen) : err;
}

static const struct plan plans[] = {
    {"all", run_all},           {"settled", run_settled},
    {"branches", run_branches}, {"sliding", run_sliding},
    {"timers", run_timers},     {"receive", run_receive},
    {"later", run_later},       {"go", run_go},
    {"restart", run_restart},   {"steps", run_steps},
    {"values", run_values},     {"family", run_family},
    {"queued", run_queued},     {"parent", run_parent},
    {"tyrant", run_tyrant},
};

static weft_err
run_plan(weft_workflow *wf, weft_bytes input)
{
    char text[64] = "";
    char name[32] = "";
    uint64_t count = 0;
    uint64_t seen = 0;

    memcpy(text, input.data,
           input.len < sizeof(text) ? input.len : sizeof(text) - 1);
    (void)sscanf(text, "%31s %" SCNu64 " %" SCNu64, name, &count, &seen);
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        if (strcmp(plans[i].name, name) == 0) {
            return plans[i].run(wf, count, seen);
        }
    }
    return WEFT_EINVAL;
}

static weft_err
work(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

weft_definitions *
scale_definitions(void)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_workflow_def child = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    child.name = "child";
    child.run = run_child;
    workflow.name = "scale";
    workflow.run = run_plan;
    activity.name = "work";
    activity.run = work;
    if (weft_definitions_create(&definitions) != WEFT_OK ||
        weft_definitions_add_workflow(definitions, &workflow) != WEFT_OK ||
        weft_definitions_add_workflow(definitions, &child) != WEFT_OK ||
        weft_definitions_add_activity(definitions, &activity) != WEFT_OK ||
        weft_definitions_add_task_queues(definitions) != WEFT_OK) {
        abort();
    }
    return definitions;
}
