// SPDX-License-Identifier: Apache-2.0
//
// blast.c - one actor misbehaves: what do the others notice?
//
//     load_blast DIR SECONDS [RATIO [OFFENDER]]
//
// Bystanders (bystander.h) call at a steady rate. Rounds of quiet alternate
// with rounds in which one actor spins, floods, leaks, fails, or is flooded by
// a client; so what else the machine does falls on both alike. For each
// offender the median over its rounds of the p99 while it misbehaves, as a
// share of the p99 in the round before, is printed and must not be over RATIO,
// in percent. No call of a bystander may fail, and each must count once.
//
//   spins    every turn sends its actor the next message
//   floods   every turn sends twenty messages to others, and one to itself
//   leaks    every turn keeps another value of 1 KiB for good
//   fails    every turn fails; when it is parked it is resumed
//   flooded  a client submits signals to it as fast as it can
//
// Turns that take long by themselves are not here: they hold their shard's
// thread, and nothing can be done about that (docs/failure-model.md).

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/bystander.h"
#include "load/load.h"
#include "support/counter.h"

#define BYSTANDERS 4
#define CALLS_PER_S 200
#define ROUNDS_MAX 99
#define FLOOD_MESSAGES 20
#define KEPT_BYTES 1024

struct offender {
    const char *name;
    const char *message; // that makes it begin
};

static const struct offender offenders[] = {
    {"spins", "spin"}, {"floods", "flood"}, {"leaks", "leak"},
    {"fails", "fail"}, {"flooded", NULL},
};
#define OFFENDERS_COUNT (sizeof(offenders) / sizeof(offenders[0]))

// Read by turns: a measuring program may do what a service must not.
static _Atomic bool is_quiet = true;

// The actor. ------------------------------------------------------------------

struct state {
    uint64_t turns;
};

static weft_err
again(weft_actor *actor, const char *message)
{
    weft_target self = {weft_actor_kind(actor), weft_actor_id(actor)};

    return weft_actor_send(actor, self, message, weft_nothing());
}

static weft_err
flood(weft_actor *actor, uint64_t turn)
{
    weft_err err = WEFT_OK;
    char id[32];

    for (uint32_t i = 0; i < FLOOD_MESSAGES && err == WEFT_OK; i++) {
        (void)snprintf(id, sizeof(id), "sink-%" PRIu64,
                       (turn * FLOOD_MESSAGES + i) % 200);
        err = weft_actor_send(actor, (weft_target){"counter", id}, "add",
                              weft_nothing());
    }
    return err;
}

static weft_err
leak(weft_actor *actor, uint64_t turn)
{
    static const uint8_t bytes[KEPT_BYTES];
    char key[32];

    (void)snprintf(key, sizeof(key), "kept-%" PRIu64, turn);
    return weft_actor_publish(actor, key, weft_bytes_of(bytes, sizeof(bytes)));
}

static weft_err
misbehave(weft_actor *actor, const weft_message *message, void *data)
{
    struct state *state = data;
    weft_err err = WEFT_OK;

    state->turns++;
    if (strcmp(message->name, "count") == 0 || atomic_load(&is_quiet)) {
        return WEFT_OK;
    }
    if (strcmp(message->name, "fail") == 0) {
        return WEFT_EFAILED;
    }
    if (strcmp(message->name, "flood") == 0) {
        err = flood(actor, state->turns);
    } else if (strcmp(message->name, "leak") == 0) {
        err = leak(actor, state->turns);
    }
    return err == WEFT_OK ? again(actor, message->name) : err;
}

static const weft_target offender = {"offender", "one"};

// What keeps it going.
// ---------------------------------------------------------

struct pest {
    weft_node *node;
    const struct offender *offender;
    _Atomic bool is_over;
    uint64_t accepted;
    uint64_t refused;
};

static void
answered(void *ctx, const weft_reply *reply)
{
    struct pest *pest = ctx;

    pest->accepted += reply->err == WEFT_OK;
    pest->refused += reply->err == WEFT_EBUSY;
}

// As many at a time as a client may have.
static void
submit(struct pest *pest, weft_client *client)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = offender;
    request.name = "count";
    while (!atomic_load(&pest->is_over)) {
        weft_err err =
            weft_client_submit(client, &request, answered, pest, NULL);

        if (err != WEFT_OK) {
            pest->refused++;
            load_sleep_ms(1);
        }
        (void)weft_client_dispatch(client, 1000);
    }
}

// Whoever is parked is resumed, as a careless operator would.
static void
resume(struct pest *pest, weft_client *client)
{
    while (!atomic_load(&pest->is_over)) {
        (void)weft_client_signal(client, offender, pest->offender->message,
                                 weft_nothing());
        (void)weft_client_resume(client, offender);
        load_sleep_ms(100);
    }
}

static void *
pester(void *ctx)
{
    struct pest *pest = ctx;
    weft_client *client;

    load_must(weft_client_open(pest->node, NULL, &client), "a client");
    if (pest->offender->message == NULL) {
        submit(pest, client);
    } else {
        resume(pest, client);
    }
    weft_client_close(client);
    return NULL;
}

// Rounds.
// ----------------------------------------------------------------------

struct blast {
    weft_node *node;
    uint64_t round_ms;
    uint32_t rounds;
    uint32_t ratio; // percent; 0: any
    uint64_t faults;
};

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

// The bystanders' p99 over a round of quiet, or of the offender.
static uint32_t
run_round(const struct blast *blast, const struct bystanders *bystanders,
          const struct offender *one)
{
    struct pest pest = {.node = blast->node, .offender = one};
    uint64_t from;
    uint32_t p99;
    pthread_t thread;

    if (one != NULL) {
        atomic_store(&is_quiet, false);
        if (pthread_create(&thread, NULL, pester, &pest) != 0) {
            load_must(WEFT_EBUSY, "a thread");
        }
    }
    load_sleep_ms(blast->round_ms / 4); // until it is as it will be
    from = load_now_ns();
    load_sleep_ms(blast->round_ms);
    p99 = bystanders_percentile_us(bystanders, from, load_now_ns(), 990);
    if (one != NULL) {
        atomic_store(&is_quiet, true);
        atomic_store(&pest.is_over, true);
        (void)pthread_join(thread, NULL);
    }
    return p99;
}

static void
run_offender(struct blast *blast, const struct offender *one)
{
    struct bystanders *bystanders =
        bystanders_begin(blast->node, BYSTANDERS, CALLS_PER_S);
    double ratios[ROUNDS_MAX];
    uint32_t quiet_us = 0;
    uint32_t loud_us = 0;
    uint64_t calls;
    uint64_t faults;
    char note[200];

    for (uint32_t i = 0; i < blast->rounds; i++) {
        quiet_us = run_round(blast, bystanders, NULL);
        loud_us = run_round(blast, bystanders, one);
        ratios[i] = (double)loud_us / (quiet_us > 0 ? quiet_us : 1);
        (void)fprintf(stderr, "%s: p99 %" PRIu32 " us, before %" PRIu32 "\n",
                      one->name, loud_us, quiet_us);
    }
    qsort(ratios, blast->rounds, sizeof(ratios[0]), compare);
    faults = bystanders_end(bystanders, &calls);
    if (blast->ratio > 0 &&
        ratios[blast->rounds / 2] * 100 > (double)blast->ratio) {
        faults++;
    }
    (void)snprintf(note, sizeof(note),
                   "others' p99 at %.2f times the usual (median of %" PRIu32
                   " rounds of %" PRIu64 " ms)",
                   ratios[blast->rounds / 2], blast->rounds, blast->round_ms);
    load_result(one->name, calls, faults, note);
    blast->faults += faults;
}

static void
open_node(const char *dir, weft_definitions **out_definitions,
          weft_node **out_node)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    load_must(weft_definitions_create(out_definitions), "definitions");
    load_must(counter_define(*out_definitions), "a counter");
    def.name = "offender";
    def.state_bytes = sizeof(struct state);
    def.receive = misbehave;
    load_must(weft_definitions_add_actor(*out_definitions, &def),
              "an offender");
    options.data_dir = dir;
    options.definitions = *out_definitions;
    load_must(weft_node_open(&options, out_node), "a node");
}

int
main(int argc, char **argv)
{
    struct blast blast = {0};
    weft_definitions *definitions;
    uint64_t seconds;
    const char *only = argc > 4 ? argv[4] : NULL;
    uint64_t each_ms;

    if (argc < 3) {
        (void)fprintf(stderr, "load_blast DIR SECONDS [RATIO [OFFENDER]]\n");
        return 2;
    }
    seconds = strtoull(argv[2], NULL, 10);
    blast.ratio = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    each_ms = seconds * 1000 / (only != NULL ? 1 : OFFENDERS_COUNT);
    // Two rounds with a quarter before each; few of them if there is no time.
    blast.rounds = each_ms > 50000 ? 9 : each_ms > 15000 ? 5 : 1;
    blast.round_ms = each_ms * 2 / 5 / blast.rounds;
    open_node(argv[1], &definitions, &blast.node);
    for (size_t i = 0; i < OFFENDERS_COUNT; i++) {
        if (only == NULL || strcmp(only, offenders[i].name) == 0) {
            run_offender(&blast, &offenders[i]);
        }
    }
    weft_node_close(blast.node);
    weft_definitions_destroy(definitions);
    return blast.faults == 0 ? 0 : 1;
}
