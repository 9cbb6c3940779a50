// SPDX-License-Identifier: Apache-2.0
//
// cluster.c - what a cluster costs, as lines of tab separated values.
//
//     weft-bench-cluster NODE_PROGRAM [SECONDS [STANDBYS]]
//
// NODE_PROGRAM is nodes_node. Of 1, 2 and 3 nodes: transfers a second between
// accounts with 1 and 64 clients, each of which waits for its acknowledgement
// and causes a message to another account, most often on another node; then
// how long calls of an account waited while its partition was moved by plan,
// and while its node was killed, with a lease of LEASE_MS.
//
// All of it is on one machine: databases, nodes and clients share its cores.

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/key.h"
#include "bench/histogram.h"
#include "nodes/process.h"
#include "postgres/servers.h"
#include "support/account.h"
#include "weft/cluster.h"
#include "weft/connect.h"
#include "weft/weft.h"

#define PARTITIONS 12
#define LEASE_MS 2000
#define CLIENTS_MAX 64
#define MOVES 20
#define KILLS 3
#define NODES_MAX 3

struct cluster {
    struct servers *servers;
    struct processes processes;
    const char *endpoints[NODES_MAX];
    uint32_t nodes_count;
};

struct latency {
    pthread_mutex_t lock;
    struct histogram histogram;
};

struct caller {
    const struct cluster *cluster;
    weft_client *client;
    pthread_t thread;
    uint32_t from; // account; ACCOUNTS_MAX: any
    uint32_t seed;
    atomic_bool *is_over;
    struct latency *latency; // of all callers
    _Atomic uint64_t done;
    _Atomic uint64_t longest_us;
};

static uint64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
sleep_ms(long ms)
{
    const struct timespec moment = {.tv_sec = ms / 1000,
                                    .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&moment, NULL);
}

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s: %s %s\n", what, weft_err_name(err),
                      weft_err_detail());
        exit(1);
    }
}

// Calls. ----------------------------------------------------------------------

static void
call(struct caller *caller)
{
    struct account_transfer transfer = {.amount = 1};
    char id[ACCOUNT_ID_SIZE];

    caller->seed = caller->seed * 1664525U + 1013904223U;
    transfer.from = caller->from < ACCOUNTS_MAX
                        ? caller->from
                        : (caller->seed >> 8) % ACCOUNTS_MAX;
    transfer.to =
        (transfer.from + 1 + (caller->seed >> 16) % (ACCOUNTS_MAX - 1)) %
        ACCOUNTS_MAX;
    account_id(transfer.from, id);
    must(weft_client_signal(caller->client, (weft_target){"account", id},
                            "transfer",
                            weft_bytes_of(&transfer, sizeof(transfer))),
         "transfer");
}

static void *
run(void *arg)
{
    struct caller *caller = arg;

    while (!atomic_load(caller->is_over)) {
        uint64_t began_us = now_us();
        uint64_t took_us;

        call(caller);
        took_us = now_us() - began_us;
        pthread_mutex_lock(&caller->latency->lock);
        histogram_add(&caller->latency->histogram, took_us);
        pthread_mutex_unlock(&caller->latency->lock);
        atomic_fetch_add(&caller->done, 1);
        if (took_us > atomic_load(&caller->longest_us)) {
            atomic_store(&caller->longest_us, took_us);
        }
    }
    return NULL;
}

static void
start_caller(struct caller *caller, const struct cluster *cluster,
             atomic_bool *is_over, struct latency *latency, uint32_t index,
             uint32_t from)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    *caller = (struct caller){
        .cluster = cluster,
        .from = from,
        .seed = index + 1,
        .is_over = is_over,
        .latency = latency,
    };
    // Each at another node.
    options.endpoints = &cluster->endpoints[index % cluster->nodes_count];
    options.endpoints_count = 1;
    options.timeout_ms = 60000;
    must(weft_client_connect(&options, &caller->client), "client");
    if (pthread_create(&caller->thread, NULL, run, caller) != 0) {
        perror("thread");
        exit(1);
    }
}

static void
end_caller(struct caller *caller)
{
    pthread_join(caller->thread, NULL);
    weft_client_close(caller->client);
}

static void
measure_rate(const struct cluster *cluster, uint32_t clients, long seconds)
{
    static struct caller callers[CLIENTS_MAX];
    static struct latency latency;
    atomic_bool is_over = false;
    uint64_t began_us = now_us();
    uint64_t done = 0;

    latency = (struct latency){.lock = PTHREAD_MUTEX_INITIALIZER};
    for (uint32_t i = 0; i < clients; i++) {
        start_caller(&callers[i], cluster, &is_over, &latency, i, ACCOUNTS_MAX);
    }
    sleep_ms(seconds * 1000);
    atomic_store(&is_over, true);
    for (uint32_t i = 0; i < clients; i++) {
        end_caller(&callers[i]);
        done += atomic_load(&callers[i].done);
    }
    (void)printf("transfers\t%" PRIu32 " nodes, %" PRIu32
                 " clients\t%.0f a second\tp50 %.2f ms\tp99 %.2f ms\n",
                 cluster->nodes_count, clients,
                 (double)done * 1e6 / (double)(now_us() - began_us),
                 (double)histogram_at(&latency.histogram, 0.5) / 1000,
                 (double)histogram_at(&latency.histogram, 0.99) / 1000);
    (void)fflush(stdout);
}

// Moves and losses. -----------------------------------------------------------

static uint32_t
partition_of(uint32_t account)
{
    struct wf_key key = {0};
    char id[ACCOUNT_ID_SIZE];
    uint32_t partition;

    account_id(account, id);
    must(wf_key_make("default", "account", id, &key), "key");
    partition = wf_key_partition(&key, PARTITIONS);
    wf_key_fini(&key);
    return partition;
}

// Index of the node that has it; -1: none.
static int
owner_of(const struct cluster *cluster, uint32_t partition)
{
    weft_cluster_status *status;
    int owner = -1;

    must(weft_cluster_look(servers_conninfo(cluster->servers), &status),
         "status");
    if (status->partitions[partition].owner != NULL) {
        owner = status->partitions[partition].owner[5] - '0'; // "node-N"
    }
    weft_cluster_status_free(status);
    return owner;
}

static int
compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static void
say_pauses(const char *what, double *pauses, int count)
{
    qsort(pauses, (size_t)count, sizeof(*pauses), compare);
    (void)printf("%s\t%d times\tleast %.0f ms\tmedian %.0f ms\tmost %.0f ms\n",
                 what, count, pauses[0], pauses[count / 2], pauses[count - 1]);
    (void)fflush(stdout);
}

static double
longest_ms(struct caller *caller)
{
    return (double)atomic_exchange(&caller->longest_us, 0) / 1000;
}

static void
measure_moves(struct cluster *cluster, struct caller *caller)
{
    uint32_t partition = partition_of(caller->from);
    double pauses[MOVES];

    for (int i = 0; i < MOVES; i++) {
        char to[32];
        int owner = owner_of(cluster, partition);
        int next = (owner + 1) % (int)cluster->nodes_count;

        (void)snprintf(to, sizeof(to), "node-%d", next);
        (void)longest_ms(caller);
        must(weft_cluster_move(servers_conninfo(cluster->servers), partition,
                               to),
             "move");
        for (int j = 0; j < 500 && owner_of(cluster, partition) != next; j++) {
            sleep_ms(10);
        }
        sleep_ms(200);
        pauses[i] = longest_ms(caller);
    }
    must(weft_cluster_move(servers_conninfo(cluster->servers), partition, NULL),
         "move");
    say_pauses("planned move, longest call", pauses, MOVES);
}

static void
measure_kills(struct cluster *cluster, struct caller *caller)
{
    uint32_t partition = partition_of(caller->from);
    double pauses[KILLS];

    for (int i = 0; i < KILLS; i++) {
        int owner = owner_of(cluster, partition);

        // The caller is at node 0, which stays.
        if (owner == 0) {
            must(weft_cluster_move(servers_conninfo(cluster->servers),
                                   partition, "node-1"),
                 "move");
            sleep_ms(2000);
            owner = owner_of(cluster, partition);
        }
        (void)longest_ms(caller);
        processes_kill(&cluster->processes, (uint32_t)owner);
        sleep_ms(3 * LEASE_MS);
        pauses[i] = longest_ms(caller) - LEASE_MS;
        processes_start(&cluster->processes, (uint32_t)owner);
        sleep_ms(2000);
    }
    say_pauses("node killed, longest call beyond the lease", pauses, KILLS);
}

static void
measure_pauses(struct cluster *cluster)
{
    atomic_bool is_over = false;
    static struct latency latency = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct caller caller;

    start_caller(&caller, cluster, &is_over, &latency, 0, 0);
    sleep_ms(1000);
    measure_moves(cluster, &caller);
    measure_kills(cluster, &caller);
    atomic_store(&is_over, true);
    end_caller(&caller);
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/weft-bench-XXXXXX";
    long seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    bool has_standbys = argc > 3 && strtol(argv[3], NULL, 10) > 0;
    struct cluster cluster = {0};

    if (argc < 2 || seconds < 1 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: weft-bench-cluster NODE_PROGRAM "
                              "[SECONDS [STANDBYS]]\n");
        return 2;
    }
    cluster.servers = servers_start(has_standbys ? 3 : 1, "/var/tmp");
    must(weft_cluster_init(servers_conninfo(cluster.servers), PARTITIONS),
         "init");
    processes_init(&cluster.processes, argv[1],
                   servers_conninfo(cluster.servers), dir, NODES_MAX, LEASE_MS,
                   NULL);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        processes_start(&cluster.processes, i);
        cluster.endpoints[i] = cluster.processes.all[i].service;
        cluster.nodes_count = i + 1;
        sleep_ms(5000); // everybody has a share
        measure_rate(&cluster, 1, seconds);
        measure_rate(&cluster, CLIENTS_MAX, seconds);
    }
    measure_pauses(&cluster);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        (void)processes_end(&cluster.processes, i);
    }
    processes_remove(dir);
    servers_stop(cluster.servers);
    return 0;
}
