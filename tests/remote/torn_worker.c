// SPDX-License-Identifier: Apache-2.0
//
// torn_worker.c - workers of a task queue in another process than its node,
// whose connections break, and whose node is killed: every activity is done,
// and its result is taken once.
//
//   remote_torn_worker [ACTIVITIES] [KILLS]

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "remote_tests/proxy.h"
#include "remote_tests/served.h"
#include "weft/connect.h"
#include "weft/weft.h"

enum {
    ACTIVITIES = 600,
    KILLS = 4,
    RESETS = 40, // at least
    WORKERS = 4,
    PARALLEL = 8,
    BYTES_BETWEEN_RESETS = 4000,
    WORK_MS = 5,
    LEASE_MS = 2000,
    PATIENCE_S = 100,
};

static const weft_target fan = {"fan", "torn"};

// Attempts that were made, by index; and all of them.
static _Atomic unsigned attempts[SERVED_FAN_MAX];
static _Atomic unsigned done;

// Each connection breaks by itself, so each has a proxy.
struct hand {
    struct proxy proxy;
    weft_client *client;
    weft_worker *worker; // NULL: it asks for the work
};

struct torn {
    char dir[32];
    struct served served;
    weft_definitions *definitions; // of the workers
    struct hand hands[WORKERS];
    struct hand asker;
    time_t end;
};

static void
must(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "torn_worker: %s\n", what);
        exit(1);
    }
}

static void
pause_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static weft_err
mark(weft_activity *activity, weft_bytes input)
{
    char index[24] = "";

    memcpy(index, input.data, input.len);
    pause_ms(WORK_MS);
    atomic_fetch_add(&attempts[strtoul(index, NULL, 10)], 1);
    atomic_fetch_add(&done, 1);
    return weft_activity_return(activity, input);
}

static void
connect_hand(struct torn *torn, struct hand *hand)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    char endpoint[64];
    const char *const endpoints[] = {endpoint};

    proxy_start(&hand->proxy, torn->served.port, BYTES_BETWEEN_RESETS);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u",
                   hand->proxy.port);
    options.endpoints = endpoints;
    options.endpoints_count = 1;
    must(weft_client_connect(&options, &hand->client) == WEFT_OK,
         weft_err_detail());
}

static void
disconnect(struct hand *hand)
{
    weft_client_close(hand->client);
    proxy_stop(&hand->proxy);
}

static void
define(struct torn *torn)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    must(weft_definitions_create(&torn->definitions) == WEFT_OK, "definitions");
    def.name = "mark";
    def.run = mark;
    must(weft_definitions_add_activity(torn->definitions, &def) == WEFT_OK,
         weft_err_detail());
}

static void
hire(struct torn *torn)
{
    for (int i = 0; i < WORKERS; i++) {
        struct hand *hand = &torn->hands[i];
        weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;

        connect_hand(torn, hand);
        options.task_queue = "marks";
        options.definitions = torn->definitions;
        options.parallel = PARALLEL;
        options.lease_ms = LEASE_MS;
        must(weft_worker_open(hand->client, &options, &hand->worker) == WEFT_OK,
             weft_err_detail());
    }
}

static void
dismiss(struct torn *torn)
{
    for (int i = 0; i < WORKERS; i++) {
        must(weft_worker_drain(torn->hands[i].worker, 10000) == WEFT_OK,
             weft_err_detail());
        weft_worker_close(torn->hands[i].worker);
        disconnect(&torn->hands[i]);
    }
}

// Kill the node whenever another part of the work is done.
static void
kill_now_and_then(struct torn *torn, unsigned count, unsigned kills)
{
    for (unsigned killed = 0; killed < kills; killed++) {
        while (atomic_load(&done) < (killed + 1) * count / (kills + 1)) {
            must(time(NULL) < torn->end, "it takes too long");
            pause_ms(5);
        }
        served_kill(&torn->served);
        served_start(&torn->served, torn->dir, 0);
        for (int i = 0; i < WORKERS; i++) {
            atomic_store(&torn->hands[i].proxy.to_port, torn->served.port);
        }
        atomic_store(&torn->asker.proxy.to_port, torn->served.port);
    }
}

static unsigned long
outcome(struct torn *torn)
{
    weft_reply *reply = NULL;
    char text[24] = "";
    weft_err err =
        weft_client_result(torn->asker.client, fan, PATIENCE_S * 1000, &reply);

    must(err == WEFT_OK, weft_err_detail());
    must(reply->data.len < sizeof(text), "the result's size");
    memcpy(text, reply->data.data, reply->data.len);
    weft_reply_free(reply);
    return strtoul(text, NULL, 10);
}

static uint64_t
resets(struct torn *torn)
{
    uint64_t sum = 0;

    for (int i = 0; i < WORKERS; i++) {
        sum += atomic_load(&torn->hands[i].proxy.resets);
    }
    return sum;
}

static void
check(struct torn *torn, unsigned count, unsigned long sum)
{
    unsigned repeated = 0;

    for (unsigned i = 0; i < count; i++) {
        must(atomic_load(&attempts[i]) > 0, "an activity was never run");
        repeated += atomic_load(&attempts[i]) > 1;
    }
    printf("%u activities, %u of them more than once; %llu resets\n", count,
           repeated, (unsigned long long)resets(torn));
    must(sum == (unsigned long)count * (count - 1) / 2, "a result is missing");
    must(repeated <= count / 4, "much was done again");
    must(count < ACTIVITIES || resets(torn) >= RESETS, "too few resets");
}

int
main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : ACTIVITIES;
    unsigned kills = argc > 2 ? (unsigned)atoi(argv[2]) : KILLS;
    struct torn torn = {.dir = "torn-XXXXXX", .end = time(NULL) + PATIENCE_S};
    char input[24];

    served_become(argc, argv);
    must(count <= SERVED_FAN_MAX, "too many activities");
    must(mkdtemp(torn.dir) != NULL, "no directory");
    served_start(&torn.served, torn.dir, 0);
    define(&torn);
    hire(&torn);
    connect_hand(&torn, &torn.asker);
    (void)snprintf(input, sizeof(input), "%u", count);
    must(weft_client_start(torn.asker.client, fan, weft_text(input)) == WEFT_OK,
         weft_err_detail());
    kill_now_and_then(&torn, count, kills);
    check(&torn, count, outcome(&torn));
    dismiss(&torn);
    disconnect(&torn.asker);
    weft_definitions_destroy(torn.definitions);
    served_stop(&torn.served);
    served_remove(torn.dir);
    return 0;
}
