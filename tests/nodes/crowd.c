// SPDX-License-Identifier: Apache-2.0
//
// crowd.c - very many workflows, while nodes come, go and are killed.

#include "nodes/crowd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nodes/errands.h"
#include "nodes/probes.h"
#include "nodes/process.h"
#include "postgres/servers.h"
#include "weft/cluster.h"
#include "weft/error.h"

#define NODES 3
#define CALM_MS 3000  // of a crowd that is measured
#define MEASURED 1000 // errands
#define LOOK_MS 50
#define SHARE_MS 120000 // until all have theirs
#define END_MS 600000   // until all is finished

struct crowd {
    const struct crowd_options *options;
    struct servers *servers;
    struct processes processes;
    const char *endpoints[NODES];
    struct errands errands;
    struct probes *probes;
    int32_t *owners; // by partition: node; -1: none
    uint32_t faults;
    char dir[64];
};

static void
sleep_ms(long ms)
{
    const struct timespec moment = {.tv_sec = ms / 1000,
                                    .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&moment, NULL);
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static weft_cluster_status *
status_of(const struct crowd *crowd)
{
    weft_cluster_status *status = NULL;

    if (weft_cluster_look(servers_conninfo(crowd->servers), &status) !=
        WEFT_OK) {
        (void)fprintf(stderr, "status: %s\n", weft_err_detail());
        exit(1);
    }
    return status;
}

// Who has what now, and how many the node has.
static uint32_t
look(const struct crowd *crowd, uint32_t node, int32_t *owners)
{
    weft_cluster_status *status = status_of(crowd);
    uint32_t count = 0;

    for (uint32_t i = 0; i < crowd->options->partitions; i++) {
        const char *owner = status->partitions[i].owner;

        owners[i] = owner == NULL ? -1 : owner[strlen("node-")] - '0';
        count += owners[i] == (int32_t)node;
    }
    weft_cluster_status_free(status);
    return count;
}

// Until the node has so many; false: it does not come to that.
static bool
await_share(struct crowd *crowd, uint32_t node, uint32_t least, uint32_t most)
{
    uint64_t until_ms = now_ms() + SHARE_MS;
    uint32_t count = look(crowd, node, crowd->owners);

    while ((count < least || count > most) && now_ms() < until_ms) {
        sleep_ms(LOOK_MS);
        count = look(crowd, node, crowd->owners);
    }
    if (count < least || count > most) {
        (void)fprintf(stderr, "node %" PRIu32 " has %" PRIu32 " partitions\n",
                      node, count);
        crowd->faults++;
        return false;
    }
    return true;
}

static void
calm_down(const struct crowd *crowd)
{
    sleep_ms(crowd->options->errands < MEASURED ? CALM_MS / 20 : CALM_MS);
}

static void
make(struct crowd *crowd, const struct crowd_options *options)
{
    *crowd =
        (struct crowd){.options = options, .dir = "/dev/shm/weft-crowd-XXXXXX"};
    crowd->owners = calloc(options->partitions, sizeof(*crowd->owners));
    if (crowd->owners == NULL || mkdtemp(crowd->dir) == NULL) {
        perror(crowd->dir);
        exit(1);
    }
    crowd->servers = servers_start(options->has_standbys ? 3 : 1, "/var/tmp");
    if (weft_cluster_init(servers_conninfo(crowd->servers),
                          options->partitions) != WEFT_OK) {
        (void)fprintf(stderr, "init: %s\n", weft_err_detail());
        exit(1);
    }
    processes_init(&crowd->processes, options->program,
                   servers_conninfo(crowd->servers), crowd->dir, NODES + 1,
                   options->lease_ms, NULL);
    for (uint32_t i = 0; i < NODES; i++) {
        crowd->endpoints[i] = crowd->processes.all[i].service;
    }
    crowd->errands = (struct errands){
        .endpoints = crowd->endpoints,
        .endpoints_count = NODES,
        .count = options->errands,
        .rounds = options->rounds,
        .pause_ms = options->pause_ms,
    };
}

static void
begin(struct crowd *crowd, const struct crowd_options *options,
      uint32_t probed_nodes)
{
    uint32_t share = options->partitions / NODES;

    make(crowd, options);
    for (uint32_t i = 0; i < NODES; i++) {
        processes_start(&crowd->processes, i);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        (void)await_share(crowd, i, share, share + 1);
    }
    errands_start(&crowd->errands);
    crowd->probes =
        probes_start(crowd->endpoints, probed_nodes, options->partitions);
    calm_down(crowd);
    probes_reset(crowd->probes);
    calm_down(crowd);
}

static void
say_calls(struct crowd *crowd, const char *what)
{
    struct probes_sum sum = probes_sum(crowd->probes);

    (void)printf("%s\t%" PRIu32 " workflows, %" PRIu32 " done\t%" PRIu64
                 " calls\tp50 %.1f ms\tp99 %.1f ms\tmost %.0f ms\n",
                 what, crowd->options->errands, errands_done(&crowd->errands),
                 sum.calls, sum.p50_ms, sum.p99_ms, sum.most_ms);
    (void)fflush(stdout);
}

static int
compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

// The longest call of each partition that is not where it was; less `known_ms`.
static void
say_pauses(struct crowd *crowd, const char *what, const int32_t *before,
           double known_ms, uint64_t took_ms)
{
    uint32_t partitions = crowd->options->partitions;
    double *pauses = calloc(partitions, sizeof(*pauses));
    uint32_t count = 0;

    if (pauses == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < partitions; i++) {
        if (crowd->owners[i] != before[i]) {
            pauses[count++] = probes_longest_ms(crowd->probes, i) - known_ms;
        }
    }
    qsort(pauses, count, sizeof(*pauses), compare);
    if (count > 0) {
        (void)printf("%s\t%" PRIu32 " partitions in %.1f s\tleast %.0f ms\t"
                     "median %.0f ms\tp90 %.0f ms\tmost %.0f ms\n",
                     what, count, (double)took_ms / 1000, pauses[0],
                     pauses[count / 2], pauses[count * 9 / 10],
                     pauses[count - 1]);
    }
    (void)fflush(stdout);
    free(pauses);
}

static int32_t *
copy_owners(const struct crowd *crowd)
{
    size_t size = crowd->options->partitions * sizeof(*crowd->owners);
    int32_t *copy = malloc(size);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, crowd->owners, size);
    return copy;
}

static uint32_t
finish(struct crowd *crowd)
{
    if (crowd->probes != NULL) {
        probes_stop(crowd->probes);
    }
    crowd->faults += errands_finish(&crowd->errands, END_MS);
    for (uint32_t i = 0; i < NODES; i++) {
        if (crowd->processes.all[i].child.pid != 0 &&
            !processes_end(&crowd->processes, i)) {
            crowd->faults++;
        }
    }
    processes_end_all(&crowd->processes);
    servers_stop(crowd->servers);
    processes_remove(crowd->dir);
    free(crowd->owners);
    (void)printf("all of %" PRIu32 " workflows\t%" PRIu32 " faults\n",
                 crowd->options->errands, crowd->faults);
    (void)fflush(stdout);
    return crowd->faults;
}

uint32_t
crowd_join(const struct crowd_options *options)
{
    struct crowd crowd;
    uint32_t share = options->partitions / (NODES + 1);
    uint64_t began_ms;
    int32_t *before;

    begin(&crowd, options, NODES);
    say_calls(&crowd, "before a fourth node");
    before = copy_owners(&crowd);
    probes_reset(crowd.probes);
    began_ms = now_ms();
    processes_start(&crowd.processes, NODES);
    (void)await_share(&crowd, NODES, share, share + 1);
    sleep_ms(1000);
    say_pauses(&crowd, "a fourth node comes, longest call", before, 0,
               now_ms() - began_ms - 1000);
    say_calls(&crowd, "while it comes");
    free(before);
    before = copy_owners(&crowd);
    probes_reset(crowd.probes);
    began_ms = now_ms();
    crowd.faults += !processes_end(&crowd.processes, NODES);
    (void)await_share(&crowd, NODES, 0, 0);
    say_pauses(&crowd, "it ends, longest call", before, 0, now_ms() - began_ms);
    say_calls(&crowd, "while it ends");
    free(before);
    return finish(&crowd);
}

uint32_t
crowd_kill(const struct crowd_options *options)
{
    struct crowd crowd;
    uint64_t began_ms;
    int32_t *before;

    begin(&crowd, options, NODES - 1); // no probe is at the one that goes
    say_calls(&crowd, "before a node is killed");
    before = copy_owners(&crowd);
    probes_reset(crowd.probes);
    began_ms = now_ms();
    processes_kill(&crowd.processes, NODES - 1);
    (void)await_share(&crowd, NODES - 1, 0, 0);
    sleep_ms(1000);
    say_pauses(&crowd, "a node was killed, longest call beyond the lease",
               before, options->lease_ms, now_ms() - began_ms - 1000);
    free(before);
    return finish(&crowd);
}

// All of it done by node 0 alone, and in its logs.
static void
make_logs(struct crowd *crowd, const struct crowd_options *options)
{
    make(crowd, options);
    (void)setenv("NODES_SNAPSHOTS", "none", 1);
    processes_start(&crowd->processes, 0);
    (void)await_share(crowd, 0, options->partitions, options->partitions);
    crowd->errands.endpoints_count = 1;
    errands_start(&crowd->errands);
    crowd->faults += errands_finish(&crowd->errands, END_MS);
}

uint32_t
crowd_replay(const struct crowd_options *options)
{
    struct crowd crowd;
    uint64_t began_ms;
    double seconds;
    uint64_t commits;
    uint64_t bytes;

    make_logs(&crowd, options);
    commits = strtoull(
        servers_sql(crowd.servers, 0, "SELECT count(*) FROM weft.clog"), NULL,
        10);
    bytes = strtoull(servers_sql(crowd.servers, 0,
                                 "SELECT sum(length(data)) FROM weft.clog"),
                     NULL, 10);
    processes_kill(&crowd.processes, 0);
    sleep_ms(options->lease_ms + 500);
    began_ms = now_ms();
    processes_start(&crowd.processes, 1);
    (void)await_share(&crowd, 1, options->partitions, options->partitions);
    crowd.errands.endpoints = &crowd.endpoints[1];
    (void)errands_done(&crowd.errands); // queries wait until all is there
    seconds = (double)(now_ms() - began_ms) / 1000;
    (void)printf("log replayed by a node that has nothing\t%" PRIu64
                 " commits, %.1f MB, in %.2f s with its start\t%.0f a second\t"
                 "%.1f MB/s\n",
                 commits, (double)bytes / 1e6, seconds,
                 (double)commits / seconds, (double)bytes / 1e6 / seconds);
    return finish(&crowd);
}

// Partitions that another node has a copy of, with all that there is.
static uint32_t
count_copies(const struct crowd *crowd)
{
    weft_cluster_status *status = status_of(crowd);
    uint32_t count = 0;

    for (uint32_t i = 0; i < crowd->options->partitions; i++) {
        count += status->partitions[i].copy != NULL &&
                 status->partitions[i].copy_lag == 0;
    }
    weft_cluster_status_free(status);
    return count;
}

uint32_t
crowd_takeover(const struct crowd_options *options)
{
    bool has_copies = getenv("NODES_STANDBY") != NULL;
    uint32_t parts = options->partitions;
    struct crowd crowd;
    uint64_t began_ms;
    uint64_t until_ms;

    make_logs(&crowd, options);
    processes_start(&crowd.processes, 1);
    (void)await_share(&crowd, 1, parts / 2, parts - parts / 2);
    until_ms = now_ms() + SHARE_MS;
    while (has_copies && count_copies(&crowd) < parts && now_ms() < until_ms) {
        sleep_ms(LOOK_MS);
    }
    crowd.faults += has_copies && count_copies(&crowd) < parts;
    began_ms = now_ms();
    processes_kill(&crowd.processes, 0);
    (void)await_share(&crowd, 1, parts, parts);
    crowd.errands.endpoints = &crowd.endpoints[1];
    (void)errands_done(&crowd.errands); // queries wait until all is there
    (void)printf("half of the log taken over, %s copies, beyond the lease\t"
                 "%.2f s\n",
                 has_copies ? "with" : "without",
                 (double)(now_ms() - began_ms) / 1000 -
                     (double)options->lease_ms / 1000);
    return finish(&crowd);
}
