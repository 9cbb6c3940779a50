// SPDX-License-Identifier: Apache-2.0
//
// sim_random.c - random work under random faults, checked by counting.
//
//   transfers   accounts send each other money; nothing is lost or doubled,
//               and each pair's messages stay in order
//   jobs        workflows whose result a plain function can compute
//
// A failing seed prints the command that repeats it. SIM_SEEDS and SIM_SEED in
// the environment choose how many, or which one.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/world.h"
#include "support/account.h"
#include "support/test.h"
#include "weft/weft.h"

#define ACCOUNTS 12
#define JOBS 30

// Jobs: a program drawn from a seed, and what it must give. ------------------

static uint64_t
mix(uint64_t a, uint64_t b)
{
    return wf_hash64(&a, sizeof(a), b);
}

static uint64_t
work_result(uint64_t x)
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
    x = work_result(x);
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

struct job {
    uint64_t seed;
    uint32_t depth;
    uint32_t restarts;
};

enum { OP_CALL, OP_SLEEP, OP_STEP, OP_CHILD, OP_RECEIVE, OP_ALL, OP_VALUE };

static uint32_t
op_at(const struct job *job, uint32_t i)
{
    uint32_t op = (uint32_t)(mix(job->seed, i) % 7);

    return op == OP_CHILD && job->depth >= 2 ? OP_STEP : op;
}

static uint32_t
ops_of(const struct job *job)
{
    return 1 + (uint32_t)(mix(job->seed, 99) % 5);
}

static bool
restarts(const struct job *job)
{
    return job->restarts < 2 && mix(job->seed, 77) % 4 == 0;
}

static struct job
next_run(const struct job *job)
{
    return (struct job){
        .seed = mix(job->seed, 55),
        .depth = job->depth,
        .restarts = job->restarts + 1,
    };
}

static struct job
child_of(const struct job *job, uint32_t i)
{
    return (struct job){.seed = mix(job->seed, 1000 + i),
                        .depth = job->depth + 1};
}

// What the job must return, computed without weft.
static uint64_t
expected(const struct job *job)
{
    uint64_t sum = 0;
    struct job other;

    for (uint32_t i = 0; i < ops_of(job); i++) {
        uint64_t x = mix(job->seed, 200 + i);

        switch (op_at(job, i)) {
        case OP_CALL:
            sum = mix(sum, work_result(x));
            break;
        case OP_STEP:
            sum = mix(sum, x + 7);
            break;
        case OP_VALUE:
            sum = mix(sum, x + 9);
            break;
        case OP_CHILD:
            other = child_of(job, i);
            sum = mix(sum, expected(&other));
            break;
        case OP_ALL:
            for (uint64_t k = 0; k < 3; k++) {
                sum = mix(sum, work_result(x + k));
            }
            break;
        default:
            break;
        }
    }
    if (restarts(job)) {
        other = next_run(job);
        return expected(&other);
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
    if (err == WEFT_OK) {
        err = weft_workflow_await_settled(wf, futures, 3);
    }
    for (int k = 0; k < 3 && err == WEFT_OK; k++) {
        weft_bytes out;
        err = weft_workflow_await(wf, futures[k], &out);
        *sum = err == WEFT_OK ? mix(*sum, as_number(out)) : *sum;
    }
    return err;
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
                               weft_bytes_of(&child, sizeof(child)), out);
}

static weft_err
run_op(weft_workflow *wf, const struct job *job, uint32_t i, uint64_t *sum)
{
    uint64_t x = mix(job->seed, 200 + i);
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
        err = weft_workflow_receive(wf, "go", x % 200, &out);
        return err == WEFT_ETIMEDOUT ? WEFT_OK : err;
    case OP_ALL:
        return run_all(wf, x, sum);
    default:
        err = weft_workflow_value(wf, "adds", value_adds, &x, &out);
        break;
    }
    if (err == WEFT_OK) {
        *sum = mix(*sum, as_number(out));
    }
    return err;
}

static weft_err
job_run(weft_workflow *wf, weft_bytes input)
{
    struct job job;
    uint64_t sum = 0;

    memcpy(&job, input.data, sizeof(job));
    for (uint32_t i = 0; i < ops_of(&job); i++) {
        weft_err err = run_op(wf, &job, i, &sum);
        if (err != WEFT_OK) {
            return err;
        }
    }
    if (restarts(&job)) {
        struct job next = next_run(&job);
        return weft_workflow_restart(wf, weft_bytes_of(&next, sizeof(next)));
    }
    return weft_workflow_return(wf, weft_bytes_of(&sum, sizeof(sum)));
}

static weft_definitions *
definitions(void)
{
    static const char *const none[] = {NULL};
    weft_definitions *defs;
    weft_workflow_def job = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def act = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&defs));
    CHECK_OK(account_define(defs));
    job.name = "job";
    job.run = job_run;
    CHECK_OK(weft_definitions_add_workflow(defs, &job));
    act.name = "work";
    act.run = work;
    act.retry.initial_interval_ms = 50;
    act.retry.non_retryable = none;
    CHECK_OK(weft_definitions_add_activity(defs, &act));
    return defs;
}

// One run. ------------------------------------------------------------------

struct run {
    struct world *world;
    uint64_t seed;
    struct world_call *starts[JOBS];
    uint32_t transfers[ACCOUNTS]; // asked of each
};

static void
fail(const struct run *run, const char *what, uint64_t got, uint64_t wanted)
{
    (void)fprintf(stderr,
                  "%s: got %" PRIu64 ", wanted %" PRIu64
                  "\nrepeat: SIM_SEED=%" PRIu64 " sim_random\n",
                  what, got, wanted, run->seed);
    CHECK(false);
}

static struct job
job_at(uint64_t seed, uint32_t i)
{
    return (struct job){.seed = mix(seed, i)};
}

static void
send_work(struct run *run)
{
    struct wf_random *random = world_random(run->world);

    for (uint32_t i = 0; i < JOBS; i++) {
        struct job job = job_at(run->seed, i);
        char id[32];

        (void)snprintf(id, sizeof(id), "job%u", i);
        run->starts[i] = world_call(run->world, WEFT_VERB_START, "job", id, "",
                                    weft_bytes_of(&job, sizeof(job)));
        for (int k = 0; k < 6; k++) {
            struct account_transfer transfer = {
                .from = (uint32_t)wf_random_below(random, ACCOUNTS),
                .to = (uint32_t)wf_random_below(random, ACCOUNTS),
                .amount = (int64_t)wf_random_below(random, 100),
            };
            transfer.seq = ++run->transfers[transfer.from];
            account_id(transfer.from, id);
            (void)world_call(run->world, WEFT_VERB_SIGNAL, "account", id,
                             "transfer",
                             weft_bytes_of(&transfer, sizeof(transfer)));
        }
        (void)snprintf(id, sizeof(id), "job%u", i / 2);
        (void)world_call(run->world, WEFT_VERB_SIGNAL, "job", id, "go",
                         weft_nothing());
        world_run_ms(run->world, wf_random_below(random, 200));
    }
}

static void
check_jobs(struct run *run)
{
    for (uint32_t i = 0; i < JOBS; i++) {
        struct job job = job_at(run->seed, i);
        struct world_call *call;
        char id[32];
        uint64_t sum;

        if (!run->starts[i]->is_answered || run->starts[i]->err != WEFT_OK) {
            fail(run, "a start is not answered", i, 0);
        }
        (void)snprintf(id, sizeof(id), "job%u", i);
        call = world_ask(run->world, WEFT_VERB_RESULT, "job", id, "",
                         weft_nothing());
        if (call->err != WEFT_OK) {
            (void)fprintf(stderr, "%s: %s %s\n", id, call->detail,
                          call->failure);
            fail(run, "a job failed", (uint64_t)call->err, 0);
        }
        memcpy(&sum, call->data, sizeof(sum));
        if (sum != expected(&job)) {
            fail(run, "a job's result", sum, expected(&job));
        }
    }
}

// Of n messages, each came once; and in order, if it must be.
static void
check_tally(const struct run *run, const char *what,
            const struct account_tally *tally, uint64_t n, bool is_ordered)
{
    if (tally->count != n || tally->sum != n * (n + 1) / 2 ||
        tally->squares != n * (n + 1) * (2 * n + 1) / 6) {
        fail(run, what, tally->count, n);
    }
    if (is_ordered && tally->out_of_order != 0) {
        fail(run, "messages out of order", tally->out_of_order, 0);
    }
}

static void
read_accounts(struct run *run, struct account accounts[ACCOUNTS])
{
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        struct world_call *call;
        char id[ACCOUNT_ID_SIZE];

        account_id(i, id);
        call = world_ask(run->world, WEFT_VERB_QUERY, "account", id, "all",
                         weft_nothing());
        if (call->err == WEFT_OK && call->data_len == sizeof(accounts[i])) {
            memcpy(&accounts[i], call->data, sizeof(accounts[i]));
        }
    }
}

static void
check_accounts(struct run *run)
{
    struct account accounts[ACCOUNTS] = {{0}};
    int64_t total = 0;

    read_accounts(run, accounts);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        total += accounts[i].balance;
        // What was refused for a while may be overtaken.
        check_tally(run, "transfers", &accounts[i].from_clients[0],
                    run->transfers[i], false);
        for (uint32_t k = 0; k < ACCOUNTS; k++) {
            check_tally(run, "deposits", &accounts[i].from_accounts[k],
                        accounts[k].sent[i], true);
        }
    }
    if (total != 0) {
        fail(run, "money", (uint64_t)total, 0);
    }
}

static uint64_t
run_seed(uint64_t seed)
{
    weft_definitions *defs = definitions();
    struct run run = {.seed = seed};
    uint64_t hash;

    run.world = world_create(&(struct world_options){
        .seed = seed,
        .sites = 1 + (uint32_t)(mix(seed, 1) % 5),
        .window_bytes = mix(seed, 2) % 3 == 0   ? 0
                        : mix(seed, 2) % 3 == 1 ? 4096
                                                : 1 << 20,
        .residents_max = mix(seed, 3) % 2 == 0 ? 3 : 1000,
        .stacks_max = mix(seed, 4) % 2 == 0 ? 2 : 100,
        .is_paranoid = mix(seed, 5) % 4 == 0,
        .definitions = defs,
        .frame_loss = 60,
        .frame_double = 60,
        .crash_at_commit = 15,
        .commit_in_doubt = 8,
        .commit_stall = 8,
        .twin_every = 8, // recovering costs more than committing
    });
    send_work(&run);
    world_run_ms(run.world, 20000);
    world_calm(run.world);
    world_run_ms(run.world, 600000);
    check_jobs(&run);
    check_accounts(&run);
    if (world_audit(run.world) != 0) {
        fail(&run, "stuck actors", world_audit(run.world), 0);
    }
    hash = world_hash(run.world);
    world_destroy(run.world);
    weft_definitions_destroy(defs);
    return hash;
}

static uint64_t
from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(random, nothing_is_lost_or_doubled_under_faults)
{
    uint64_t one = from_environment("SIM_SEED", 0);
    uint64_t count = from_environment("SIM_SEEDS", 40);

    if (one != 0) {
        (void)run_seed(one);
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++) {
        (void)run_seed(seed);
    }
}

TEST(random, the_same_seed_gives_the_same_run)
{
    CHECK_EQ(run_seed(11), run_seed(11));
    CHECK(run_seed(11) != run_seed(12));
}
