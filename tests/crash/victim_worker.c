// SPDX-License-Identifier: Apache-2.0
//
// victim_worker.c - who works for the task queues of the victim's programs.
//
// Each queue has a worker that stays, and one that comes and goes: now it is
// drained first, now it leaves with what it has leased, which others get when
// its leases are over. All of them are killed with their process.
//
// Threads: one, which opens and closes workers.

#include "crash/victim_worker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "program/run.h"

#define QUEUES 2
#define LEASE_MS 1000
#define STAY_MS 150
#define DRAIN_MS 50

struct hand {
    weft_client *client;
    weft_worker *worker;
};

struct victim_workers {
    struct victim_run *run;
    const weft_definitions *definitions;
    pthread_t thread;
};

static bool
is_leaving(const struct victim_workers *workers)
{
    return atomic_load(&workers->run->mode) == VICTIM_STOP;
}

// A node that gives up its store, or has no room, may refuse for now.
static void
open_hand(const struct victim_workers *workers, int queue, struct hand *hand)
{
    weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;

    options.task_queue = queue == 0 ? RUN_QUEUE : RUN_QUEUE_OTHER;
    options.definitions = workers->definitions;
    options.parallel = 4;
    options.lease_ms = LEASE_MS;
    if (hand->client == NULL &&
        weft_client_open(workers->run->node, NULL, &hand->client) != WEFT_OK) {
        return;
    }
    (void)weft_worker_open(hand->client, &options, &hand->worker);
}

static void
close_hand(struct hand *hand, bool is_drained)
{
    if (hand->worker != NULL && is_drained) {
        (void)weft_worker_drain(hand->worker, DRAIN_MS);
    }
    weft_worker_close(hand->worker);
    weft_client_close(hand->client);
    *hand = (struct hand){0};
}

static void *
run_workers(void *ctx)
{
    const struct victim_workers *workers = ctx;
    const struct timespec stay = {.tv_nsec = STAY_MS * 1000000L};
    struct hand steady[QUEUES] = {{0}};

    for (uint32_t turn = 0; !is_leaving(workers); turn++) {
        struct hand passing = {0};

        for (int i = 0; i < QUEUES; i++) {
            if (steady[i].worker == NULL) {
                open_hand(workers, i, &steady[i]);
            }
        }
        open_hand(workers, (int)(turn % QUEUES), &passing);
        (void)nanosleep(&stay, NULL);
        close_hand(&passing, turn / QUEUES % 2 == 0);
    }
    for (int i = 0; i < QUEUES; i++) {
        close_hand(&steady[i], false);
    }
    return NULL;
}

struct victim_workers *
victim_workers_start(struct victim_run *run,
                     const weft_definitions *definitions)
{
    struct victim_workers *workers = calloc(1, sizeof(*workers));

    if (workers == NULL) {
        abort();
    }
    workers->run = run;
    workers->definitions = definitions;
    if (pthread_create(&workers->thread, NULL, run_workers, workers) != 0) {
        abort();
    }
    return workers;
}

void
victim_workers_join(struct victim_workers *workers)
{
    (void)pthread_join(workers->thread, NULL);
    free(workers);
}
