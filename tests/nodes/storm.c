// SPDX-License-Identifier: Apache-2.0
//
// storm.c - three nodes, one database, money that moves; and faults, one after
// another, until the time is over. Then all is well again, and is counted.
//
//     nodes_storm --node PROGRAM [--seconds N] [--seed S] FAULT...
//
// Faults: kill (a node, SIGKILL), lose (the same, and its directory), end (a
// node, by itself, while calls go on), grow (a fourth node comes, and goes),
// pause (a node, SIGSTOP for longer than its lease), freeze (both standbys),
// primary (SIGKILL, and a standby is promoted), away (all servers, for a
// while). Without any: all of them.

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nodes/process.h"
#include "nodes/transfers.h"
#include "postgres/servers.h"
#include "weft/cluster.h"

#define NODES 3
#define PARTITIONS 12
#define LEASE_MS 2000
#define END_MS 120000

struct storm {
    struct servers *servers;
    struct processes processes;
    struct transfers *transfers;
    int primary; // of the servers
    uint32_t seed;
    uint64_t strikes;
    uint32_t failures;
    char dir[64];
};

struct fault {
    const char *name;
    void (*strike)(struct storm *storm);
    bool needs_standbys;
};

static void
sleep_ms(long ms)
{
    const struct timespec moment = {.tv_sec = ms / 1000,
                                    .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&moment, NULL);
}

static uint32_t
below(struct storm *storm, uint32_t limit)
{
    storm->seed = storm->seed * 1664525U + 1013904223U;
    return (storm->seed >> 8) % limit;
}

static void
strike_kill(struct storm *storm)
{
    uint32_t node = below(storm, NODES);

    processes_kill(&storm->processes, node);
    sleep_ms(below(storm, 2 * LEASE_MS));
    processes_start(&storm->processes, node);
}

static void
strike_lose(struct storm *storm)
{
    uint32_t node = below(storm, NODES);

    processes_kill(&storm->processes, node);
    processes_lose(&storm->processes, node);
    processes_start(&storm->processes, node);
}

static void
strike_end(struct storm *storm)
{
    uint32_t node = below(storm, NODES);

    storm->failures += !processes_end(&storm->processes, node);
    processes_start(&storm->processes, node);
}

static void
strike_grow(struct storm *storm)
{
    processes_start(&storm->processes, NODES);
    sleep_ms(LEASE_MS + below(storm, LEASE_MS));
    storm->failures += !processes_end(&storm->processes, NODES);
}

static void
strike_pause(struct storm *storm)
{
    uint32_t node = below(storm, NODES);

    processes_pause(&storm->processes, node);
    sleep_ms(LEASE_MS + below(storm, 2 * LEASE_MS));
    processes_continue(&storm->processes, node);
}

static void
strike_freeze(struct storm *storm)
{
    int first = (storm->primary + 1) % 3;
    int second = (storm->primary + 2) % 3;

    servers_freeze(storm->servers, first);
    servers_freeze(storm->servers, second);
    sleep_ms(below(storm, 2 * LEASE_MS));
    servers_thaw(storm->servers, first);
    servers_thaw(storm->servers, second);
}

// How far a standby is, in bytes of log.
static uint64_t
received(struct storm *storm, int server)
{
    return strtoull(
        servers_sql(storm->servers, server,
                    "SELECT pg_last_wal_receive_lsn() - '0/0'::pg_lsn"),
        NULL, 10);
}

static void
strike_primary(struct storm *storm)
{
    int old = storm->primary;
    int next = (old + 1) % 3;
    int other = (old + 2) % 3;

    servers_kill(storm->servers, old);
    // What is acknowledged is on one of them at least: on the one ahead.
    if (received(storm, other) > received(storm, next)) {
        int swap = next;

        next = other;
        other = swap;
    }
    servers_promote(storm->servers, next);
    servers_follow(storm->servers, other, next);
    servers_rebuild(storm->servers, old, next);
    storm->primary = next;
}

static void
strike_away(struct storm *storm)
{
    servers_kill(storm->servers, storm->primary);
    sleep_ms(LEASE_MS + below(storm, 2 * LEASE_MS));
    servers_restart(storm->servers, storm->primary);
}

static const struct fault faults[] = {
    {"kill", strike_kill, false},    {"lose", strike_lose, false},
    {"end", strike_end, false},      {"grow", strike_grow, false},
    {"pause", strike_pause, false},  {"away", strike_away, false},
    {"freeze", strike_freeze, true}, {"primary", strike_primary, true},
};

#define FAULTS_COUNT (sizeof(faults) / sizeof(faults[0]))

static void
begin(struct storm *storm, const char *node, bool has_standbys)
{
    static const char *endpoints[NODES];

    if (mkdtemp(storm->dir) == NULL) {
        perror(storm->dir);
        exit(1);
    }
    storm->servers = servers_start(has_standbys ? 3 : 1, NULL);
    if (weft_cluster_init(servers_conninfo(storm->servers), PARTITIONS) !=
        WEFT_OK) {
        (void)fprintf(stderr, "init: %s\n", weft_err_detail());
        exit(1);
    }
    processes_init(&storm->processes, node, servers_conninfo(storm->servers),
                   storm->dir, NODES + 1, LEASE_MS);
    for (uint32_t i = 0; i < NODES; i++) {
        processes_start(&storm->processes, i);
        endpoints[i] = storm->processes.all[i].service;
    }
    storm->transfers = transfers_start(endpoints, NODES);
}

static void
rage(struct storm *storm, const bool *are_chosen, time_t seconds)
{
    time_t end = time(NULL) + seconds;

    sleep_ms(1500);
    while (time(NULL) < end) {
        const struct fault *fault = &faults[below(storm, FAULTS_COUNT)];

        if (are_chosen[fault - faults]) {
            uint64_t done = transfers_done(storm->transfers);

            (void)fprintf(stderr, "%s\n", fault->name);
            fault->strike(storm);
            storm->strikes++;
            sleep_ms(500 + below(storm, 2000));
            (void)fprintf(stderr, "  %" PRIu64 " transfers since\n",
                          transfers_done(storm->transfers) - done);
        }
    }
}

static uint32_t
finish(struct storm *storm)
{
    uint32_t failures = storm->failures;

    failures += !transfers_stop(storm->transfers, END_MS);
    if (failures == 0) {
        failures += transfers_check(storm->transfers);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        failures += !processes_end(&storm->processes, i);
    }
    processes_end_all(&storm->processes);
    (void)printf("%" PRIu64 " faults, %" PRIu64 " transfers, the slowest took "
                 "%" PRIu64 " ms; %" PRIu32 " failures\n",
                 storm->strikes, transfers_done(storm->transfers),
                 transfers_slowest_ms(storm->transfers), failures);
    return failures;
}

static bool
choose(const char *name, bool *are_chosen)
{
    for (size_t i = 0; i < FAULTS_COUNT; i++) {
        if (strcmp(faults[i].name, name) == 0) {
            are_chosen[i] = true;
            return true;
        }
    }
    return false;
}

int
main(int argc, char **argv)
{
    static const struct option known[] = {
        {"node", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    struct storm storm = {
        .seed = (uint32_t)time(NULL),
        .dir = "/dev/shm/weft-nodes-XXXXXX",
    };
    bool are_chosen[FAULTS_COUNT] = {false};
    bool has_standbys = false;
    const char *node = NULL;
    time_t seconds = 10;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'n':
            node = optarg;
            break;
        case 's':
            seconds = strtol(optarg, NULL, 10);
            break;
        case 'S':
            storm.seed = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }
    for (size_t i = 0; optind == argc && i < FAULTS_COUNT; i++) {
        are_chosen[i] = true;
    }
    for (; optind < argc; optind++) {
        if (!choose(argv[optind], are_chosen)) {
            (void)fprintf(stderr, "no fault is called %s\n", argv[optind]);
            return 2;
        }
    }
    if (node == NULL) {
        (void)fprintf(stderr, "--node is missing\n");
        return 2;
    }
    for (size_t i = 0; i < FAULTS_COUNT; i++) {
        has_standbys =
            has_standbys || (are_chosen[i] && faults[i].needs_standbys);
    }
    (void)fprintf(stderr, "seed %" PRIu32 "\n", storm.seed);
    begin(&storm, node, has_standbys);
    rage(&storm, are_chosen, seconds);
    if (finish(&storm) > 0) {
        return 1;
    }
    transfers_free(storm.transfers);
    servers_stop(storm.servers);
    processes_remove(storm.dir);
    return 0;
}
