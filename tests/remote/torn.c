// SPDX-License-Identifier: Apache-2.0
//
// torn.c - signals in order and once, over connections that break in the middle
// of everything and a node that is killed.
//
// A client sends numbered signals to one instance, many at a time, through a
// proxy that resets its connection again and again; meanwhile the node dies by
// SIGKILL and is opened again, several times. The instance counts each number
// that is not the one after the last. In the end it must have seen all, and
// none out of order.
//
//   remote_torn [SIGNALS] [KILLS]

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote_tests/asker.h"
#include "remote_tests/proxy.h"
#include "remote_tests/served.h"
#include "weft/weft.h"

enum {
    SIGNALS = 4000,
    KILLS = 4,
    BYTES_BETWEEN_RESETS = 3000,
    ATTEMPT_MS = 50000,
};

static void
must(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "torn: %s\n", what);
        exit(1);
    }
}

// What the instance has seen, read by a node of this process's own.
static struct served_series
read_series(const char *dir)
{
    weft_definitions *definitions = served_definitions();
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;
    weft_client *client = NULL;
    weft_reply *reply = NULL;
    struct served_series series = {0};

    options.data_dir = dir;
    options.definitions = definitions;
    options.reserve_bytes = 1;
    must(weft_node_open(&options, &node) == WEFT_OK, weft_err_detail());
    must(weft_client_open(node, NULL, &client) == WEFT_OK, "client");
    must(weft_client_query(client, (weft_target){"series", "torn"}, "series",
                           weft_nothing(), &reply) == WEFT_OK,
         "query");
    must(reply->data.len == sizeof(series), "the state's size");
    memcpy(&series, reply->data.data, sizeof(series));
    weft_reply_free(reply);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return series;
}

static void
restart(struct served *served, struct proxy *proxy, const char *dir)
{
    served_kill(served);
    served_start(served, dir, 0);
    atomic_store(&proxy->to_port, served->port);
}

// All signals; the node is killed at even distances.
static void
send_all(struct asker *asker, struct served *served, struct proxy *proxy,
         const char *dir, uint64_t signals, uint64_t kills)
{
    uint64_t end_us = asker_now_us() + ATTEMPT_MS * 1000ULL;
    uint64_t killed = 0;
    uint64_t sent = 0;

    while (sent < signals && asker_now_us() < end_us) {
        if (asker_has_room(asker)) {
            (void)asker_signal(asker, "series", "torn", ++sent);
        }
        asker_step(asker, asker_has_room(asker) ? 0 : 5);
        if (killed < kills && sent >= (killed + 1) * signals / (kills + 1)) {
            restart(served, proxy, dir);
            killed++;
        }
    }
    must(sent == signals, "not all signals were taken in time");
    must(asker_finish(asker, ATTEMPT_MS), "not all signals were answered");
}

int
main(int argc, char **argv)
{
    uint64_t signals = argc > 1 ? strtoull(argv[1], NULL, 10) : SIGNALS;
    uint64_t kills = argc > 2 ? strtoull(argv[2], NULL, 10) : KILLS;
    char dir[] = "torn-XXXXXX";
    char endpoint[64];
    struct served served;
    struct proxy proxy;
    struct asker asker;
    struct served_series series;

    served_become(argc, argv);
    must(mkdtemp(dir) != NULL, "no directory");
    served_start(&served, dir, 0);
    proxy_start(&proxy, served.port, BYTES_BETWEEN_RESETS);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u",
                   proxy.port);
    asker_open(&asker, endpoint, 1);
    asker_start(&asker, "series", "torn");
    send_all(&asker, &served, &proxy, dir, signals, kills);
    printf("%llu signals, %llu resets, %llu kills; %llu hellos, %llu requests "
           "sent again\n",
           (unsigned long long)signals,
           (unsigned long long)atomic_load(&proxy.resets),
           (unsigned long long)kills, (unsigned long long)asker.hellos,
           (unsigned long long)asker.resent);
    must(asker.errors == 0, asker.error);
    must(signals < SIGNALS || atomic_load(&proxy.resets) >= 100,
         "too few resets to mean anything");
    asker_close(&asker);
    proxy_stop(&proxy);
    served_stop(&served);
    series = read_series(dir);
    printf("seen: %llu, out of order: %llu\n", (unsigned long long)series.last,
           (unsigned long long)series.wrong);
    must(series.last == signals && series.wrong == 0, "lost, twice or early");
    served_remove(dir);
    return 0;
}
