// SPDX-License-Identifier: Apache-2.0
//
// torn_client.c - the same as torn.c, by the client in C: signals in order and
// once, while the caller knows of no connection.
//
//   remote_torn_client [SIGNALS] [KILLS]

#include <poll.h>
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
    SIGNALS = 12000,
    KILLS = 6,
    RESETS = 200, // at least
    BYTES_BETWEEN_RESETS = 5000,
    OPEN_MAX = 16, // signals without an answer
    PATIENCE_S = 100,
};

static const weft_target series = {"series", "torn"};

struct torn {
    char dir[32];
    struct served served;
    struct proxy proxy;
    weft_client *client;
    uint64_t sent;
    uint64_t answered;
    time_t end;
};

static void
must(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "torn_client: %s\n", what);
        exit(1);
    }
}

static void
note(void *ctx, const weft_reply *reply)
{
    struct torn *torn = ctx;

    must(reply->err == WEFT_OK, reply->detail);
    torn->answered++;
}

static void
signal_next(struct torn *torn)
{
    weft_request request = WEFT_REQUEST_INIT;

    torn->sent++;
    request.verb = WEFT_VERB_SIGNAL;
    request.target = series;
    request.name = "next";
    request.data = weft_bytes_of(&torn->sent, sizeof(torn->sent));
    must(weft_client_submit(torn->client, &request, note, torn, NULL) ==
             WEFT_OK,
         weft_err_detail());
}

static void
dispatch(struct torn *torn)
{
    struct pollfd ready = {.fd = weft_client_fd(torn->client),
                           .events = POLLIN};

    if (weft_client_dispatch(torn->client, SIZE_MAX) == 0) {
        (void)poll(&ready, 1, 100);
    }
    must(time(NULL) < torn->end, "it takes too long");
}

static void
restart(struct torn *torn)
{
    served_kill(&torn->served);
    served_start(&torn->served, torn->dir, 0);
    atomic_store(&torn->proxy.to_port, torn->served.port);
}

// All signals; the node is killed at even distances.
static void
send_all(struct torn *torn, uint64_t signals, uint64_t kills)
{
    uint64_t killed = 0;

    while (torn->answered < signals) {
        while (torn->sent < signals && torn->sent - torn->answered < OPEN_MAX) {
            signal_next(torn);
        }
        dispatch(torn);
        if (killed < kills &&
            torn->answered >= (killed + 1) * signals / (kills + 1)) {
            restart(torn);
            killed++;
        }
    }
}

static struct served_series
read_series(struct torn *torn)
{
    struct served_series seen = {0};
    weft_reply *reply = NULL;

    must(weft_client_query(torn->client, series, "series", weft_nothing(),
                           &reply) == WEFT_OK,
         weft_err_detail());
    must(reply->data.len == sizeof(seen), "the state's size");
    memcpy(&seen, reply->data.data, sizeof(seen));
    weft_reply_free(reply);
    return seen;
}

static weft_client *
connect_to(uint16_t port)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    char endpoint[64];
    const char *const endpoints[] = {endpoint};
    weft_client *client = NULL;

    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    options.endpoints = endpoints;
    options.endpoints_count = 1;
    must(weft_client_connect(&options, &client) == WEFT_OK, weft_err_detail());
    return client;
}

int
main(int argc, char **argv)
{
    uint64_t signals = argc > 1 ? strtoull(argv[1], NULL, 10) : SIGNALS;
    uint64_t kills = argc > 2 ? strtoull(argv[2], NULL, 10) : KILLS;
    struct torn torn = {.dir = "torn-XXXXXX", .end = time(NULL) + PATIENCE_S};
    struct served_series seen;
    uint64_t resets;

    must(mkdtemp(torn.dir) != NULL, "no directory");
    served_start(&torn.served, torn.dir, 0);
    proxy_start(&torn.proxy, torn.served.port, BYTES_BETWEEN_RESETS);
    torn.client = connect_to(torn.proxy.port);
    send_all(&torn, signals, kills);
    seen = read_series(&torn);
    resets = atomic_load(&torn.proxy.resets);
    printf("%llu signals, %llu resets, %llu kills; seen: %llu, out of order: "
           "%llu\n",
           (unsigned long long)signals, (unsigned long long)resets,
           (unsigned long long)kills, (unsigned long long)seen.last,
           (unsigned long long)seen.wrong);
    weft_client_close(torn.client);
    proxy_stop(&torn.proxy);
    served_stop(&torn.served);
    must(seen.last == signals && seen.wrong == 0, "lost, twice or early");
    must(signals < SIGNALS || resets >= RESETS, "too few resets");
    return 0;
}
