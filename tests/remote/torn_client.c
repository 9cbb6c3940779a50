// SPDX-License-Identifier: Apache-2.0
//
// torn_client.c - the same as torn.c, by clients in C: each sends signals,
// which must come in order and once, while it knows of no connection.
//
//   remote_torn_client [CLIENTS] [SIGNALS] [KILLS] [SEED]
//
// SIGNALS is of each client. More are sent until the node was killed KILLS
// times, after random pauses, which the seed decides. What one connection lets
// through is less than what is under way on it.

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "remote_tests/proxy.h"
#include "remote_tests/served.h"
#include "weft/connect.h"
#include "weft/weft.h"

enum {
    SIGNALS = 6000,
    KILLS = 5,
    CLIENTS_MAX = 16,
    BYTES_BETWEEN_RESETS = 3000,
    OPEN_MAX = 64, // signals of a client without an answer
    KILL_MS_MAX = 1500,
    PATIENCE_S = 100,
};

// Each connection breaks by itself, so each has a proxy.
struct line {
    struct proxy proxy;
    weft_client *client;
    char id[32]; // of its instance
    uint64_t sent;
    uint64_t answered;
};

struct torn {
    char dir[32];
    struct served served;
    struct line lines[CLIENTS_MAX];
    size_t clients;
    uint64_t signals;
    uint64_t kills; // that are left
    struct wf_random random;
    uint64_t kill_ms; // when, next
    uint64_t end_ms;
};

static void
must(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "torn_client: %s\n", what);
        exit(1);
    }
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Signals. --------------------------------------------------------------------

static void
note(void *ctx, const weft_reply *reply)
{
    struct line *line = ctx;

    must(reply->err == WEFT_OK, reply->detail);
    line->answered++;
}

static void
signal_next(struct line *line)
{
    weft_request request = WEFT_REQUEST_INIT;

    line->sent++;
    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"series", line->id};
    request.name = "next";
    request.data = weft_bytes_of(&line->sent, sizeof(line->sent));
    must(weft_client_submit(line->client, &request, note, line, NULL) ==
             WEFT_OK,
         weft_err_detail());
}

static bool
is_over(const struct torn *torn)
{
    for (size_t i = 0; i < torn->clients; i++) {
        const struct line *line = &torn->lines[i];

        if (line->answered < line->sent || line->sent < torn->signals) {
            return false;
        }
    }
    return torn->kills == 0;
}

static void
send_some(struct torn *torn)
{
    for (size_t i = 0; i < torn->clients; i++) {
        struct line *line = &torn->lines[i];

        while ((line->sent < torn->signals || torn->kills > 0) &&
               line->sent - line->answered < OPEN_MAX) {
            signal_next(line);
        }
    }
}

static void
dispatch(struct torn *torn)
{
    struct pollfd ready[CLIENTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < torn->clients; i++) {
        weft_client *client = torn->lines[i].client;

        ready[i] = (struct pollfd){weft_client_fd(client), POLLIN, 0};
        count += weft_client_dispatch(client, SIZE_MAX);
    }
    if (count == 0) {
        (void)poll(ready, torn->clients, 10);
    }
    must(now_ms() < torn->end_ms, "it takes too long");
}

// The node. -------------------------------------------------------------------

static void
plan_kill(struct torn *torn)
{
    torn->kill_ms = now_ms() + wf_random_below(&torn->random, KILL_MS_MAX);
}

static void
maybe_kill(struct torn *torn)
{
    if (torn->kills == 0 || now_ms() < torn->kill_ms) {
        return;
    }
    served_kill(&torn->served);
    served_start(&torn->served, torn->dir, 0);
    for (size_t i = 0; i < torn->clients; i++) {
        atomic_store(&torn->lines[i].proxy.to_port, torn->served.port);
    }
    torn->kills--;
    plan_kill(torn);
}

// Clients. --------------------------------------------------------------------

static void
begin(struct line *line, size_t index, uint16_t port)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    char endpoint[64];
    const char *const endpoints[] = {endpoint};

    (void)snprintf(line->id, sizeof(line->id), "torn-%zu", index);
    proxy_start(&line->proxy, port, BYTES_BETWEEN_RESETS);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u",
                   line->proxy.port);
    options.endpoints = endpoints;
    options.endpoints_count = 1;
    must(weft_client_connect(&options, &line->client) == WEFT_OK,
         weft_err_detail());
}

// All that this one sent is there.
static void
check(const struct line *line)
{
    struct served_series seen = {0};
    weft_reply *reply = NULL;

    must(weft_client_query(line->client, (weft_target){"series", line->id},
                           "series", weft_nothing(), &reply) == WEFT_OK,
         weft_err_detail());
    must(reply->data.len == sizeof(seen), "the state's size");
    memcpy(&seen, reply->data.data, sizeof(seen));
    weft_reply_free(reply);
    printf("%s: %llu signals, %llu resets; seen: %llu, out of order: %llu\n",
           line->id, (unsigned long long)line->sent,
           (unsigned long long)atomic_load(&line->proxy.resets),
           (unsigned long long)seen.last, (unsigned long long)seen.wrong);
    must(seen.last == line->sent && seen.wrong == 0, "lost, twice or early");
    // Twice that many, on average, and 30 bytes of each at least.
    must(atomic_load(&line->proxy.resets) >=
             line->sent * 30 / (BYTES_BETWEEN_RESETS * 2),
         "too few resets");
}

static uint64_t
argument(int argc, char **argv, int index, uint64_t other)
{
    return argc > index ? strtoull(argv[index], NULL, 10) : other;
}

int
main(int argc, char **argv)
{
    uint64_t seed = argument(argc, argv, 4, (uint64_t)time(NULL));
    struct torn torn = {
        .dir = "torn-XXXXXX",
        .clients = argument(argc, argv, 1, 1),
        .signals = argument(argc, argv, 2, SIGNALS),
        .kills = argument(argc, argv, 3, KILLS),
        .end_ms = now_ms() + PATIENCE_S * 1000,
    };

    served_become(argc, argv);
    must(torn.clients > 0 && torn.clients <= CLIENTS_MAX, "CLIENTS: 1 to 16");
    must(mkdtemp(torn.dir) != NULL, "no directory");
    printf("seed %llu\n", (unsigned long long)seed);
    (void)fflush(stdout); // before there is a copy of it
    wf_random_init(&torn.random, seed);
    srand((unsigned)seed); // of the proxies
    served_start(&torn.served, torn.dir, 0);
    for (size_t i = 0; i < torn.clients; i++) {
        begin(&torn.lines[i], i, torn.served.port);
    }
    plan_kill(&torn);
    while (!is_over(&torn)) {
        send_some(&torn);
        dispatch(&torn);
        maybe_kill(&torn);
    }
    for (size_t i = 0; i < torn.clients; i++) {
        check(&torn.lines[i]);
        weft_client_close(torn.lines[i].client);
        proxy_stop(&torn.lines[i].proxy);
    }
    served_stop(&torn.served);
    served_remove(torn.dir);
    return 0;
}
