// SPDX-License-Identifier: Apache-2.0
//
// node.c - one node of a cluster of accounts and errands (support/account.h,
// support/errand.h), and of strange kinds (strange.h), served.
//
//     nodes_node NAME DIR DATABASE ENDPOINT SERVICE LEASE_MS
//
// NODES_SNAPSHOTS says where those are kept; NODES_STANDBY how many bytes warm
// copies may have, none if it does not; NODES_SHOW shows the log's lines.
// Prints "ready" and serves until its stdin ends; then it gives everything
// away, and ends with status 0.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nodes/must.h"
#include "nodes/strange.h"
#include "support/account.h"
#include "support/errand.h"
#include "weft/cluster.h"
#include "weft/serve.h"
#include "weft/weft.h"

#define DRAIN_MS 20000

static weft_node *
open_node(char **argv, weft_definitions *definitions)
{
    const char *standby = getenv("NODES_STANDBY");
    weft_cluster_options cluster = WEFT_CLUSTER_OPTIONS_INIT;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;

    cluster.node_id = argv[1];
    cluster.database = argv[3];
    cluster.endpoint = argv[4];
    cluster.service = argv[5];
    cluster.snapshots = getenv("NODES_SNAPSHOTS"); // or where it is by default
    cluster.standby_bytes = standby == NULL ? 0 : strtoull(standby, NULL, 10);
    cluster.snapshot_bytes = 64 << 10;
    cluster.snapshot_ms = 2000;
    cluster.lease_ms = (uint32_t)strtoul(argv[6], NULL, 10);
    options.data_dir = argv[2];
    options.definitions = definitions;
    options.reserve_bytes = 1;
    options.shard_count = 1;
    if (getenv("NODES_SHOW") != NULL) {
        options.log = show_line;
        options.log_ctx = argv[1];
    }
    must(weft_cluster_open(&cluster, &options, &node), "cluster");
    return node;
}

int
main(int argc, char **argv)
{
    weft_server_options serve = WEFT_SERVER_OPTIONS_INIT;
    const char *endpoints[] = {argc == 7 ? argv[5] : ""};
    weft_definitions *definitions = NULL;
    weft_server *server = NULL;
    weft_node *node;
    char byte;

    if (argc == 4 && strcmp(argv[1], "init") == 0) {
        must(weft_cluster_init(argv[2], (uint32_t)strtoul(argv[3], NULL, 10)),
             "init");
        return 0;
    }
    if (argc != 7) {
        (void)fprintf(stderr, "usage: nodes_node NAME DIR DATABASE ENDPOINT "
                              "SERVICE LEASE_MS\n"
                              "       nodes_node init DATABASE PARTITIONS\n");
        return 2;
    }
    must(weft_definitions_create(&definitions), "definitions");
    must(account_define(definitions), "accounts");
    must(errand_define(definitions), "errands");
    must(strange_define(definitions), "strange kinds");
    node = open_node(argv, definitions);
    serve.endpoints = endpoints;
    serve.endpoints_count = 1;
    serve.insecure = 1; // a network of our own
    must(weft_server_open(node, &serve, &server), "server");
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    must(weft_server_drain(server, DRAIN_MS), "server drain");
    must(weft_node_drain(node, DRAIN_MS), "node drain");
    weft_server_close(server);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return 0;
}
