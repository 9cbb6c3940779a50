// SPDX-License-Identifier: Apache-2.0
//
// bench.c - one measurement: time, chance and what is added up.

#include "bench/bench.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t
read_clock(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t
bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t
bench_now_ms(void)
{
    return read_clock(CLOCK_REALTIME) / 1000000;
}

// xorshift64*: quick, and the same targets in each run.
uint64_t
bench_random(struct bench *bench)
{
    uint64_t x = bench->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    bench->random = x;
    return x * 2685821657736338717U;
}

// By hand: printf would be a share of what is measured.
struct bench_id
bench_id(const struct bench *bench, uint64_t i)
{
    struct bench_id id = {{0}};
    char digits[20];
    size_t len = strlen(bench->run);
    size_t count = 0;

    memcpy(id.text, bench->run, len);
    id.text[len++] = '-';
    do {
        digits[count++] = (char)('0' + i % 10);
        i /= 10;
    } while (i > 0);
    while (count > 0) {
        id.text[len++] = digits[--count];
    }
    return id;
}

weft_bytes
bench_payload(const struct bench *bench)
{
    return weft_bytes_of(bench->payload, bench->settings.sizes[SIZE_PAYLOAD]);
}

void
bench_figure_add(struct bench *bench, const char *name, double value)
{
    assert(bench->figures_count < BENCH_FIGURES_MAX);
    bench->figures[bench->figures_count++] = (struct bench_figure){name, value};
}

struct bench *
bench_create(const struct settings *settings)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    if (bench == NULL) {
        return NULL;
    }
    bench->settings = *settings;
    bench->random = 0x9e3779b97f4a7c15U;
    bench->payload = malloc(settings->sizes[SIZE_PAYLOAD] + 1);
    if (bench->payload == NULL) {
        free(bench);
        return NULL;
    }
    memset(bench->payload, 'x', settings->sizes[SIZE_PAYLOAD] + 1);
    // Other ids than those of a measurement on the same directory before.
    (void)snprintf(bench->run, sizeof(bench->run), "%llx",
                   (unsigned long long)bench_now_ms());
    return bench;
}

void
bench_destroy(struct bench *bench)
{
    if (bench != NULL) {
        place_close(&bench->place);
        free(bench->payload);
        free(bench);
    }
}

void
bench_complain(weft_err err)
{
    const char *detail = weft_err_detail();

    (void)fprintf(stderr, "weft-bench: %s\n",
                  *detail != '\0' ? detail : weft_err_text(err));
}

weft_err
bench_begin(struct bench *bench, struct usage *out_before,
            uint64_t *out_began_ns)
{
    weft_err err = usage_take(bench->place.node, out_before);

    *out_began_ns = bench_now_ns();
    return err;
}

weft_err
bench_end(struct bench *bench, const struct usage *before, uint64_t began_ns)
{
    struct usage after;
    weft_err err;

    bench->seconds = (double)(bench_now_ns() - began_ns) / 1e9;
    err = usage_take(bench->place.node, &after);
    if (err == WEFT_OK) {
        usage_between(before, &after, &bench->used);
    }
    return err;
}
