// SPDX-License-Identifier: Apache-2.0
//
// ways.c - clients that ask many things at a time of two nodes, while
// partitions move between these: each comes once, and in order, whichever way
// it went. Then nothing moves, and each client asks the node that it should.
//
//     nodes_ways MOVES
//
// Both nodes are in this process. Client 0 and 1 find their way by themselves,
// from one node and from the other; client 2 and 3 leave it to their nodes.

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/moment.h"
#include "nodes/must.h"
#include "nodes/process.h"
#include "postgres/servers.h"
#include "support/account.h"
#include "weft/cluster.h"
#include "weft/connect.h"
#include "weft/metrics.h"
#include "weft/serve.h"
#include "weft/weft.h"

#define PARTITIONS 4
#define ACCOUNTS 6
#define CLIENTS 4
#define OPEN_MAX 12 // of one client at one account
#define REFUSED_MS 5
#define LEASE_MS 10000
#define LONG_MS 120000
#define ROUND 60 // calls

struct member {
    weft_node *node;
    weft_server *server;
    char data_dir[256];
    char endpoint[64];
    char service[64];
};

struct lane {
    struct client *client;
    uint32_t account;
    uint32_t seq;
    uint32_t open;
    bool was_refused; // for a while, and what was behind it has overtaken it
};

struct transfer {
    struct lane *lane;
    uint32_t seq;
};

struct client {
    weft_client *client;
    uint32_t index;
    pthread_t thread;
    struct lane lanes[ACCOUNTS];
    _Atomic uint64_t done;
};

static weft_definitions *definitions;
static struct member members[2];
static struct client clients[CLIENTS];
static atomic_bool is_ending;

// Nodes. ----------------------------------------------------------------------

static void
open_member(struct member *member, const char *name, const char *database,
            const char *dir)
{
    weft_cluster_options cluster = WEFT_CLUSTER_OPTIONS_INIT;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_server_options serve = WEFT_SERVER_OPTIONS_INIT;
    const char *endpoints[] = {member->service};

    (void)snprintf(member->data_dir, sizeof(member->data_dir), "%s/%s", dir,
                   name);
    (void)snprintf(member->endpoint, sizeof(member->endpoint),
                   "tcp://127.0.0.1:%u", processes_free_port());
    (void)snprintf(member->service, sizeof(member->service),
                   "tcp://127.0.0.1:%u", processes_free_port());
    cluster.node_id = name;
    cluster.database = database;
    cluster.endpoint = member->endpoint;
    cluster.service = member->service;
    cluster.lease_ms = LEASE_MS;
    options.data_dir = member->data_dir;
    options.definitions = definitions;
    options.reserve_bytes = 1;
    options.shard_count = 1;
    if (getenv("NODES_SHOW") != NULL) {
        options.log = show_line;
        options.log_ctx = (void *)(uintptr_t)name;
    }
    must(weft_cluster_open(&cluster, &options, &member->node), "cluster");
    serve.endpoints = endpoints;
    serve.endpoints_count = 1;
    must(weft_server_open(member->node, &serve, &member->server), "server");
}

static void
close_member(struct member *member)
{
    weft_server_close(member->server);
    weft_node_close(member->node);
}

// Requests that went from one node to the other, ever.
static uint64_t
forwarded(void)
{
    static const char name[] = "\nweft_cluster_forwarded_total ";
    uint64_t count = 0;

    for (int i = 0; i < 2; i++) {
        weft_metrics *metrics;
        const char *text;

        must(weft_node_metrics(members[i].node, &metrics), "metrics");
        must(weft_metrics_text(metrics, &text, NULL), "their text");
        text = strstr(text, name);
        must_hold(text != NULL, "there is such a number");
        count += strtoull(text + strlen(name), NULL, 10);
        weft_metrics_free(metrics);
    }
    return count;
}

static bool
is_at(const char *database, uint32_t partition, const char *name)
{
    weft_cluster_status *status;
    const char *owner;
    bool is_so;

    must(weft_cluster_look(database, &status), "look");
    owner = status->partitions[partition].owner;
    is_so = owner != NULL && strcmp(owner, name) == 0;
    weft_cluster_status_free(status);
    return is_so;
}

static void
move(const char *database, uint32_t partition, const char *name)
{
    bool has_moved = false;

    for (int i = 0; i < LONG_MS / 5 && !has_moved; i++) {
        // It goes back by itself, and may have been there in between.
        if (i % 200 == 0) {
            must(weft_cluster_move(database, partition, name), "move");
        }
        moment_sleep_ms(5);
        has_moved = is_at(database, partition, name);
    }
    must_hold(has_moved, "a partition moves");
}

// Clients. --------------------------------------------------------------------

static void submit(struct transfer *transfer);

static void
on_reply(void *ctx, const weft_reply *reply)
{
    struct transfer *transfer = ctx;
    struct lane *lane = transfer->lane;

    if (reply->err == WEFT_EBUSY) { // the store is slow
        lane->was_refused = true;
        moment_sleep_ms(REFUSED_MS);
        submit(transfer);
        return;
    }
    if (reply->err != WEFT_OK) {
        (void)fprintf(stderr, "client %" PRIu32 ": %s %s\n",
                      lane->client->index, weft_err_name(reply->err),
                      reply->detail);
        exit(1);
    }
    free(transfer);
    lane->open--;
    atomic_fetch_add(&lane->client->done, 1);
}

static void
submit(struct transfer *transfer)
{
    struct lane *lane = transfer->lane;
    weft_request request = WEFT_REQUEST_INIT;
    char id[ACCOUNT_ID_SIZE];
    struct account_transfer payload = {
        .client = lane->client->index,
        .seq = transfer->seq,
        .from = lane->account,
        .to = (lane->account + 1) % ACCOUNTS,
        .amount = 1,
    };

    account_id(lane->account, id);
    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"account", id};
    request.name = "transfer";
    request.data = weft_bytes_of(&payload, sizeof(payload));
    must(weft_client_submit(lane->client->client, &request, on_reply, transfer,
                            NULL),
         "submit");
}

static void
ask(struct lane *lane)
{
    struct transfer *transfer = malloc(sizeof(*transfer));

    must_hold(transfer != NULL, "memory");
    *transfer = (struct transfer){.lane = lane, .seq = ++lane->seq};
    lane->open++;
    submit(transfer);
}

// Between none and OPEN_MAX open at each account, up and down.
static void *
run(void *arg)
{
    struct client *client = arg;
    uint32_t open = 1;

    for (uint32_t round = 0; open > 0; round++) {
        open = 0;
        for (uint32_t i = 0; i < ACCOUNTS; i++) {
            struct lane *lane = &client->lanes[i];

            while (!atomic_load(&is_ending) &&
                   lane->open < round % (OPEN_MAX + 1)) {
                ask(lane);
            }
            open += lane->open;
        }
        if (!atomic_load(&is_ending)) {
            open++;
        }
        if (weft_client_dispatch(client->client, 1000) == 0) {
            moment_sleep_ms(1);
        }
    }
    return NULL;
}

static void
connect_client(uint32_t index)
{
    struct client *client = &clients[index];
    const char *endpoints[] = {members[index % 2].service};
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    client->index = index;
    options.endpoints = endpoints;
    options.endpoints_count = 1;
    options.timeout_ms = LONG_MS;
    options.keep_to_endpoints = index >= 2;
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        client->lanes[i] = (struct lane){.client = client, .account = i};
    }
    must(weft_client_connect(&options, &client->client), "connect");
}

// The parts. ------------------------------------------------------------------

// While everything moves.
static void
storm(const char *database, uint32_t moves)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        must_hold(pthread_create(&clients[i].thread, NULL, run, &clients[i]) ==
                      0,
                  "a thread");
    }
    for (uint32_t i = 0; i < moves; i++) {
        uint64_t before = atomic_load(&clients[0].done);

        move(database, i / 2 % PARTITIONS, i % 2 == 0 ? "a" : "b");
        for (int k = 0;
             k < LONG_MS / 5 && atomic_load(&clients[0].done) < before + ROUND;
             k++) {
            moment_sleep_ms(5);
        }
    }
    atomic_store(&is_ending, true);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
    }
}

static void
query(uint32_t index, struct account *out_account)
{
    char id[ACCOUNT_ID_SIZE];
    weft_reply *reply;

    account_id(index, id);
    must(weft_client_query(clients[0].client, (weft_target){"account", id},
                           "all", weft_nothing(), &reply),
         "query");
    must_hold(reply->data.len == sizeof(*out_account), "an account");
    memcpy(out_account, reply->data.data, sizeof(*out_account));
    weft_reply_free(reply);
}

// What was acknowledged is in the mailbox, and is handled before long.
static void
await_turns(uint32_t index, struct account *out_account)
{
    uint64_t limit_ms = moment_now_ms() + LONG_MS;
    uint32_t open;

    do {
        query(index, out_account);
        open = 0;
        for (uint32_t k = 0; k < CLIENTS; k++) {
            open += out_account->from_clients[k].count <
                    clients[k].lanes[index].seq;
        }
        moment_sleep_ms(open > 0 ? 20 : 0);
    } while (open > 0 && moment_now_ms() < limit_ms);
}

static int
count(void)
{
    int faults = 0;

    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        struct account account;

        await_turns(i, &account);
        for (uint32_t k = 0; k < CLIENTS; k++) {
            const struct account_tally *tally = &account.from_clients[k];

            if (!account_tally_is_whole(tally, clients[k].lanes[i].seq) ||
                (tally->out_of_order > 0 && !clients[k].lanes[i].was_refused)) {
                (void)fprintf(stderr,
                              "account %" PRIu32 " has of client %" PRIu32
                              " %" PRIu32 " of %" PRIu32 ", %" PRIu32
                              " out of order\n",
                              i, k, tally->count, clients[k].lanes[i].seq,
                              tally->out_of_order);
                faults++;
            }
        }
    }
    return faults;
}

// One after the other, at all accounts, of both clients that find their way.
static void
round_of_calls(void)
{
    for (uint32_t i = 0; i < ROUND; i++) {
        struct client *client = &clients[i % 2];
        struct lane *lane = &client->lanes[i / 2 % ACCOUNTS];

        ask(lane);
        while (lane->open > 0) {
            if (weft_client_dispatch(client->client, 100) == 0) {
                moment_sleep_ms(1);
            }
        }
    }
}

// Sooner or later none is forwarded any more.
static void
rest(void)
{
    uint64_t before;
    uint64_t after = forwarded();
    uint64_t limit_ms = moment_now_ms() + LONG_MS;

    must_hold(after > 0, "some were forwarded before");
    do {
        before = after;
        round_of_calls();
        after = forwarded();
        must_hold(moment_now_ms() < limit_ms, "clients find their way");
    } while (after != before);
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/weft-ways-XXXXXX";
    struct servers *servers;
    const char *database;
    int faults;

    if (argc != 2 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: nodes_ways MOVES\n");
        return 2;
    }
    servers = servers_start(1, NULL);
    database = servers_conninfo(servers);
    must(weft_definitions_create(&definitions), "definitions");
    must(account_define(definitions), "accounts");
    must(weft_cluster_init(database, PARTITIONS), "init");
    open_member(&members[0], "a", database, dir);
    open_member(&members[1], "b", database, dir);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        connect_client(i);
    }
    storm(database, (uint32_t)strtoul(argv[1], NULL, 10));
    faults = count();
    rest();
    faults += count();
    (void)printf("%" PRIu64 " of %" PRIu64 " calls were forwarded; %d faults\n",
                 forwarded(),
                 clients[0].done + clients[1].done + clients[2].done +
                     clients[3].done,
                 faults);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        weft_client_close(clients[i].client);
    }
    close_member(&members[0]);
    close_member(&members[1]);
    weft_definitions_destroy(definitions);
    processes_remove(dir);
    servers_stop(servers);
    return faults > 0;
}
