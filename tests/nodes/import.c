// SPDX-License-Identifier: Apache-2.0
//
// import.c - a node that ran alone becomes a cluster, and nothing is lost; nor
// when that has only its snapshots.
//
//     nodes_import NODE_PROGRAM pg|s3      where snapshots are kept

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "nodes/must.h"
#include "nodes/process.h"
#include "postgres/servers.h"
#include "s3/server.h"
#include "support/account.h"
#include "weft/cluster.h"
#include "weft/connect.h"
#include "weft/weft.h"

#define PARTITIONS 8
#define STORES 2
#define ACCOUNTS 10
#define TRANSFERS 500
#define LEASE_MS 2000
#define WAIT_MS 120000

static const uint8_t client_id[16] = "a known client.";

// Ask with this number of client_id; 0: a new one. Returns the number.
static uint64_t
transfer(weft_client *client, uint32_t i, uint32_t *seqs, uint64_t number)
{
    struct account_transfer made = {
        .from = i % ACCOUNTS,
        .to = (i + 1 + i / ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS,
        .amount = 1 + i % 7,
    };
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    char id[ACCOUNT_ID_SIZE];

    account_id(made.from, id);
    made.seq = number != 0 ? seqs[made.from] : ++seqs[made.from];
    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"account", id};
    request.name = "transfer";
    request.data = weft_bytes_of(&made, sizeof(made));
    request.number = number;
    must(weft_client_call(client, &request, 60000, &reply), "transfer");
    number = reply->number;
    weft_reply_free(reply);
    return number;
}

static void
read_all(weft_client *client, struct account *accounts)
{
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        char id[ACCOUNT_ID_SIZE];
        weft_reply *reply = NULL;
        weft_err err = WEFT_EBUSY;

        account_id(i, id);
        for (int j = 0; err == WEFT_EBUSY && j < 100; j++) {
            weft_reply_free(reply);
            err = weft_client_query(client, (weft_target){"account", id}, "all",
                                    weft_nothing(), &reply);
        }
        must(err, "query");
        memcpy(&accounts[i], reply->data.data, sizeof(accounts[i]));
        weft_reply_free(reply);
    }
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    must(weft_definitions_create(&definitions), "definitions");
    must(account_define(definitions), "accounts");
    return definitions;
}

// Alone: transfers, and what came of them. Returns the last request's number.
static uint64_t
live_alone(const char *dir, struct account *accounts, uint32_t *seqs)
{
    weft_definitions *definitions = define();
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_client_options whose = WEFT_CLIENT_OPTIONS_INIT;
    weft_node *node;
    weft_client *client;
    uint64_t number = 0;

    options.data_dir = dir;
    options.definitions = definitions;
    options.partition_count = PARTITIONS;
    options.store_count = STORES;
    options.reserve_bytes = 1;
    memcpy(whose.client_id, client_id, sizeof(client_id));
    must(weft_node_open(&options, &node), "node");
    must(weft_client_open(node, &whose, &client), "client");
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        number = transfer(client, i, seqs, 0);
    }
    must(weft_node_drain(node, 20000), "drain");
    read_all(client, accounts);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return number;
}

static uint32_t
count_differences(const struct account *before, const struct account *after)
{
    uint32_t faults = 0;

    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        if (before[i].balance != after[i].balance ||
            memcmp(before[i].from_clients, after[i].from_clients,
                   sizeof(before[i].from_clients)) != 0 ||
            memcmp(before[i].from_accounts, after[i].from_accounts,
                   sizeof(before[i].from_accounts)) != 0) {
            (void)fprintf(stderr, "account %" PRIu32 " is not as it was\n", i);
            faults++;
        }
    }
    return faults;
}

static weft_client *
join(const struct processes *processes)
{
    const char *endpoints[] = {processes->all[0].service,
                               processes->all[1].service};
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    weft_client *client;

    options.endpoints = endpoints;
    options.endpoints_count = 2;
    memcpy(options.client_id, client_id, sizeof(client_id));
    must(weft_client_connect(&options, &client), "connect");
    return client;
}

// Read all when deposits that are on their way have come. Returns the sum.
static int64_t
settle(weft_client *client, struct account *accounts)
{
    int64_t sum = 1;

    for (int i = 0; i < 200 && sum != 0; i++) {
        read_all(client, accounts);
        sum = 0;
        for (uint32_t j = 0; j < ACCOUNTS; j++) {
            sum += accounts[j].balance;
        }
    }
    return sum;
}

// In the cluster: as it was; a request of before is known; and it goes on.
static uint32_t
live_together(const struct processes *processes, const struct account *before,
              uint32_t *seqs, uint64_t number)
{
    static struct account after[ACCOUNTS];
    weft_client *client = join(processes);
    uint32_t faults;
    int64_t sum;

    read_all(client, after);
    faults = count_differences(before, after);
    (void)transfer(client, TRANSFERS - 1, seqs, number);
    read_all(client, after);
    faults += count_differences(before, after);
    (void)transfer(client, TRANSFERS, seqs, 0);
    sum = settle(client, after);
    if (sum != 0 || after[TRANSFERS % ACCOUNTS].from_clients[0].count !=
                        seqs[TRANSFERS % ACCOUNTS]) {
        (void)fprintf(stderr, "it does not go on: the sum is %" PRId64 "\n",
                      sum);
        faults++;
    }
    weft_client_close(client);
    return faults;
}

// As it is, it is no directory for a node of a cluster.
static void
refuse_to_join(const char *database, const char *dir)
{
    weft_definitions *definitions = define();
    weft_cluster_options cluster = WEFT_CLUSTER_OPTIONS_INIT;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;

    cluster.database = database;
    cluster.node_id = "stranger";
    cluster.endpoint = "tcp://127.0.0.1:9";
    options.data_dir = dir;
    options.definitions = definitions;
    must_be(weft_cluster_open(&cluster, &options, &node), WEFT_EFORMAT,
            "a directory of a node that ran alone");
    weft_definitions_destroy(definitions);
}

// Of how many partitions has a node made a snapshot? imported: what the import
// had made.
static uint32_t
count_snapshots(struct servers *servers)
{
    const char *count =
        servers_sql(servers, 0,
                    "SELECT count(DISTINCT part) FROM weft.snap JOIN imported "
                    "USING (part) WHERE snap.epoch > imported.epoch");

    return (uint32_t)strtoul(count, NULL, 10);
}

// Nodes make snapshots, and are lost with all that they have: then those and
// the log behind them are all there is.
static uint32_t
live_on_snapshots(struct processes *processes, struct servers *servers,
                  uint32_t *seqs)
{
    static struct account before[ACCOUNTS];
    static struct account after[ACCOUNTS];
    struct timespec nap = {.tv_nsec = 20000000};
    weft_client *client = join(processes);
    uint32_t i = 0;
    uint32_t faults;

    while (count_snapshots(servers) < PARTITIONS && i < WAIT_MS / 20) {
        (void)transfer(client, TRANSFERS + ++i, seqs, 0);
        (void)nanosleep(&nap, NULL);
    }
    faults = i == WAIT_MS / 20;
    settle(client, before);
    processes_kill(processes, 0);
    processes_kill(processes, 1);
    processes_lose(processes, 0);
    processes_lose(processes, 1);
    processes_start(processes, 0);
    processes_start(processes, 1);
    read_all(client, after);
    faults += count_differences(before, after);
    weft_client_close(client);
    return faults;
}

int
main(int argc, char **argv)
{
    static struct account before[ACCOUNTS];
    const char *where = NULL;
    char dir[] = "/dev/shm/weft-import-XXXXXX";
    uint32_t seqs[ACCOUNTS] = {0};
    char alone[64];
    char aside[80];
    struct stat status;
    struct processes processes;
    struct servers *servers;
    const char *database;
    uint64_t number;
    uint32_t faults;

    if (argc != 3 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: nodes_import NODE_PROGRAM pg|s3\n");
        return 2;
    }
    if (strcmp(argv[2], "s3") == 0) {
        where = s3_server_where(s3_server_start());
        (void)setenv("NODES_SNAPSHOTS", where, 1);
    }
    (void)snprintf(alone, sizeof(alone), "%s/alone", dir);
    (void)snprintf(aside, sizeof(aside), "%s.imported", alone);
    number = live_alone(alone, before, seqs);
    servers = servers_start(1, NULL);
    database = servers_conninfo(servers);
    must_be(weft_cluster_import(database, alone, where, NULL, NULL),
            WEFT_ENOTFOUND, "without a cluster");
    must(weft_cluster_init(database, PARTITIONS), "init");
    must_be(weft_cluster_import(database, dir, NULL, NULL, NULL),
            WEFT_ENOTFOUND, "no node's directory");
    refuse_to_join(database, alone);
    must(weft_cluster_import(database, alone, where, NULL, NULL), "import");
    faults = stat(alone, &status) == 0 || stat(aside, &status) != 0;
    (void)servers_sql(servers, 0,
                      "CREATE TABLE imported AS SELECT part, max(epoch) AS "
                      "epoch FROM weft.snap GROUP BY part");
    processes_init(&processes, argv[1], database, dir, 2, LEASE_MS, NULL);
    processes_start(&processes, 0);
    processes_start(&processes, 1);
    faults += live_together(&processes, before, seqs, number);
    faults += live_on_snapshots(&processes, servers, seqs);
    must_be(weft_cluster_import(database, aside, NULL, NULL, NULL), WEFT_EBUSY,
            "while nodes run");
    faults += !processes_end(&processes, 0);
    faults += !processes_end(&processes, 1);
    must_be(weft_cluster_import(database, aside, NULL, NULL, NULL),
            WEFT_EEXISTS, "into a cluster in use");
    processes_remove(dir);
    servers_stop(servers);
    return faults > 0;
}
