// SPDX-License-Identifier: Apache-2.0
//
// probes.c - how long calls wait, partition by partition.

#include "nodes/probes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/key.h"
#include "support/errand.h"
#include "weft/connect.h"
#include "weft/weft.h"

#define EVERY_MS 20
#define CALL_MS 120000
#define STACK_BYTES (256 << 10)

struct probe {
    struct probes *probes;
    uint32_t partition;
    char id[ERRAND_ID_SIZE]; // of a ledger in that partition
    pthread_t thread;
    weft_client *client;
    uint64_t began_us;   // of the call under way; 0: none
    uint64_t longest_us; // of those that have ended
};

struct probes {
    struct probe *all;
    uint32_t count;
    atomic_bool is_over;
    pthread_mutex_t lock; // guards what follows, and the probes' times
    uint64_t reset_us;
    uint32_t *calls_us;
    size_t calls_count, calls_cap;
};

static uint64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
fail(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, weft_err_detail());
    exit(1);
}

// A name that nobody else uses, and that belongs to the partition.
static void
choose_id(struct probe *probe)
{
    for (uint32_t i = LEDGERS;; i++) {
        struct wf_key key = {0};
        uint32_t partition;

        ledger_id(i, probe->id);
        if (wf_key_make("default", "ledger", probe->id, &key) != WEFT_OK) {
            fail("key");
        }
        partition = wf_key_partition(&key, probe->probes->count);
        wf_key_fini(&key);
        if (partition == probe->partition) {
            return;
        }
    }
}

static void
note_call(struct probe *probe, uint64_t took_us)
{
    struct probes *probes = probe->probes;

    if (probes->calls_count == probes->calls_cap) {
        probes->calls_cap = 2 * probes->calls_cap + 1024;
        probes->calls_us =
            realloc(probes->calls_us, probes->calls_cap * sizeof(uint32_t));
        if (probes->calls_us == NULL) {
            abort();
        }
    }
    probes->calls_us[probes->calls_count++] = (uint32_t)took_us;
    if (took_us > probe->longest_us) {
        probe->longest_us = took_us;
    }
}

// As long as it counts: not what was before the last reset.
static uint64_t
since(const struct probe *probe, uint64_t now)
{
    uint64_t began_us = probe->began_us > probe->probes->reset_us
                            ? probe->began_us
                            : probe->probes->reset_us;

    return now - began_us;
}

static void *
run(void *arg)
{
    const struct timespec moment = {.tv_nsec = EVERY_MS * 1000000L};
    struct probe *probe = arg;
    struct probes *probes = probe->probes;

    while (!atomic_load(&probes->is_over)) {
        pthread_mutex_lock(&probes->lock);
        probe->began_us = now_us();
        pthread_mutex_unlock(&probes->lock);
        if (weft_client_signal(probe->client,
                               (weft_target){"ledger", probe->id}, "probe",
                               weft_nothing()) != WEFT_OK) {
            fail(probe->id);
        }
        pthread_mutex_lock(&probes->lock);
        note_call(probe, since(probe, now_us()));
        probe->began_us = 0;
        pthread_mutex_unlock(&probes->lock);
        (void)nanosleep(&moment, NULL);
    }
    return NULL;
}

static void
start_one(struct probes *probes, uint32_t index, const char *const *endpoints,
          size_t count)
{
    struct probe *probe = &probes->all[index];
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *turned[8];
    pthread_attr_t attributes;

    probe->probes = probes;
    probe->partition = index;
    choose_id(probe);
    for (size_t i = 0; i < count; i++) {
        turned[i] = endpoints[(index + i) % count];
    }
    options.endpoints = turned;
    options.endpoints_count = count;
    options.timeout_ms = CALL_MS;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (weft_client_connect(&options, &probe->client) != WEFT_OK ||
        pthread_create(&probe->thread, &attributes, run, probe) != 0) {
        fail("probe");
    }
    (void)pthread_attr_destroy(&attributes);
}

struct probes *
probes_start(const char *const *endpoints, size_t count, uint32_t partitions)
{
    struct probes *probes = calloc(1, sizeof(*probes));

    if (probes == NULL) {
        abort();
    }
    probes->count = partitions;
    probes->all = calloc(partitions, sizeof(*probes->all));
    if (probes->all == NULL || pthread_mutex_init(&probes->lock, NULL) != 0) {
        abort();
    }
    for (uint32_t i = 0; i < partitions; i++) {
        start_one(probes, i, endpoints, count);
    }
    return probes;
}

double
probes_longest_ms(struct probes *probes, uint32_t partition)
{
    const struct probe *probe = &probes->all[partition];
    uint64_t longest_us;

    pthread_mutex_lock(&probes->lock);
    longest_us = probe->longest_us;
    if (probe->began_us > 0 && since(probe, now_us()) > longest_us) {
        longest_us = since(probe, now_us());
    }
    pthread_mutex_unlock(&probes->lock);
    return (double)longest_us / 1000;
}

void
probes_reset(struct probes *probes)
{
    pthread_mutex_lock(&probes->lock);
    probes->reset_us = now_us();
    probes->calls_count = 0;
    for (uint32_t i = 0; i < probes->count; i++) {
        probes->all[i].longest_us = 0;
    }
    pthread_mutex_unlock(&probes->lock);
}

static int
compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

struct probes_sum
probes_sum(struct probes *probes)
{
    struct probes_sum sum = {0};
    size_t count;

    pthread_mutex_lock(&probes->lock);
    count = probes->calls_count;
    if (count > 0) {
        qsort(probes->calls_us, count, sizeof(uint32_t), compare);
        sum.calls = count;
        sum.p50_ms = (double)probes->calls_us[count / 2] / 1000;
        sum.p99_ms = (double)probes->calls_us[count * 99 / 100] / 1000;
        sum.most_ms = (double)probes->calls_us[count - 1] / 1000;
    }
    pthread_mutex_unlock(&probes->lock);
    return sum;
}

void
probes_stop(struct probes *probes)
{
    atomic_store(&probes->is_over, true);
    for (uint32_t i = 0; i < probes->count; i++) {
        pthread_join(probes->all[i].thread, NULL);
        weft_client_close(probes->all[i].client);
    }
    pthread_mutex_destroy(&probes->lock);
    free(probes->calls_us);
    free(probes->all);
    free(probes);
}
