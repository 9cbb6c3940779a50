// SPDX-License-Identifier: Apache-2.0
//
// bystander.c - clients at a steady rate. See bystander.h.

#include "load/bystander.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "load/load.h"
#include "support/counter.h"

#define COUNTERS 32 // of each thread
#define SAMPLES_MAX (4 << 20)
#define THREADS_MAX 16
#define LATE_NS_MAX 2000000000 // so far behind, calls are left out

struct sample {
    uint64_t ended_ns;
    uint32_t us;
};

struct bystander {
    struct bystanders *all;
    pthread_t thread;
    weft_client *client;
    uint32_t index;
    uint64_t acknowledged[COUNTERS];
    uint64_t unknown[COUNTERS]; // timed out
    uint64_t failures;
    struct sample *samples;
    _Atomic uint32_t samples_count;
};

struct bystanders {
    uint32_t count;
    uint64_t interval_ns;
    uint64_t began_ns; // tells their counters from others'
    _Atomic bool is_over;
    struct bystander each[THREADS_MAX];
};

static void
name_of(const struct bystander *bystander, uint32_t counter, char id[32])
{
    (void)snprintf(id, 32, "b%" PRIu64 "-%" PRIu32 "-%" PRIu32,
                   bystander->all->began_ns, bystander->index, counter);
}

static void
keep(struct bystander *bystander, uint64_t meant_ns)
{
    uint32_t count = atomic_load(&bystander->samples_count);
    uint64_t now = load_now_ns();

    if (count < SAMPLES_MAX) {
        bystander->samples[count] = (struct sample){
            .ended_ns = now,
            .us = (uint32_t)((now - meant_ns) / 1000),
        };
        atomic_store(&bystander->samples_count, count + 1);
    }
}

static void
call(struct bystander *bystander, uint32_t counter)
{
    char id[32];
    weft_err err;

    name_of(bystander, counter, id);
    err = counter_add(bystander->client, id);
    if (err == WEFT_OK) {
        bystander->acknowledged[counter]++;
    } else if (err == WEFT_ETIMEDOUT) {
        bystander->unknown[counter]++;
    } else if (bystander->failures++ == 0) {
        (void)fprintf(stderr, "%s: %s: %s\n", id, weft_err_name(err),
                      weft_err_detail());
    }
}

static void *
work(void *ctx)
{
    struct bystander *bystander = ctx;
    const struct bystanders *all = bystander->all;
    uint64_t meant_ns =
        load_now_ns() + all->interval_ns * bystander->index / (all->count + 1);

    for (uint32_t i = 0; !atomic_load(&all->is_over); i++) {
        load_sleep_until(meant_ns);
        call(bystander, i % COUNTERS);
        keep(bystander, meant_ns);
        meant_ns += all->interval_ns;
        if (load_now_ns() > meant_ns + LATE_NS_MAX) {
            meant_ns = load_now_ns();
        }
    }
    return NULL;
}

struct bystanders *
bystanders_begin(weft_node *node, uint32_t threads, uint32_t per_s)
{
    struct bystanders *all = calloc(1, sizeof(*all));

    all->count = threads < THREADS_MAX ? threads : THREADS_MAX;
    all->began_ns = load_now_ns();
    all->interval_ns = 1000000000U / per_s;
    for (uint32_t i = 0; i < all->count; i++) {
        struct bystander *bystander = &all->each[i];

        bystander->all = all;
        bystander->index = i;
        bystander->samples = calloc(SAMPLES_MAX, sizeof(struct sample));
        load_must(weft_client_open(node, NULL, &bystander->client),
                  "a bystander's client");
        if (pthread_create(&bystander->thread, NULL, work, bystander) != 0) {
            load_must(WEFT_EBUSY, "a bystander's thread");
        }
    }
    return all;
}

uint64_t
bystanders_mark(const struct bystanders *bystanders)
{
    (void)bystanders;
    return load_now_ns();
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

// Copies what lies between to out, or only counts if that is NULL.
static size_t
gather(const struct bystander *bystander, uint64_t from, uint64_t to,
       uint32_t *out)
{
    uint32_t samples = atomic_load(&bystander->samples_count);
    size_t count = 0;

    for (uint32_t i = 0; i < samples; i++) {
        const struct sample *sample = &bystander->samples[i];

        if (sample->ended_ns >= from && sample->ended_ns < to) {
            if (out != NULL) {
                out[count] = sample->us;
            }
            count++;
        }
    }
    return count;
}

uint32_t
bystanders_percentile_us(const struct bystanders *bystanders,
                         uint64_t from_mark, uint64_t to_mark,
                         uint32_t in_thousand)
{
    size_t count = 0;
    uint32_t *sorted;
    uint32_t us;

    for (uint32_t i = 0; i < bystanders->count; i++) {
        count += gather(&bystanders->each[i], from_mark, to_mark, NULL);
    }
    if (count == 0) {
        return 0;
    }
    sorted = calloc(count, sizeof(*sorted));
    count = 0;
    for (uint32_t i = 0; i < bystanders->count; i++) {
        count +=
            gather(&bystanders->each[i], from_mark, to_mark, sorted + count);
    }
    qsort(sorted, count, sizeof(*sorted), compare);
    us = sorted[(count - 1) * in_thousand / 1000];
    free(sorted);
    return us;
}

// A call that timed out may have counted.
static uint64_t
count_faults(const struct bystander *bystander, uint64_t *out_calls)
{
    uint64_t faults = bystander->failures;
    char id[32];

    for (uint32_t i = 0; i < COUNTERS; i++) {
        uint64_t least = bystander->acknowledged[i];
        uint64_t most = least + bystander->unknown[i];
        uint64_t value;

        name_of(bystander, i, id);
        *out_calls += most;
        if (most == 0) {
            continue;
        }
        value = load_count(bystander->client, id, least);
        if (value < least || value > most) {
            (void)fprintf(stderr,
                          "%s: is %" PRIu64 ", acknowledged %" PRIu64
                          ", not known %" PRIu64 "\n",
                          id, value, least, bystander->unknown[i]);
            faults++;
        }
    }
    return faults;
}

uint64_t
bystanders_end(struct bystanders *bystanders, uint64_t *out_calls)
{
    uint64_t faults = 0;

    *out_calls = 0;
    atomic_store(&bystanders->is_over, true);
    for (uint32_t i = 0; i < bystanders->count; i++) {
        struct bystander *bystander = &bystanders->each[i];

        (void)pthread_join(bystander->thread, NULL);
        faults += count_faults(bystander, out_calls);
        weft_client_close(bystander->client);
        free(bystander->samples);
    }
    free(bystanders);
    return faults;
}
