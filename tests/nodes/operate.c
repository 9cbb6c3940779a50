// SPDX-License-Identifier: Apache-2.0
//
// operate.c - what operators do with a cluster that runs: `weft cluster`.
//
//     nodes_operate NODE_PROGRAM WEFT

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "nodes/operator.h"
#include "nodes/process.h"
#include "postgres/servers.h"

#define PARTITIONS 8
#define LEASE_MS 2000

static void
refuse_what_is_wrong(const char *database)
{
    operator_check(
        operator_run("status 'host=127.0.0.1 port=1 connect_timeout=2'") == 2 &&
            operator_says("port 1"),
        "a database that is not there is named");
    operator_check(operator_run("status 'no such thing'") == 2,
                   "a malformed one is refused");
    operator_check(operator_run("status '%s'", database) == 2 &&
                       operator_says("cluster init"),
                   "without a cluster it says what makes one");
    operator_check(operator_run("grow '%s'", database) == 2,
                   "there is no such verb");
    operator_check(operator_run("init '%s' --partitions none", database) == 2,
                   "no count");
}

static void
make_ready(const char *database)
{
    operator_check(
        operator_run("init '%s' --partitions %d", database, PARTITIONS) == 0,
        "init makes it");
    operator_check(
        operator_run("init '%s' --partitions %d", database, PARTITIONS) == 0,
        "and does not mind that it is there");
    operator_check(operator_run("init '%s' --partitions 9", database) == 2,
                   "the count is for ever");
    operator_check(operator_run("status '%s'", database) == 0 &&
                       operator_says("8 without a node"),
                   "nobody has any");
    operator_check(operator_run("drain '%s' node-0", database) == 2,
                   "there is no such node");
    operator_check(operator_run("move '%s' 3 node-0", database) == 2,
                   "nor to move to");
}

static void
operate(const char *database)
{
    operator_check(operator_await(database, "\"partitions\":4") ||
                       operator_await(database, "\"partitions\": 4"),
                   "two nodes share evenly");
    operator_check(operator_run("status '%s' --full", database) == 0 &&
                       operator_says("node-0") && operator_says("node-1") &&
                       operator_says("live") &&
                       operator_says("durability: local"),
                   "status shows who is there");
    operator_check(operator_run("drain '%s' node-1", database) == 0 &&
                       operator_says("no partition any more"),
                   "a node drains");
    operator_check(operator_run("status '%s'", database) == 0 &&
                       operator_says("draining"),
                   "and is seen to");
    operator_check(operator_run("undrain '%s' node-1", database) == 0,
                   "it takes part again");
    operator_check(operator_await(database, "\"partitions\":4") ||
                       operator_await(database, "\"partitions\": 4"),
                   "and has its share again");
    operator_check(operator_run("move '%s' 99 node-0", database) == 2,
                   "no such partition");
    operator_check(operator_run("move '%s' 3 node-0", database) == 0,
                   "a partition moves");
    operator_check(operator_run("rebalance '%s'", database) == 0 &&
                       operator_says("is balanced"),
                   "it waits until all are where they are to be");
    operator_check(operator_run("status '%s' --json", database) == 0 &&
                       operator_says("\"lag\"") &&
                       operator_says("\"lease_ms\"") &&
                       operator_says("\"moving\""),
                   "status tells programs how far it is");
    operator_check(operator_run("forget '%s' node-1", database) == 2 &&
                       operator_says("is live"),
                   "who is there is not forgotten");
    operator_check(operator_run("forget '%s' node-9", database) == 2,
                   "nor who never was");
}

static void
forget(const char *database)
{
    operator_check(operator_run("forget '%s' node-1", database) == 0,
                   "who is gone is forgotten");
    operator_check(operator_run("status '%s'", database) == 0 &&
                       !operator_says("node-1") && operator_says("node-0"),
                   "and is not in the list any more");
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/weft-operate-XXXXXX";
    struct processes processes;
    int failures = 0;
    struct servers *servers;

    if (argc != 3 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: nodes_operate NODE_PROGRAM WEFT\n");
        return 2;
    }
    operator_init(argv[2]);
    servers = servers_start(1, NULL);
    refuse_what_is_wrong(servers_conninfo(servers));
    make_ready(servers_conninfo(servers));
    processes_init(&processes, argv[1], servers_conninfo(servers), dir, 2,
                   LEASE_MS, NULL);
    processes_start(&processes, 0);
    processes_start(&processes, 1);
    operate(servers_conninfo(servers));
    failures += !processes_end(&processes, 1);
    forget(servers_conninfo(servers));
    failures += !processes_end(&processes, 0);
    processes_remove(dir);
    servers_stop(servers);
    return failures + operator_failures() > 0;
}
