// SPDX-License-Identifier: Apache-2.0
//
// errands.c - many workflows at once, started over the wire and counted.

#include "nodes/errands.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/errand.h"
#include "weft/connect.h"
#include "weft/weft.h"

#define STARTERS 16
#define LOOK_MS 200
#define CALL_MS 120000

struct starter {
    const struct errands *errands;
    uint32_t index;
    pthread_t thread;
};

static void
fail(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, weft_err_detail());
    exit(1);
}

static void
sleep_ms(long ms)
{
    const struct timespec moment = {.tv_sec = ms / 1000,
                                    .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&moment, NULL);
}

static weft_client *
connect_one(const struct errands *errands, uint32_t index)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *endpoints[8];
    weft_client *client = NULL;

    // Each begins with another node.
    options.endpoints_count = errands->endpoints_count;
    for (size_t i = 0; i < errands->endpoints_count; i++) {
        endpoints[i] =
            errands->endpoints[(index + i) % errands->endpoints_count];
    }
    options.endpoints = endpoints;
    options.timeout_ms = CALL_MS;
    if (weft_client_connect(&options, &client) != WEFT_OK) {
        fail("client");
    }
    return client;
}

static void *
run_starter(void *arg)
{
    const struct starter *starter = arg;
    const struct errands *errands = starter->errands;
    weft_client *client = connect_one(errands, starter->index);

    for (uint32_t i = starter->index; i < errands->count; i += STARTERS) {
        const struct errand errand = {i, errands->rounds, errands->pause_ms};
        char id[ERRAND_ID_SIZE];

        errand_id(i, id);
        if (weft_client_start(client, (weft_target){"errand", id},
                              weft_bytes_of(&errand, sizeof(errand))) !=
            WEFT_OK) {
            fail(id);
        }
    }
    weft_client_close(client);
    return NULL;
}

void
errands_start(const struct errands *errands)
{
    struct starter starters[STARTERS];

    if (errands->count > LEDGERS * LEDGER_ERRANDS) {
        (void)fprintf(stderr, "no more than %d errands\n",
                      LEDGERS * LEDGER_ERRANDS);
        exit(1);
    }
    for (uint32_t i = 0; i < STARTERS; i++) {
        starters[i] = (struct starter){.errands = errands, .index = i};
        if (pthread_create(&starters[i].thread, NULL, run_starter,
                           &starters[i]) != 0) {
            perror("thread");
            exit(1);
        }
    }
    for (uint32_t i = 0; i < STARTERS; i++) {
        pthread_join(starters[i].thread, NULL);
    }
}

// The count. ------------------------------------------------------------------

struct sum {
    uint32_t done;
    uint32_t doubled;
};

static void
add_ledger(const struct errands *errands, weft_client *client, uint32_t index,
           struct sum *sum)
{
    struct ledger ledger = {{0}};
    weft_reply *reply = NULL;
    char id[ERRAND_ID_SIZE];
    weft_err err;

    ledger_id(index, id);
    err = weft_client_query(client, (weft_target){"ledger", id}, "all",
                            weft_nothing(), &reply);
    if (err == WEFT_OK && reply->data.len == sizeof(ledger)) {
        memcpy(&ledger, reply->data.data, sizeof(ledger));
    }
    weft_reply_free(reply);
    for (uint32_t i = index; i < errands->count; i += LEDGERS) {
        sum->done += ledger.counts[i / LEDGERS] > 0;
        sum->doubled += ledger.counts[i / LEDGERS] > 1;
    }
}

static struct sum
look(const struct errands *errands, weft_client *client)
{
    struct sum sum = {0};

    for (uint32_t i = 0; i < LEDGERS; i++) {
        add_ledger(errands, client, i, &sum);
    }
    return sum;
}

uint32_t
errands_done(const struct errands *errands)
{
    weft_client *client = connect_one(errands, 0);
    struct sum sum = look(errands, client);

    weft_client_close(client);
    return sum.done;
}

// As the lists of the nodes have it.
static uint32_t
count_completed(weft_client *client)
{
    weft_reply *reply = NULL;
    uint32_t count = 0;

    if (weft_client_count(client, "kind = \"errand\" and status = completed",
                          NULL, &reply) == WEFT_OK) {
        count = (uint32_t)reply->count;
    }
    weft_reply_free(reply);
    return count;
}

uint32_t
errands_finish(const struct errands *errands, uint64_t ms)
{
    weft_client *client = connect_one(errands, 0);
    struct sum sum = look(errands, client);
    uint32_t completed = count_completed(client);

    for (uint64_t waited = 0; waited < ms && (sum.done < errands->count ||
                                              completed < errands->count);
         waited += LOOK_MS) {
        sleep_ms(LOOK_MS);
        sum = look(errands, client);
        completed = sum.done < errands->count ? 0 : count_completed(client);
    }
    weft_client_close(client);
    if (sum.done == errands->count && sum.doubled == 0 &&
        completed == errands->count) {
        return 0;
    }
    (void)fprintf(stderr,
                  "of %" PRIu32 " errands %" PRIu32
                  " told their ledger, %" PRIu32 " more than once, and %" PRIu32
                  " have completed\n",
                  errands->count, sum.done, sum.doubled, completed);
    return 1;
}
