// SPDX-License-Identifier: Apache-2.0
//
// run.c - random work under random faults, checked by counting. See run.h.

#include "sim/run.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/job.h"
#include "sim/repeat.h"
#include "sim/world.h"
#include "support/account.h"

#define ACCOUNTS 12
#define JOBS 30
#define STOPS (JOBS / 3)
#define LATES 3
#define TILLS 3
#define ADDS 6 // different ones, for each till

struct run {
    struct world *world;
    struct choice *choice; // of the work
    uint64_t seed;         // the first of them
    uint32_t rounds;       // of work
    bool is_planted;       // the client counts one of its transfers wrong
    struct world_call *starts[JOBS];
    struct world_call *stops[STOPS];
    struct world_call *lates[LATES];
    struct world_call *waits[JOBS]; // for results; half of them withdrawn
    struct {
        struct world_call *call; // NULL: not asked
        uint32_t till;
        uint32_t add;
    } updates[JOBS];
    uint32_t transfers[ACCOUNTS]; // asked of each
};

static void
must(weft_err err)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "sim: %s: %s\n", weft_err_name(err),
                      weft_err_detail());
        abort();
    }
}

static void
fail(const struct run *run, const char *what, uint64_t got, uint64_t wanted)
{
    (void)run;
    (void)fprintf(stderr, "sim: %s: got %" PRIu64 ", wanted %" PRIu64 "\n",
                  what, got, wanted);
    abort();
}

// Work. -----------------------------------------------------------------------

static struct job
job_at(uint64_t seed, uint32_t i)
{
    uint64_t failures = job_mix(job_mix(seed, i), 66) % 6;

    return (struct job){
        .seed = job_mix(seed, i),
        .failures = i < JOBS && failures < 3 ? (uint32_t)failures : 0,
    };
}

// Jobs from JOBS on are the stops.
static struct job
stop_at(uint64_t seed, uint32_t i)
{
    return job_at(seed, JOBS + i);
}

static uint64_t
amount_of(uint64_t seed, uint32_t till, uint32_t add)
{
    return job_mix(seed, 5000 + till * ADDS + add) % 1000;
}

static struct world_call *
start(struct run *run, const char *kind, const char *id, const struct job *job,
      uint64_t run_timeout_ms)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    options.retry.initial_interval_ms = 50;
    options.retry.maximum_attempts = job == NULL ? 2 : job->failures + 1;
    options.run_timeout_ms = run_timeout_ms;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, id};
    request.start = &options;
    if (job != NULL) {
        request.input = weft_bytes_of(job, sizeof(*job));
    }
    return world_submit(run->world, &request);
}

static void
send_transfers(struct run *run, uint32_t count)
{
    struct choice *choice = run->choice;
    char id[ACCOUNT_ID_SIZE];

    while (count-- > 0) {
        struct account_transfer transfer = {
            .from = (uint32_t)choice_below(choice, ACCOUNTS),
            .to = (uint32_t)choice_below(choice, ACCOUNTS),
            .amount = (int64_t)choice_below(choice, 100),
        };
        transfer.seq = ++run->transfers[transfer.from];
        if (run->is_planted && transfer.from == 5 && transfer.amount == 42) {
            run->transfers[5]++;
        }
        account_id(transfer.from, id);
        (void)world_call(run->world, WEFT_VERB_SIGNAL, "account", id,
                         "transfer",
                         weft_bytes_of(&transfer, sizeof(transfer)));
    }
}

static void
send_update(struct run *run, uint32_t i)
{
    struct choice *choice = run->choice;
    uint32_t till = (uint32_t)choice_below(choice, TILLS);
    uint32_t add = (uint32_t)choice_below(choice, ADDS);
    uint64_t amount = amount_of(run->seed, till, add);
    weft_request request = WEFT_REQUEST_INIT;
    char id[32];
    char update_id[32];

    (void)snprintf(id, sizeof(id), "till%u", till);
    (void)snprintf(update_id, sizeof(update_id), "add%u", add);
    request.verb = WEFT_VERB_UPDATE_WITH_START;
    request.target = (weft_target){"till", id};
    request.name = "add";
    request.update_id = update_id;
    request.data = weft_bytes_of(&amount, sizeof(amount));
    run->updates[i].till = till;
    run->updates[i].add = add;
    run->updates[i].call = world_submit(run->world, &request);
}

// One of them begins, and one that began before, or now, is cancelled.
static void
send_stop(struct run *run, uint32_t i)
{
    struct choice *choice = run->choice;
    struct job job = stop_at(run->seed, i);
    char id[32];

    (void)snprintf(id, sizeof(id), "stop%u", i);
    run->stops[i] = start(run, "job", id, &job, 0);
    (void)snprintf(id, sizeof(id), "stop%u",
                   (uint32_t)choice_below(choice, i + 1));
    (void)world_call(run->world, WEFT_VERB_CANCEL, "job", id, "",
                     weft_nothing());
}

static void
send_work(struct run *run)
{
    struct choice *choice = run->choice;
    char id[32];

    // Most runs have all the work; what has no choices left has no more.
    for (uint32_t i = 0; i < JOBS && choice_below(choice, 200) != 0; i++) {
        struct job job = job_at(run->seed, i);

        (void)snprintf(id, sizeof(id), "job%u", i);
        run->starts[i] = start(run, "job", id, &job, 0);
        send_transfers(run, (uint32_t)choice_below(choice, 13));
        run->rounds++;
        send_update(run, i);
        if (i < STOPS) {
            send_stop(run, i);
        }
        if (i < LATES) {
            (void)snprintf(id, sizeof(id), "late%u", i);
            run->lates[i] = start(run, "late", id, NULL, 300);
        }
        (void)snprintf(id, sizeof(id), "job%u", i / 2);
        (void)world_call(run->world, WEFT_VERB_SIGNAL, "job", id, "go",
                         weft_nothing());
        run->waits[i] = world_call(run->world, WEFT_VERB_RESULT, "job", id, "",
                                   weft_nothing());
        if (i > 0 && choice_below(choice, 2) == 0) {
            world_withdraw(run->world, run->waits[i - 1]);
        }
        world_run_ms(run->world, choice_below(choice, 200));
    }
}

// Its result, after a start that went well.
static struct world_call *
result_of(struct run *run, const struct world_call *started, const char *kind,
          uint32_t i, char id[32])
{
    (void)snprintf(id, 32, "%s%u", kind, i);
    if (started != NULL && (!started->is_answered || started->err != WEFT_OK)) {
        fail(run, "a start is not answered", i, 0);
    }
    return world_ask(run->world, WEFT_VERB_RESULT,
                     strcmp(kind, "stop") == 0 ? "job" : kind, id, "",
                     weft_nothing());
}

static void
check_number(const struct run *run, const char *what, const char *id,
             const struct world_call *call, uint64_t expected)
{
    uint64_t number = 0;

    if (!call->is_answered || call->err != WEFT_OK ||
        call->data_len != sizeof(number)) {
        (void)fprintf(stderr, "%s: %s %s\n", id, call->detail, call->failure);
        fail(run, what, (uint64_t)call->err, 0);
    }
    memcpy(&number, call->data, sizeof(number));
    if (number != expected) {
        fail(run, what, number, expected);
    }
}

static void
check_jobs(struct run *run)
{
    struct world_call *call;
    struct job job;
    char id[32];

    for (uint32_t i = 0; i < run->rounds; i++) {
        job = job_at(run->seed, i);
        call = result_of(run, run->starts[i], "job", i, id);
        check_number(run, "a job's result", id, call, job_expected(&job));
    }
    for (uint32_t i = 0; i < run->rounds && i < STOPS; i++) {
        job = stop_at(run->seed, i);
        call = result_of(run, run->stops[i], "stop", i, id);
        if (call->err != WEFT_ECANCELLED) {
            check_number(run, "a stop's result", id, call, job_expected(&job));
        }
    }
    for (uint32_t i = 0; i < run->rounds && i < LATES; i++) {
        call = result_of(run, run->lates[i], "late", i, id);
        if (call->err != WEFT_EOVERDUE) {
            fail(run, "a late one", (uint64_t)call->err, WEFT_EOVERDUE);
        }
    }
}

// Whoever waited was told, or told that it withdrew.
static void
check_waits(struct run *run)
{
    for (uint32_t i = 0; i < run->rounds; i++) {
        weft_err err = world_wait(run->world, run->waits[i])->err;

        if (err != WEFT_OK && err != WEFT_ECANCELLED) {
            fail(run, "a wait", (uint64_t)err, 0);
        }
    }
}

static void
check_updates(struct run *run)
{
    bool is_asked[TILLS][ADDS] = {{false}};
    uint64_t sums[TILLS] = {0};
    bool is_begun[TILLS] = {false};
    char id[32];

    for (uint32_t i = 0; i < run->rounds; i++) {
        uint32_t till = run->updates[i].till;
        uint32_t add = run->updates[i].add;
        uint64_t amount = amount_of(run->seed, till, add);

        check_number(run, "an update", "till", run->updates[i].call,
                     job_work(amount));
        sums[till] += is_asked[till][add] ? 0 : amount;
        is_asked[till][add] = true;
        is_begun[till] = true;
    }
    for (uint32_t i = 0; i < TILLS; i++) {
        if (is_begun[i]) {
            (void)snprintf(id, sizeof(id), "till%u", i);
            (void)world_ask(run->world, WEFT_VERB_SIGNAL, "till", id, "end",
                            weft_nothing());
            check_number(run, "a till", id, result_of(run, NULL, "till", i, id),
                         sums[i]);
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

// The whole. -----------------------------------------------------------------

static struct world *
make_world(struct choice *choice, const weft_definitions *definitions,
           FILE *trace)
{
    static const int64_t windows[] = {1 << 20, 4096, 0};

    return world_create(&(struct world_options){
        .choice = choice,
        .sites = 1 + (uint32_t)choice_below(choice, 5),
        .window_bytes = windows[choice_below(choice, 3)],
        .residents_max = choice_below(choice, 2) == 0 ? 1000 : 3,
        .stacks_max = choice_below(choice, 2) == 0 ? 100 : 2,
        .is_paranoid = choice_below(choice, 4) == 3,
        .definitions = definitions,
        .frame_loss = 60,
        .frame_double = 60,
        .crash_at_commit = 15,
        .commit_in_doubt = 8,
        .commit_stall = 8,
        .twin_every = 8, // recovering costs more than committing
        .trace = trace,
    });
}

static void
check(struct run *run)
{
    check_jobs(run);
    check_waits(run);
    check_updates(run);
    check_accounts(run);
    if (world_audit(run->world) != 0) {
        fail(run, "stuck actors", world_audit(run->world), 0);
    }
}

void
run_choices(const char *how, struct choices *choices, struct run_result *result)
{
    const char *traced = getenv("SIM_TRACE");
    FILE *trace = traced == NULL ? NULL : fopen(traced, "we");
    weft_definitions *defs = NULL;
    struct run run = {
        .choice = &choices->work,
        .is_planted = getenv("SIM_PLANT") != NULL,
    };
    uint64_t began_ms;

    repeat_watch(how, choices);
    must(weft_definitions_create(&defs));
    must(account_define(defs));
    must(job_define(defs));
    run.seed = choice_u64(&choices->work);
    run.world = make_world(&choices->world, defs, trace);
    began_ms = world_now_ms(run.world);
    send_work(&run);
    world_run_ms(run.world, 20000);
    world_calm(run.world);
    world_run_ms(run.world, 600000);
    check(&run);
    *result = (struct run_result){
        .hash = world_hash(run.world),
        .simulated_ms = world_now_ms(run.world) - began_ms,
    };
    world_destroy(run.world);
    weft_definitions_destroy(defs);
    if (trace != NULL) {
        (void)fclose(trace);
    }
}

struct run_result
run_seed(uint64_t seed)
{
    struct run_result result;
    struct choices choices;
    char how[40];

    (void)snprintf(how, sizeof(how), "SIM_SEED=%" PRIu64, seed);
    choices_of_seed(&choices, seed);
    run_choices(how, &choices, &result);
    choices_fini(&choices);
    return result;
}
