// SPDX-License-Identifier: Apache-2.0
//
// across.c - what is asked of one node of two about what the other one has:
// lists, counts, batches, watching, workers of a queue. And an actor that ends
// whatever process it runs in.
//
//     nodes_across NODE_PROGRAM

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nodes/moment.h"
#include "nodes/must.h"
#include "nodes/process.h"
#include "nodes/strange.h"
#include "postgres/servers.h"
#include "weft/cluster.h"
#include "weft/connect.h"
#include "weft/find.h"
#include "weft/watch.h"
#include "weft/weft.h"
#include "weft/worker.h"

#define PARTITIONS 8
#define LEASE_MS 1000
#define GATES 40
#define ASKERS 10
#define LONG_MS 60000
#define DEATHS_MAX 4

static struct processes processes;

// Both have their share, and nothing moves.
static void
await_balance(const char *database)
{
    bool is_balanced = false;

    for (int i = 0; i < LONG_MS / 20 && !is_balanced; i++) {
        weft_cluster_status *status;

        moment_sleep_ms(20);
        must(weft_cluster_look(database, &status), "look");
        is_balanced = status->nodes_count == 2;
        for (size_t k = 0; k < status->nodes_count; k++) {
            is_balanced &= status->nodes[k].partitions == PARTITIONS / 2;
        }
        weft_cluster_status_free(status);
    }
    must_hold(is_balanced, "two nodes share evenly");
}

static weft_client *
join(uint32_t node)
{
    const char *endpoints[] = {processes.all[node].service};
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    weft_client *client;

    options.endpoints = endpoints;
    options.endpoints_count = 1;
    options.timeout_ms = LONG_MS;
    must(weft_client_connect(&options, &client), "connect");
    return client;
}

// Finding. --------------------------------------------------------------------

static void
start_gates(weft_client *client)
{
    for (int i = 0; i < GATES; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", i);
        must(weft_client_start(client, (weft_target){"gate", id},
                               weft_nothing()),
             "start");
    }
}

static void
check_list(weft_client *client)
{
    bool are_seen[GATES] = {false};
    char cursor[4096] = "";
    weft_reply *reply;
    bool is_last;

    do {
        must(weft_client_list_where(client, "kind = \"gate\"",
                                    cursor[0] == '\0' ? NULL : cursor, &reply),
             "list");
        for (size_t i = 0; i < reply->items_count; i++) {
            int index = atoi(reply->items[i].id);

            must_hold(index >= 0 && index < GATES && !are_seen[index],
                      "each is listed once");
            are_seen[index] = true;
        }
        is_last = reply->cursor == NULL;
        (void)snprintf(cursor, sizeof(cursor), "%s",
                       is_last ? "" : reply->cursor);
        weft_reply_free(reply);
    } while (!is_last);
    for (int i = 0; i < GATES; i++) {
        must_hold(are_seen[i], "all are listed");
    }
}

static void
check_count(weft_client *client, const char *filter, uint64_t count)
{
    weft_reply *reply;

    must(weft_client_count(client, filter, NULL, &reply), "count");
    must_hold(reply->count == count, filter);
    weft_reply_free(reply);
}

// Seen by one, changed by the other.
static void
watch(weft_client *watcher, weft_client *other, const char *id)
{
    weft_target target = {"gate", id};
    weft_status status = WEFT_STATUS_NONE;
    weft_reply *reply;
    uint64_t after;

    must(weft_client_watch(watcher, target, 0, LONG_MS, &reply), "watch");
    after = reply->after;
    weft_reply_free(reply);
    must(weft_client_signal(other, target, "go", weft_nothing()), "signal");
    while (status != WEFT_STATUS_COMPLETED) {
        must(weft_client_watch(watcher, target, after, LONG_MS, &reply),
             "watch its end");
        after = reply->after;
        status = reply->items[0].status;
        weft_reply_free(reply);
    }
}

static void
let_go(weft_client *client, uint64_t count)
{
    weft_batch_options options = WEFT_BATCH_OPTIONS_INIT;
    weft_batch_result result;

    options.filter = "kind = \"gate\" and status = running";
    options.verb = WEFT_VERB_SIGNAL;
    options.name = "go";
    must(weft_client_batch(client, &options, &result), "batch");
    must_hold(result.done == count && result.failed == 0, "a batch does all");
}

static void
find(weft_client *clients[2])
{
    start_gates(clients[0]);
    for (int i = 0; i < 2; i++) {
        check_list(clients[i]);
        check_count(clients[i], "kind = \"gate\" and status = running", GATES);
    }
    for (int i = 0; i < 8; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", i);
        watch(clients[i % 2], clients[(i + 1) % 2], id);
    }
    let_go(clients[1], GATES - 8);
    for (int i = 0; i < GATES; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", i);
        must(weft_client_result(clients[i % 2], (weft_target){"gate", id},
                                LONG_MS, NULL),
             "result");
    }
    check_count(clients[0], "kind = \"gate\" and status = completed", GATES);
}

// Workers. --------------------------------------------------------------------

static void
ask(weft_client *client, uint32_t from)
{
    for (uint32_t i = from; i < from + ASKERS; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%" PRIu32, i);
        must(weft_client_start(client, (weft_target){"asker", id},
                               weft_bytes_of(&i, sizeof(i))),
             "start an asker");
    }
    for (uint32_t i = from; i < from + ASKERS; i++) {
        weft_reply *reply;
        uint32_t doubled = 0;
        char id[16];

        (void)snprintf(id, sizeof(id), "%" PRIu32, i);
        must(weft_client_result(client, (weft_target){"asker", id}, LONG_MS,
                                &reply),
             "an asker's result");
        if (reply->data.len == sizeof(doubled)) {
            memcpy(&doubled, reply->data.data, sizeof(doubled));
        }
        must_hold(doubled == 2 * i, "it is doubled");
        weft_reply_free(reply);
    }
}

// By a worker that is connected to that node, whoever has the queue; asked by a
// client of the other.
static void
work(uint32_t node, weft_client *other)
{
    weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;
    weft_definitions *definitions;
    weft_client *client = join(node);
    weft_worker *worker;

    must(weft_definitions_create(&definitions), "definitions");
    must(strange_define_hands(definitions), "hands");
    options.task_queue = STRANGE_QUEUE;
    options.definitions = definitions;
    must(weft_worker_open(client, &options, &worker), "worker");
    ask(other, node * ASKERS);
    must(weft_worker_drain(worker, LONG_MS), "drain");
    weft_worker_close(worker);
    weft_client_close(client);
    weft_definitions_destroy(definitions);
}

// An actor that ends processes. -----------------------------------------------

// As this node is told; what cannot be told yet, or no more, is not so.
static bool
is_parked(uint32_t node)
{
    weft_client *client = join(node);
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    bool is_so;

    request.verb = WEFT_VERB_DESCRIBE;
    request.target = (weft_target){"fatal", "f"};
    is_so = weft_client_call(client, &request, LEASE_MS, &reply) == WEFT_OK &&
            reply->items[0].is_parked != 0;
    weft_reply_free(reply);
    weft_client_close(client);
    return is_so;
}

// The only one that is there ends by it, or tells that it is parked.
static bool
survives(uint32_t node)
{
    if (!processes_try_start(&processes, node)) {
        return false;
    }
    for (int i = 0; i < LONG_MS / 100; i++) {
        if (processes_await_death(&processes, 100) >= 0) {
            return false;
        }
        if (is_parked(node)) {
            return true;
        }
    }
    must_hold(false, "it ends, or is parked");
    return false;
}

// Whoever has it ends, and the other one takes it, and ends too: by turns, so
// that no node ends three times. Each says whom it blames when it starts again.
static void
die(weft_client *client)
{
    int deaths = 2;
    int next;

    must(weft_client_signal(client, (weft_target){"fatal", "f"}, "arm",
                            weft_nothing()),
         "arm");
    next = processes_await_death(&processes, LONG_MS);
    must_hold(next >= 0, "a node ends by it");
    must_hold(processes_await_death(&processes, LONG_MS) >= 0, "and the other");
    while (!survives((uint32_t)next)) {
        next = 1 - next;
        must_hold(++deaths <= DEATHS_MAX, "it is parked after three ends");
    }
    processes_start(&processes, (uint32_t)(1 - next));
    for (int i = 0; i < LONG_MS / 20 && !is_parked((uint32_t)(1 - next)); i++) {
        moment_sleep_ms(20);
    }
    must_hold(is_parked((uint32_t)(1 - next)), "the other one knows");
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/weft-across-XXXXXX";
    weft_client *clients[2];
    struct servers *servers;
    const char *database;
    bool has_ended;

    if (argc != 2 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: nodes_across NODE_PROGRAM\n");
        return 2;
    }
    servers = servers_start(1, NULL);
    database = servers_conninfo(servers);
    must(weft_cluster_init(database, PARTITIONS), "init");
    processes_init(&processes, argv[1], database, dir, 2, LEASE_MS, NULL);
    processes_start(&processes, 0);
    processes_start(&processes, 1);
    await_balance(database);
    clients[0] = join(0);
    clients[1] = join(1);
    find(clients);
    work(0, clients[1]);
    work(1, clients[0]);
    die(clients[0]);
    weft_client_close(clients[0]);
    weft_client_close(clients[1]);
    has_ended = processes_end(&processes, 0);
    has_ended &= processes_end(&processes, 1);
    processes_remove(dir);
    servers_stop(servers);
    return has_ended ? 0 : 1;
}
