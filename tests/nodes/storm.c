// SPDX-License-Identifier: Apache-2.0
//
// storm.c - three nodes, one database, money that moves; and faults, one after
// another, until the time is over. Then all is well again, and is counted.
//
//     nodes_storm --node PROGRAM [--seconds N] [--seed S] FAULT...
//
// Faults: kill (a node, SIGKILL), lose (the same, and its directory), stale
// (it comes back on an older copy of that), end (a node, by itself, while calls
// go on), grow (a fourth node comes, and goes), twice (another process under a
// node's name), pause (a node, SIGSTOP for longer than its lease), cut-database
// (a node and the database lose all that they send each other, for longer than
// its lease), cut-peers (one way, the other, or both), alone (a node from all
// others, for half a minute), slow (late, and some is lost), freeze (both
// standbys), primary (SIGKILL, and a standby is promoted), away (the primary,
// for a while), dark (all servers, for a minute). Without any: all of them but
// alone and dark. Each comes before one comes again.
//
// After each the nodes must all answer for all accounts again, and soon.
//
// With a fault of the network each node is in a namespace of its own (net.h).
// Where that cannot be, these are left out; status 77 if no other was chosen.

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nodes/moment.h"
#include "nodes/net.h"
#include "nodes/readers.h"
#include "nodes/storm.h"
#include "nodes/transfers.h"
#include "nodes/witness.h"
#include "postgres/servers.h"
#include "weft/cluster.h"

#define PARTITIONS 12
#define END_MS 120000
#define HEAL_MS 60000 // far more than it takes, also on a slow machine
#define FAULTS_MAX 32
#define SKIPPED 77

// What is chosen, and not done yet in this round.
struct deck {
    const struct storm_fault *chosen[FAULTS_MAX];
    uint32_t count;
    uint32_t left;
};

static bool
needs_standbys(const struct deck *deck)
{
    bool is_needed = false;

    for (uint32_t i = 0; i < deck->count; i++) {
        is_needed = is_needed || deck->chosen[i]->needs_standbys;
    }
    return is_needed;
}

// Make the network if a fault needs it; if it cannot be, leave those out.
static void
begin_net(struct storm *storm, struct deck *deck)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < deck->count && storm->net == NULL; i++) {
        if (deck->chosen[i]->needs_net) {
            storm->net = net_start(STORM_PROCESSES);
            break;
        }
    }
    for (uint32_t i = 0; i < deck->count; i++) {
        if (storm->net != NULL || !deck->chosen[i]->needs_net) {
            deck->chosen[kept++] = deck->chosen[i];
        } else {
            (void)fprintf(stderr, "left out: %s\n", deck->chosen[i]->name);
        }
    }
    deck->count = kept;
    if (kept == 0) {
        exit(SKIPPED);
    }
}

static void
begin(struct storm *storm, const char *node, const struct deck *deck)
{
    static const char *endpoints[STORM_NODES];

    if (mkdtemp(storm->dir) == NULL) {
        perror(storm->dir);
        exit(1);
    }
    storm->servers_count = needs_standbys(deck) ? 3 : 1;
    storm->servers =
        servers_start_at(storm->servers_count, NULL,
                         storm->net != NULL ? NET_HOST_ADDRESS : "127.0.0.1");
    if (weft_cluster_init(servers_conninfo(storm->servers), PARTITIONS) !=
        WEFT_OK) {
        (void)fprintf(stderr, "init: %s\n", weft_err_detail());
        exit(1);
    }
    witness_begin(storm->servers, 0);
    processes_init(&storm->processes, node, servers_conninfo(storm->servers),
                   storm->dir, STORM_PROCESSES, STORM_LEASE_MS, storm->net);
    for (uint32_t i = 0; i < STORM_NODES; i++) {
        processes_start(&storm->processes, i);
        endpoints[i] = storm->processes.all[i].service;
    }
    storm->transfers = transfers_start(endpoints, STORM_NODES);
    storm->readers = readers_start(endpoints, STORM_NODES, storm->transfers);
}

static const struct storm_fault *
draw(struct storm *storm, struct deck *deck)
{
    const struct storm_fault *fault;
    uint32_t at;

    deck->left = deck->left == 0 ? deck->count : deck->left;
    at = storm_below(storm, deck->left);
    fault = deck->chosen[at];
    deck->chosen[at] = deck->chosen[--deck->left];
    deck->chosen[deck->left] = fault;
    return fault;
}

static void
rage(struct storm *storm, struct deck *deck, uint64_t ms)
{
    uint64_t end_ms = moment_now_ms() + ms;

    moment_sleep_ms(1500);
    while (moment_now_ms() < end_ms && storm->failures == 0) {
        const struct storm_fault *fault = draw(storm, deck);
        uint64_t done = transfers_done(storm->transfers);
        uint64_t healed_ms;

        (void)fprintf(stderr, "%s\n", fault->name);
        fault->strike(storm);
        storm->strikes++;
        healed_ms = readers_await(storm->readers, HEAL_MS);
        storm->failures += healed_ms == 0;
        if (healed_ms > storm->healing_ms) {
            storm->healing_ms = healed_ms;
        }
        (void)fprintf(stderr,
                      "  all answer after %" PRIu64 " ms; %" PRIu64
                      " transfers since\n",
                      healed_ms, transfers_done(storm->transfers) - done);
        moment_sleep_ms(storm_below(storm, 1500));
    }
}

static uint32_t
finish(struct storm *storm)
{
    uint32_t failures = storm->failures;
    uint64_t answers = readers_answers(storm->readers);

    failures += !transfers_stop(storm->transfers, END_MS);
    if (failures == 0) {
        failures += transfers_check(storm->transfers);
    }
    failures += readers_faults(storm->readers);
    readers_stop(storm->readers);
    for (uint32_t i = 0; i < STORM_NODES; i++) {
        failures += !processes_end(&storm->processes, i);
    }
    failures += witness_check(storm->servers, storm->primary);
    processes_end_all(&storm->processes);
    (void)printf("%" PRIu64 " faults, %" PRIu64 " transfers, the slowest took "
                 "%" PRIu64 " ms; %" PRIu64 " reads; takeover within %" PRIu64
                 " ms, healed within %" PRIu64 " ms; %" PRIu32 " failures\n",
                 storm->strikes, transfers_done(storm->transfers),
                 transfers_slowest_ms(storm->transfers), answers,
                 storm->takeover_ms, storm->healing_ms, failures);
    return failures;
}

static void
choose(struct deck *deck, const char *name)
{
    uint32_t before = deck->count;

    for (size_t i = 0; i < storm_faults_count; i++) {
        const struct storm_fault *fault = &storm_faults[i];

        if (name == NULL ? !fault->is_long : strcmp(fault->name, name) == 0) {
            deck->chosen[deck->count++] = fault;
        }
    }
    if (deck->count == before) {
        (void)fprintf(stderr, "no fault is called %s\n", name);
        exit(2);
    }
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
    struct deck deck = {.count = 0};
    const char *node = NULL;
    uint64_t seconds = 10;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'n':
            node = optarg;
            break;
        case 's':
            seconds = strtoull(optarg, NULL, 10);
            break;
        case 'S':
            storm.seed = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }
    if (node == NULL) {
        (void)fprintf(stderr, "--node is missing\n");
        return 2;
    }
    for (int i = optind; i < argc; i++) {
        choose(&deck, argv[i]);
    }
    if (deck.count == 0) {
        choose(&deck, NULL);
    }
    (void)fprintf(stderr, "seed %" PRIu32 "\n", storm.seed);
    begin_net(&storm, &deck);
    begin(&storm, node, &deck);
    rage(&storm, &deck, seconds * 1000);
    if (finish(&storm) > 0) {
        return 1;
    }
    transfers_free(storm.transfers);
    servers_stop(storm.servers);
    processes_remove(storm.dir);
    net_end(storm.net);
    return 0;
}
