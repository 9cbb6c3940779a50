// SPDX-License-Identifier: Apache-2.0
//
// run.c - random work under random faults, checked by counting. See run.h.

#include "sim/run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/job.h"
#include "sim/world.h"
#include "support/account.h"
#include "support/test.h"

#define ACCOUNTS 12
#define JOBS 30

struct run {
    struct world *world;
    uint64_t seed;
    struct world_call *starts[JOBS];
    uint32_t transfers[ACCOUNTS]; // asked of each
};

// How to repeat it. -----------------------------------------------------------

// However a run fails, the last line printed is the command that repeats it: a
// check says it, and so do signals, and sanitizers, where they are linked.
extern void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS};
static struct sigaction before[sizeof(signals) / sizeof(signals[0])];
static char repeat[600];

static void
say_repeat(void)
{
    (void)!write(STDERR_FILENO, repeat, strlen(repeat));
}

// Whoever had the signal before has it next.
static void
on_signal(int number)
{
    say_repeat();
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (signals[i] == number) {
            (void)sigaction(number, &before[i], NULL);
        }
    }
    (void)raise(number);
}

static void
watch(uint64_t seed)
{
    static bool is_watching;
    const struct sigaction action = {.sa_handler = on_signal};
    char path[500];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[len > 0 ? len : 0] = '\0';
    (void)snprintf(repeat, sizeof(repeat), "repeat: SIM_SEED=%" PRIu64 " %s\n",
                   seed, path);
    if (is_watching) {
        return;
    }
    is_watching = true;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        (void)sigaction(signals[i], &action, &before[i]);
    }
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(say_repeat);
    }
}

uint64_t
run_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void
fail(const struct run *run, const char *what, uint64_t got, uint64_t wanted)
{
    (void)fprintf(stderr,
                  "seed %" PRIu64 ": %s: got %" PRIu64 ", wanted %" PRIu64 "\n",
                  run->seed, what, got, wanted);
    say_repeat();
    CHECK(false);
}

// Work. -----------------------------------------------------------------------

static struct job
job_at(uint64_t seed, uint32_t i)
{
    return (struct job){.seed = job_mix(seed, i)};
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
        if (sum != job_expected(&job)) {
            fail(run, "a job's result", sum, job_expected(&job));
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

uint64_t
run_seed(uint64_t seed)
{
    weft_definitions *defs = NULL;
    struct run run = {.seed = seed};
    uint64_t hash;

    watch(seed);
    CHECK_OK(weft_definitions_create(&defs));
    CHECK_OK(account_define(defs));
    CHECK_OK(job_define(defs));
    run.world = world_create(&(struct world_options){
        .seed = seed,
        .sites = 1 + (uint32_t)(job_mix(seed, 1) % 5),
        .window_bytes = job_mix(seed, 2) % 3 == 0   ? 0
                        : job_mix(seed, 2) % 3 == 1 ? 4096
                                                    : 1 << 20,
        .residents_max = job_mix(seed, 3) % 2 == 0 ? 3 : 1000,
        .stacks_max = job_mix(seed, 4) % 2 == 0 ? 2 : 100,
        .is_paranoid = job_mix(seed, 5) % 4 == 0,
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
