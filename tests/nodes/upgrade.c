// SPDX-License-Identifier: Apache-2.0
//
// upgrade.c - nodes of this build are replaced, one after another and under
// load, by nodes of the next one; one of them goes back in between.
//
//     nodes_upgrade NODE NEXT_NODE
//
// The next build (WF_NEXT) is this one with a version more of links, which has
// one more item, and of records, which has one more operation. No call may
// fail, no item or record of the new kind may reach who does not know it, and
// who is too old in the end is told so. The database itself says which records
// were written while an old node was registered.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/moment.h"
#include "nodes/process.h"
#include "nodes/readers.h"
#include "nodes/transfers.h"
#include "nodes/witness.h"
#include "postgres/servers.h"
#include "weft/cluster.h"

#define NODES 3
#define PARTITIONS 6
#define LEASE_MS 4000
#define WAIT_MS 60000

struct upgrade {
    const char *old;
    const char *next;
    char dir[64];
    char log[96];
    struct servers *servers;
    struct processes processes;
    struct transfers *transfers;
    struct readers *readers;
    uint32_t failures;
};

static void
check(struct upgrade *upgrade, bool is_so, const char *what)
{
    if (!is_so) {
        (void)fprintf(stderr, "not so: %s\n", what);
        upgrade->failures++;
    }
}

// It ends by itself, and comes back as that build; then all is as before.
static void
replace(struct upgrade *upgrade, uint32_t node, const char *program)
{
    check(upgrade, processes_end(&upgrade->processes, node), "a node drains");
    upgrade->processes.program = program;
    processes_start(&upgrade->processes, node);
    check(upgrade, readers_await(upgrade->readers, WAIT_MS) > 0,
          "all nodes answer");
}

static bool
is_true(struct upgrade *upgrade, const char *sql)
{
    return servers_sql(upgrade->servers, 0, sql)[0] == 't';
}

static bool
await(struct upgrade *upgrade, const char *sql)
{
    uint64_t until_ms = moment_now_ms() + WAIT_MS;

    while (!is_true(upgrade, sql) && moment_now_ms() < until_ms) {
        moment_sleep_ms(50);
    }
    return is_true(upgrade, sql);
}

// Does a line of a node's log say it?
static bool
was_said(const struct upgrade *upgrade, const char *text)
{
    FILE *file = fopen(upgrade->log, "r");
    char line[2048];
    bool is_said = false;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        is_said = is_said || strstr(line, text) != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_said;
}

static void
begin(struct upgrade *upgrade)
{
    static const char *endpoints[NODES];

    if (mkdtemp(upgrade->dir) == NULL) {
        perror(upgrade->dir);
        exit(1);
    }
    (void)snprintf(upgrade->log, sizeof(upgrade->log), "%s/log", upgrade->dir);
    upgrade->servers = servers_start(1, NULL);
    if (weft_cluster_init(servers_conninfo(upgrade->servers), PARTITIONS) !=
        WEFT_OK) {
        (void)fprintf(stderr, "init: %s\n", weft_err_detail());
        exit(1);
    }
    witness_begin(upgrade->servers, 0);
    processes_init(&upgrade->processes, upgrade->old,
                   servers_conninfo(upgrade->servers), upgrade->dir, NODES,
                   LEASE_MS, NULL);
    upgrade->processes.log = upgrade->log;
    for (uint32_t i = 0; i < NODES; i++) {
        processes_start(&upgrade->processes, i);
        endpoints[i] = upgrade->processes.all[i].service;
    }
    upgrade->transfers = transfers_start(endpoints, NODES);
    upgrade->readers = readers_start(endpoints, NODES, upgrade->transfers);
    check(upgrade, readers_await(upgrade->readers, WAIT_MS) > 0,
          "all nodes answer");
}

// What the next build wants of the database, while old nodes work with it.
static void
prepare(struct upgrade *upgrade)
{
    char command[1024];

    (void)snprintf(command, sizeof(command), "'%s' init '%s' %d", upgrade->next,
                   servers_conninfo(upgrade->servers), PARTITIONS);
    check(upgrade, system(command) == 0, "the schema is brought up to date");
    check(upgrade,
          is_true(upgrade, "SELECT schema_version = 4 AND schema_least = 3"
                           " FROM weft.cluster"),
          "to the next build's");
}

static void
roll(struct upgrade *upgrade)
{
    upgrade->processes.program = upgrade->next;
    check(upgrade, processes_end(&upgrade->processes, 0), "a node drains");
    check(upgrade, processes_is_refused(&upgrade->processes, 0),
          "a new one does not start with an old schema");
    prepare(upgrade);
    processes_start(&upgrade->processes, 0);
    check(upgrade, readers_await(upgrade->readers, WAIT_MS) > 0,
          "all nodes answer");
    replace(upgrade, 1, upgrade->next);
    replace(upgrade, 1, upgrade->old); // somebody has doubts
    check(upgrade, was_said(upgrade, "up: protocol 2"),
          "new ones speak as new");
    check(upgrade, was_said(upgrade, "up: protocol 1"), "and with old ones");
    replace(upgrade, 1, upgrade->next);
    check(upgrade, is_true(upgrade, "SELECT max(version) = 2 FROM version"),
          "nothing new is written while an old node is there");
    replace(upgrade, 2, upgrade->next);
    check(upgrade, await(upgrade, "SELECT max(version) = 3 FROM version"),
          "new records are written when all are new");
    check(upgrade,
          is_true(upgrade, "SELECT bool_and(version <= readable)"
                           " FROM version"),
          "each node could read what was written");
    check(upgrade, was_said(upgrade, "next     it says so"),
          "new items are sent");
}

// There is no way back now.
static void
go_back(struct upgrade *upgrade)
{
    check(upgrade, processes_end(&upgrade->processes, 2), "a node drains");
    upgrade->processes.program = upgrade->old;
    check(upgrade, processes_is_refused(&upgrade->processes, 2),
          "one that is too old does not start");
    check(upgrade,
          was_said(upgrade, "the cluster has records of version 3, and this "
                            "build reads up to 2"),
          "and says why");
    upgrade->processes.program = upgrade->next;
    processes_start(&upgrade->processes, 2);
    check(upgrade, readers_await(upgrade->readers, WAIT_MS) > 0,
          "all nodes answer");
}

static void
finish(struct upgrade *upgrade)
{
    check(upgrade, transfers_stop(upgrade->transfers, WAIT_MS),
          "all calls are answered");
    check(upgrade, transfers_repeats(upgrade->transfers) == 0,
          "no call has failed");
    if (upgrade->failures == 0) {
        upgrade->failures += transfers_check(upgrade->transfers);
    }
    upgrade->failures += readers_faults(upgrade->readers);
    readers_stop(upgrade->readers);
    for (uint32_t i = 0; i < NODES; i++) {
        check(upgrade, processes_end(&upgrade->processes, i), "a node drains");
    }
    upgrade->failures += witness_check(upgrade->servers, 0);
    check(upgrade, !was_said(upgrade, "it is no message"),
          "nobody got what it does not know");
    (void)printf("%llu transfers, the slowest took %llu ms; %u failures\n",
                 (unsigned long long)transfers_done(upgrade->transfers),
                 (unsigned long long)transfers_slowest_ms(upgrade->transfers),
                 upgrade->failures);
}

int
main(int argc, char **argv)
{
    struct upgrade upgrade = {.dir = "/dev/shm/weft-nodes-XXXXXX"};

    if (argc != 3) {
        (void)fprintf(stderr, "usage: nodes_upgrade NODE NEXT_NODE\n");
        return 2;
    }
    upgrade.old = argv[1];
    upgrade.next = argv[2];
    begin(&upgrade);
    roll(&upgrade);
    go_back(&upgrade);
    finish(&upgrade);
    if (upgrade.failures > 0) {
        return 1;
    }
    transfers_free(upgrade.transfers);
    servers_stop(upgrade.servers);
    processes_remove(upgrade.dir);
    return 0;
}
