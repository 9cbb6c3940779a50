// SPDX-License-Identifier: Apache-2.0
//
// victim_kinds.c - the victim's jars, jobs and activities.

#include "crash/victim_kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/ledger.h"

#define LATER_MS 5000

_Static_assert(PLAN_ACCOUNTS <= ACCOUNTS_MAX, "accounts");
_Static_assert(PLAN_CLIENTS <= ACCOUNT_CLIENTS_MAX, "clients");

static int effects_fd = -1;
static int tokens_fd = -1;

void
victim_jar_id(uint32_t index, char id[PLAN_ID_SIZE])
{
    (void)snprintf(id, PLAN_ID_SIZE, "jar%" PRIu32, index);
}

// Jars. ---------------------------------------------------------------------

static weft_err
jar_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct jar *jar = state;
    int64_t amount;

    (void)actor;
    if (message->data.len == sizeof(amount)) {
        memcpy(&amount, message->data.data, sizeof(amount));
        jar->tips++;
        jar->amount += amount;
    }
    return WEFT_OK;
}

static weft_err
show_state(weft_query *query, const char *name, weft_bytes args,
           const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

// Activities. ---------------------------------------------------------------

struct work {
    char name[PLAN_ID_SIZE];
    uint64_t x;
};

static uint64_t
as_number(weft_bytes bytes)
{
    uint64_t x = 0;

    if (bytes.len == sizeof(x)) {
        memcpy(&x, bytes.data, sizeof(x));
    }
    return x;
}

static void
leave_effect(const char *key, uint32_t attempt, const char *name)
{
    ledger_write(effects_fd, LEDGER_LINE, "%s %" PRIu32 " %s", key, attempt,
                 name);
}

static struct work
begin_work(weft_activity *activity, weft_bytes input)
{
    struct work work = {{0}, 0};

    if (input.len == sizeof(work)) {
        memcpy(&work, input.data, sizeof(work));
    }
    leave_effect(weft_activity_key(activity), weft_activity_attempt(activity),
                 work.name);
    return work;
}

static weft_err
run_work(weft_activity *activity, weft_bytes input)
{
    struct work work = begin_work(activity, input);
    uint64_t result = plan_work(work.x);

    if (weft_activity_attempt(activity) <= work.x % 3) {
        return weft_activity_fail(activity, "flaky", "again", weft_nothing());
    }
    return weft_activity_return(activity,
                                weft_bytes_of(&result, sizeof(result)));
}

static weft_err
run_later(weft_activity *activity, weft_bytes input)
{
    struct work work = begin_work(activity, input);
    char token[WEFT_TOKEN_CHARS_MAX];
    weft_err err = weft_activity_defer(activity, token, sizeof(token));

    ledger_write(tokens_fd, LEDGER_TOKEN_LINE, "%s %" PRIu64, token,
                 plan_later(work.x));
    return err;
}

// Jobs. ---------------------------------------------------------------------

struct frame {
    weft_workflow *wf;
    struct plan_job job;
    uint64_t sum;
};

static struct work
make_work(const struct frame *frame, uint32_t i, uint32_t k)
{
    struct work work = {{0}, 0};

    plan_call_name(weft_workflow_id(frame->wf), &frame->job, i, k, work.name);
    work.x = plan_operand(&frame->job, i) + k;
    return work;
}

static weft_err
step_adds(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    struct work *work = ctx;

    leave_effect(step->key, step->attempt, work->name);
    work->x = plan_step(work->x);
    *out_result = weft_bytes_of(&work->x, sizeof(work->x));
    return WEFT_OK;
}

static weft_err
value_adds(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    uint64_t *x = weft_workflow_alloc(wf, sizeof(*x));

    if (x == NULL) {
        return WEFT_ENOMEM;
    }
    *x = plan_value(*(const uint64_t *)ctx);
    *out_value = weft_bytes_of(x, sizeof(*x));
    return WEFT_OK;
}

static weft_err
run_all(struct frame *frame, uint32_t i)
{
    weft_future futures[3];
    weft_err err = WEFT_OK;

    for (uint32_t k = 0; k < 3 && err == WEFT_OK; k++) {
        struct work work = make_work(frame, i, k);

        err = weft_workflow_call_async(frame->wf, "work",
                                       weft_bytes_of(&work, sizeof(work)), NULL,
                                       &futures[k]);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_settled(frame->wf, futures, 3);
    }
    for (uint32_t k = 0; k < 3 && err == WEFT_OK; k++) {
        weft_bytes out;

        err = weft_workflow_await(frame->wf, futures[k], &out);
        if (err == WEFT_OK) {
            frame->sum = plan_mix(frame->sum, as_number(out));
        }
    }
    return err;
}

static weft_err
run_child(struct frame *frame, uint32_t i, weft_bytes *out)
{
    struct plan_job child = plan_child(&frame->job, i);
    char id[PLAN_ID_SIZE];

    plan_child_id(weft_workflow_id(frame->wf), &frame->job, i, id);
    return weft_workflow_child(frame->wf, (weft_target){"job", id},
                               weft_bytes_of(&child, sizeof(child)), NULL, out);
}

static weft_err
run_receive(struct frame *frame)
{
    struct go go = {0};
    weft_bytes data;
    weft_err err = weft_workflow_receive(frame->wf, "go", WEFT_FOREVER, &data);

    if (err != WEFT_OK) {
        return err;
    }
    if (data.len == sizeof(go)) {
        memcpy(&go, data.data, sizeof(go));
    }
    if (go.seq != ++frame->job.goes) {
        return weft_workflow_fail(frame->wf, "order",
                                  "a signal is lost, doubled or overtaken",
                                  weft_nothing());
    }
    frame->sum = plan_mix(frame->sum, go.value);
    return WEFT_OK;
}

static weft_err
run_tip(struct frame *frame, uint64_t x)
{
    int64_t amount = plan_tip_amount(x);
    char id[PLAN_ID_SIZE];

    victim_jar_id(plan_tip_jar(x), id);
    return weft_workflow_signal(frame->wf, (weft_target){"jar", id}, "tip",
                                weft_bytes_of(&amount, sizeof(amount)));
}

static weft_err
run_op(struct frame *frame, uint32_t i)
{
    weft_workflow *wf = frame->wf;
    enum plan_op op = plan_op_at(&frame->job, i);
    uint64_t x = plan_operand(&frame->job, i);
    struct work work = make_work(frame, i, 0);
    weft_bytes input = weft_bytes_of(&work, sizeof(work));
    weft_bytes out = weft_nothing();
    weft_err err;

    switch (op) {
    case PLAN_CALL:
        err = weft_workflow_call(wf, "work", input, NULL, &out);
        break;
    case PLAN_LATER:
        err = weft_workflow_call(wf, "later", input, NULL, &out);
        break;
    case PLAN_STEP:
        err = weft_workflow_step(wf, "adds", step_adds, &work, &out);
        break;
    case PLAN_VALUE:
        err = weft_workflow_value(wf, "adds", value_adds, &x, &out);
        break;
    case PLAN_CHILD:
        err = run_child(frame, i, &out);
        break;
    case PLAN_ALL:
        return run_all(frame, i);
    case PLAN_SLEEP:
        return weft_workflow_sleep(wf, x);
    case PLAN_RECEIVE:
        return run_receive(frame);
    case PLAN_TIP:
        return run_tip(frame, x);
    default:
        return WEFT_EINVAL;
    }
    if (err == WEFT_OK) {
        frame->sum = plan_mix(frame->sum, as_number(out));
    }
    return err;
}

static weft_err
job_run(weft_workflow *wf, weft_bytes input)
{
    struct frame frame = {.wf = wf};
    struct plan_job next;

    if (input.len != sizeof(frame.job)) {
        return WEFT_EINVAL;
    }
    memcpy(&frame.job, input.data, sizeof(frame.job));
    for (uint32_t i = 0; i < plan_ops(&frame.job); i++) {
        weft_err err = run_op(&frame, i);

        if (err != WEFT_OK) {
            return err;
        }
    }
    if (plan_restarts(&frame.job)) {
        next = plan_next_run(&frame.job, frame.job.goes);
        return weft_workflow_restart(wf, weft_bytes_of(&next, sizeof(next)));
    }
    return weft_workflow_return(wf,
                                weft_bytes_of(&frame.sum, sizeof(frame.sum)));
}

// All of them. ----------------------------------------------------------------

static void
must(weft_err err)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "definitions: %s: %s\n", weft_err_name(err),
                      weft_err_detail());
        exit(3);
    }
}

static void
add_actors(weft_definitions *definitions)
{
    weft_actor_def jar = WEFT_ACTOR_DEF_INIT;

    must(account_define(definitions));
    jar.name = "jar";
    jar.state_bytes = sizeof(struct jar);
    jar.receive = jar_receive;
    jar.query = show_state;
    must(weft_definitions_add_actor(definitions, &jar));
}

weft_definitions *
victim_definitions(const char *dir)
{
    weft_definitions *definitions;
    weft_workflow_def job = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def work = WEFT_ACTIVITY_DEF_INIT;
    weft_activity_def later = WEFT_ACTIVITY_DEF_INIT;

    effects_fd = ledger_open(dir, "effects");
    tokens_fd = ledger_open(dir, "tokens");
    must(weft_definitions_create(&definitions));
    add_actors(definitions);
    job.name = "job";
    job.run = job_run;
    must(weft_definitions_add_workflow(definitions, &job));
    work.name = "work";
    work.run = run_work;
    work.retry.initial_interval_ms = 20;
    work.retry.coefficient = 1;
    must(weft_definitions_add_activity(definitions, &work));
    later.name = "later";
    later.run = run_later;
    later.retry.initial_interval_ms = 20;
    // A completion that is lost, or comes too early, is made up for by this.
    later.timeouts.start_to_close_ms = LATER_MS;
    must(weft_definitions_add_activity(definitions, &later));
    return definitions;
}
