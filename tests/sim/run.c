// SPDX-License-Identifier: Apache-2.0
//
// run.c - random work under random faults, checked by counting. See run.h.

#include "sim/run.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/play.h"
#include "sim/repeat.h"
#include "sim/world.h"
#include "support/account.h"

#define ACCOUNTS 12
#define ROUNDS 24
#define FAULTS 15 // of the whole world, about
#define CALM_MS 600000

struct run {
    struct world *world;
    struct world *elsewhere; // where copies of some programs go on
    struct copies *copies;
    weft_definitions *definitions;
    weft_definitions *copied; // elsewhere
    struct play *play;
    struct choice *choice; // of the work
    uint32_t rounds;       // of work
    bool is_planted;       // the client counts one of its transfers wrong
    struct world_call *waits[ROUNDS]; // for results; half of them withdrawn
    uint32_t transfers[ACCOUNTS];     // asked of each
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

// Somebody else waits for a result, or not for so long.
static void
send_wait(struct run *run, uint32_t i)
{
    run->waits[i] = world_call(run->world, WEFT_VERB_RESULT, "program",
                               play_root(run->play, i / 2), "", weft_nothing());
    if (i > 0 && choice_below(run->choice, 2) == 0) {
        world_withdraw(run->world, run->waits[i - 1]);
    }
}

static void
send_work(struct run *run)
{
    struct choice *choice = run->choice;

    // Most runs have all the work; what has no choices left has no more.
    for (uint32_t i = 0; i < ROUNDS && choice_below(choice, 200) != 0; i++) {
        play_begin(run->play, run->world, choice, choice_below(choice, 4) == 3);
        send_transfers(run, (uint32_t)choice_below(choice, 13));
        run->rounds++;
        send_wait(run, i);
        play_run_ms(run->play, run->world, choice, choice_below(choice, 200));
    }
}

// Whoever waited was told, or told that it withdrew.
static void
check_waits(struct run *run)
{
    for (uint32_t i = 0; i < run->rounds; i++) {
        weft_err err = world_wait(run->world, run->waits[i])->err;
        bool was_early =
            err == WEFT_ENOTFOUND && play_was_refused(run->play, i / 2);

        // A program may end in any way, but for these.
        if ((err == WEFT_ENOTFOUND && !was_early) || err == WEFT_EINVAL ||
            err == WEFT_EIO) {
            fail(run, "a wait", (uint64_t)err, 0);
        }
    }
}

// Of n messages, each came once; and in order, if it must be.
static void
check_tally(const struct run *run, const char *what,
            const struct account_tally *tally, uint64_t n, bool is_ordered)
{
    if (!account_tally_is_whole(tally, n)) {
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
make_world(struct choice *choice, uint32_t storm_ms,
           const weft_definitions *definitions, FILE *trace)
{
    static const int64_t windows[] = {1 << 20, 4096, 0};
    uint32_t sites = 1 + (uint32_t)choice_below(choice, 6);

    return world_create(&(struct world_options){
        .choice = choice,
        .sites = sites,
        .nodes = 1 + (uint32_t)choice_below(choice, sites),
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
        .frame_late = 5,
        .storm_ms = storm_ms / FAULTS,
        .audit_ms = 1000,
        .twin_every = 8, // recovering costs more than committing
        .trace = trace,
    });
}

// A small one, that crashes as well.
static struct world *
make_elsewhere(struct choice *choice, uint32_t storm_ms,
               const weft_definitions *definitions, FILE *trace)
{
    return world_create(&(struct world_options){
        .choice = choice,
        .sites = 2,
        .nodes = 1,
        .window_bytes = choice_below(choice, 2) == 0 ? 1 << 20 : 0,
        .residents_max = choice_below(choice, 2) == 0 ? 1000 : 3,
        .definitions = definitions,
        .crash_at_commit = 15,
        .commit_in_doubt = 8,
        .commit_stall = 8,
        .storm_ms = storm_ms / 3,
        .audit_ms = 1000,
        .twin_every = 8,
        .trace = trace,
    });
}

static void
open_worlds(struct run *run, struct choice *choice, FILE *trace,
            uint32_t storm_ms)
{
    must(weft_definitions_create(&run->definitions));
    must(account_define(run->definitions));
    must(play_define(run->play, run->definitions));
    must(weft_definitions_create(&run->copied));
    must(copies_define(run->copies, run->copied));
    run->world = make_world(choice, storm_ms, run->definitions, trace);
    run->elsewhere = make_elsewhere(choice, storm_ms, run->copied, trace);
    copies_open(run->copies, run->elsewhere);
    play_copy(run->play, run->copies);
}

static void
close_worlds(struct run *run)
{
    world_destroy(run->world);
    world_destroy(run->elsewhere);
    weft_definitions_destroy(run->definitions);
    weft_definitions_destroy(run->copied);
    play_destroy(run->play);
    copies_destroy(run->copies);
}

static void
check(struct run *run)
{
    play_check(run->play, run->world);
    check_waits(run);
    check_accounts(run);
    if (world_audit(run->elsewhere) != 0) {
        fail(run, "stuck actors elsewhere", world_audit(run->elsewhere), 0);
    }
    if (world_audit(run->world) != 0) {
        fail(run, "stuck actors", world_audit(run->world), 0);
    }
}

void
run_choices(const char *how, struct choices *choices, struct run_result *result)
{
    const char *traced = getenv("SIM_TRACE");
    FILE *trace = traced == NULL ? NULL : fopen(traced, "we");
    struct run run = {
        .choice = &choices->work,
        .play = play_create(),
        .copies = copies_create(),
        .is_planted = getenv("SIM_PLANT") != NULL,
    };
    static const uint32_t storms_ms[] = {20000, 100000, 400000};
    uint32_t storm_ms;
    uint64_t began_ms;

    repeat_watch(how, choices);
    storm_ms = storms_ms[choice_below(&choices->world, 3)];
    open_worlds(&run, &choices->world, trace, storm_ms);
    began_ms = world_now_ms(run.world);
    send_work(&run);
    play_run_ms(run.play, run.world, NULL, storm_ms);
    // From here on nothing goes wrong, and all must end.
    world_calm(run.world);
    play_run_ms(run.play, run.world, NULL, 10000);
    play_calm(run.play, run.world);
    play_run_ms(run.play, run.world, NULL, CALM_MS);
    check(&run);
    *result = (struct run_result){
        .hash = world_hash(run.world) ^ world_hash(run.elsewhere) * 3,
        .simulated_ms = world_now_ms(run.world) - began_ms,
        .nodes = world_nodes(run.world),
        .weather = *world_weather(run.world),
    };
    close_worlds(&run);
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
