// SPDX-License-Identifier: Apache-2.0
//
// plan.c - a cluster without a database: partitions move by plan, nodes are
// killed and come back, and money moves between accounts all the while.
//
//     nodes_plan NODE_PROGRAM WEFT

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/moment.h"
#include "nodes/operator.h"
#include "nodes/process.h"
#include "nodes/transfers.h"
#include "weft/keys.h"
#include "weft/weft.h"

#define FOUNDERS 3
#define NODES 4
#define PARTITIONS 8
#define LEASE_MS 10000
#define END_MS 60000

struct plan {
    struct processes processes;
    char founders[512]; // the list that the cluster was founded with
    char all[512];      // and with the one that joins
    char keyless[512];  // the same without their key
    char wrong[512];    // and with another one
    const char *endpoints[NODES];
    struct transfers *transfers;
};

static void
write_lists(struct plan *plan)
{
    int len = snprintf(plan->all, sizeof(plan->all), "local:");

    for (unsigned i = 0; i < NODES; i++) {
        len += snprintf(plan->all + len, sizeof(plan->all) - (size_t)len,
                        "%snode-%u=tcp://127.0.0.1:%u", i == 0 ? "" : ",", i,
                        processes_free_port());
        if (i == FOUNDERS - 1) {
            memcpy(plan->founders, plan->all, sizeof(plan->all));
        }
    }
    memcpy(plan->keyless, plan->all, sizeof(plan->all));
    memcpy(plan->wrong, plan->all, sizeof(plan->all));
}

static void
make_key(const char *dir, const char *name, char *list, size_t size)
{
    char secret[128];
    char public[128];

    (void)snprintf(secret, sizeof(secret), "%s/%s.key", dir, name);
    (void)snprintf(public, sizeof(public), "%s/%s.pub", dir, name);
    if (weft_keys_generate(secret, public) != WEFT_OK) {
        (void)fprintf(stderr, "keys: %s\n", weft_err_detail());
        exit(1);
    }
    (void)snprintf(list + strlen(list), size - strlen(list), "?key_file=%s",
                   secret);
}

static void
write_keys(struct plan *plan, const char *dir)
{
    size_t len = strlen(plan->founders);

    make_key(dir, "cluster", plan->all, sizeof(plan->all));
    (void)snprintf(plan->founders + len, sizeof(plan->founders) - len, "%s",
                   strchr(plan->all, '?'));
    make_key(dir, "other", plan->wrong, sizeof(plan->wrong));
}

static void
found(struct plan *plan)
{
    operator_check(operator_run("init '%s'", plan->founders) == 2 &&
                       operator_says("--data"),
                   "without a directory nothing is founded");
    for (unsigned i = 0; i < FOUNDERS; i++) {
        operator_check(operator_run("init '%s' --partitions %d --node node-%u "
                                    "--data %s",
                                    plan->founders, PARTITIONS, i,
                                    plan->processes.all[i].dir) == 0,
                       "a founder's directory is made");
    }
    operator_check(operator_run("init '%s' --partitions %d --node node-1 "
                                "--data %s",
                                plan->founders, PARTITIONS,
                                plan->processes.all[0].dir) == 2,
                   "another node's directory is not made this one's");
    operator_check(operator_run("status '%s'", plan->founders) == 2 &&
                       operator_says("no node of the list answers"),
                   "nobody is there yet");
}

// Until each node that is up has all that it is to run, and moved money.
static void
await_transfers(struct plan *plan, const char *what)
{
    uint64_t until = transfers_done(plan->transfers) + 50;

    for (int i = 0; i < END_MS / 20 && transfers_done(plan->transfers) < until;
         i++) {
        moment_sleep_ms(20);
    }
    operator_check(transfers_done(plan->transfers) >= until, what);
}

// Each of the four has two of the eight.
static void
await_shares(struct plan *plan, const char *what)
{
    unsigned count = 0;

    for (int i = 0; i < END_MS / 100 && count != NODES; i++) {
        moment_sleep_ms(100);
        (void)operator_run("status '%s' --json", plan->all);
        count = operator_count("\"partitions\":2}");
    }
    operator_check(count == NODES, what);
}

// Nobody without their key hears or says anything.
static void
stay_out(struct plan *plan)
{
    operator_check(operator_run("status '%s'", plan->keyless) == 2 &&
                       operator_says("only one of us has a key_file"),
                   "without the key there is no answer");
    operator_check(operator_run("status '%s'", plan->wrong) == 2 &&
                       operator_says("no node of the list answers"),
                   "nor with another one");
    operator_check(operator_run("move '%s' 0 node-2", plan->wrong) == 2,
                   "nor is anything done");
    operator_check(operator_run("status '%s?key=a'", plan->keyless) == 2 &&
                       operator_says("only ?key_file=PATH is known"),
                   "a mistake is told");
}

static void
move(struct plan *plan)
{
    operator_check(operator_run("move '%s' 0 node-2", plan->all) == 0,
                   "a partition moves");
    operator_check(
        operator_await(plan->all, "\"partitions\":[{\"owner\":\"node-2\""),
        "and arrives");
    await_transfers(plan, "money moves after a move");
}

static void
join(struct plan *plan)
{
    processes_start(&plan->processes, NODES - 1);
    await_shares(plan, "who joins has its share");
    await_transfers(plan, "money moves with a fourth node");
}

static void
kill_each(struct plan *plan)
{
    for (unsigned i = 0; i < NODES; i++) {
        processes_kill(&plan->processes, i);
        if (i == 1) {
            operator_check(operator_run("status '%s'", plan->all) == 0 &&
                               operator_says("away") &&
                               operator_says("partitions wait") &&
                               operator_says("no takeover"),
                           "status says that nobody takes over");
        }
        processes_start(&plan->processes, i);
        await_transfers(plan, "money moves after a crash");
    }
}

static void
drain(struct plan *plan)
{
    operator_check(operator_run("drain '%s' node-1", plan->all) == 0 &&
                       operator_says("no partition any more"),
                   "a node drains");
    await_transfers(plan, "money moves without it");
    operator_check(operator_run("undrain '%s' node-1", plan->all) == 0,
                   "it takes part again");
    await_shares(plan, "and has its share again");
}

// Its directory is lost: it must not begin anew under its name.
static void
lose_one(struct plan *plan)
{
    processes_kill(&plan->processes, 0);
    processes_lose(&plan->processes, 0);
    operator_check(processes_is_refused(&plan->processes, 0),
                   "who lost its directory does not join anew");
    (void)operator_run("init '%s' --partitions %d --node node-0 --data %s",
                       plan->founders, PARTITIONS, plan->processes.all[0].dir);
    operator_check(processes_is_refused(&plan->processes, 0),
                   "nor after it is founded again");
}

static void
run(struct plan *plan)
{
    for (unsigned i = 0; i < FOUNDERS; i++) {
        processes_start(&plan->processes, i);
    }
    plan->transfers = transfers_start(plan->endpoints, NODES);
    await_transfers(plan, "money moves");
    stay_out(plan);
    move(plan);
    join(plan);
    kill_each(plan);
    drain(plan);
}

static int
finish(struct plan *plan)
{
    int failures = 0;

    failures += !transfers_stop(plan->transfers, END_MS);
    failures += (int)transfers_check(plan->transfers);
    (void)printf("%llu transfers, the slowest %llu ms; %d faults\n",
                 (unsigned long long)transfers_done(plan->transfers),
                 (unsigned long long)transfers_slowest_ms(plan->transfers),
                 failures);
    transfers_free(plan->transfers);
    lose_one(plan);
    // Each gives all that it has to those that are left.
    for (unsigned i = 1; i < NODES; i++) {
        failures += !processes_end(&plan->processes, i);
    }
    return failures;
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/weft-plan-XXXXXX";
    static struct plan plan;
    int failures;

    if (argc != 3 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: nodes_plan NODE_PROGRAM WEFT\n");
        return 2;
    }
    operator_init(argv[2]);
    write_lists(&plan);
    write_keys(&plan, dir);
    processes_init(&plan.processes, argv[1], plan.all, dir, NODES, LEASE_MS,
                   NULL);
    for (unsigned i = 0; i < NODES; i++) {
        plan.endpoints[i] = plan.processes.all[i].service;
    }
    found(&plan);
    run(&plan);
    failures = finish(&plan) + operator_failures();
    processes_end_all(&plan.processes);
    processes_remove(dir);
    return failures > 0;
}
