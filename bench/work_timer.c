// SPDX-License-Identifier: Apache-2.0
//
// work_timer.c - how late timers come, with many of them pending.
//
// Each instance sets one timer. So many as come due in --seconds, at --rate a
// second (10,000), are due one after another at fixed instants; the others are
// due in an hour and later. Latency is the time from the instant at which a
// timer is due to its turn, by the machine's clock, taken in the handler: that
// is no business of a handler's, but for measuring it.

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

#define RATE_USUAL 10000
#define HOUR_MS 3600000ULL
#define PATIENCE_MS 30000
#define TRIES 4

// Shards' threads add to it what is due from first_due_ms on, for an hour.
static struct {
    pthread_mutex_t lock;
    uint64_t first_due_ms;
    struct histogram late_ns;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double rate_per_ms;  // of timers that come due
static uint64_t near_count; // how many

static void
see(uint64_t due_ms)
{
    struct timespec now;
    uint64_t now_ns;
    uint64_t due_ns = due_ms * 1000000;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    now_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    (void)pthread_mutex_lock(&seen.lock);
    if (due_ms >= seen.first_due_ms) {
        histogram_add(&seen.late_ns, now_ns > due_ns ? now_ns - due_ns : 0);
    }
    (void)pthread_mutex_unlock(&seen.lock);
}

static weft_err
handle(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *due_ms = state;
    uint64_t now_ms = weft_actor_now_ms(actor);

    if (message->type == WEFT_MESSAGE_TIMER) {
        see(*due_ms);
        return WEFT_OK;
    }
    if (message->type != WEFT_MESSAGE_SIGNAL ||
        message->data.len != sizeof(*due_ms)) {
        return WEFT_OK;
    }
    memcpy(due_ms, message->data.data, sizeof(*due_ms));
    return weft_actor_timer_set(actor, "due",
                                *due_ms > now_ms ? *due_ms - now_ms : 0);
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_actor(definitions, "timer", handle, sizeof(uint64_t),
                           NULL);
}

static weft_err
set_far(struct bench *bench, struct op *op)
{
    uint64_t due_ms = bench_now_ms() + HOUR_MS + op->number;

    (void)bench;
    run_signal(op, "timer", near_count + op->number, "set",
               weft_bytes_of(&due_ms, sizeof(due_ms)));
    return WEFT_OK;
}

static weft_err
set_near(struct bench *bench, struct op *op)
{
    uint64_t due_ms =
        seen.first_due_ms + (uint64_t)((double)op->number / rate_per_ms);

    (void)bench;
    run_signal(op, "timer", op->number, "set",
               weft_bytes_of(&due_ms, sizeof(due_ms)));
    return WEFT_OK;
}

// The near ones, the first of which is due after so long.
static weft_err
set_all_near(struct bench *bench, uint64_t lead_ms)
{
    (void)pthread_mutex_lock(&seen.lock);
    seen.first_due_ms = bench_now_ms() + lead_ms;
    seen.late_ns = (struct histogram){0}; // of those of an earlier try
    (void)pthread_mutex_unlock(&seen.lock);
    return run_all(bench, set_near, near_count);
}

// All must be set before the first is due, or those would be late that were
// set late. If they are not, they are set again, each in place of its old one,
// with as much time as the machine has been seen to want.
static weft_err
set_all(struct bench *bench)
{
    uint64_t count = bench->settings.sizes[SIZE_INSTANCES];
    uint64_t lead_ms = 1000 + near_count / 10;
    weft_err err = WEFT_OK;

    if (count > near_count) {
        err = run_all(bench, set_far, count - near_count);
    }
    for (int tries = 0; err == WEFT_OK && tries < TRIES; tries++) {
        uint64_t began_ms = bench_now_ms();

        err = set_all_near(bench, lead_ms);
        if (bench_now_ms() < seen.first_due_ms) {
            return err;
        }
        lead_ms = 1000 + 2 * (bench_now_ms() - began_ms);
    }
    return err == WEFT_OK
               ? wf_error(WEFT_EFAILED,
                          "timers could not be set before they were due")
               : err;
}

static uint64_t
fired(void)
{
    uint64_t count;

    (void)pthread_mutex_lock(&seen.lock);
    count = seen.late_ns.count;
    (void)pthread_mutex_unlock(&seen.lock);
    return count;
}

static void
sleep_until(uint64_t at_ms)
{
    uint64_t now_ms = bench_now_ms();
    uint64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    struct timespec wait = {.tv_sec = (time_t)(left_ms / 1000),
                            .tv_nsec = (long)(left_ms % 1000) * 1000000};

    (void)nanosleep(&wait, NULL);
}

static weft_err
measure(struct bench *bench)
{
    const struct settings *settings = &bench->settings;
    double rate = settings->rate > 0 ? settings->rate : RATE_USUAL;
    double wanted = settings->seconds * rate;
    uint64_t count = settings->sizes[SIZE_INSTANCES];
    uint64_t end_ms;
    uint64_t began_ns;
    struct usage before;
    weft_err err;

    rate_per_ms = rate / 1000;
    near_count = wanted < (double)count ? (uint64_t)wanted : count;
    near_count = near_count > 0 ? near_count : 1;
    err = set_all(bench);
    if (err != WEFT_OK) {
        return err;
    }
    sleep_until(seen.first_due_ms);
    err = bench_begin(bench, &before, &began_ns);
    end_ms = seen.first_due_ms + (uint64_t)((double)near_count / rate_per_ms);
    while (fired() < near_count && bench_now_ms() < end_ms + PATIENCE_MS) {
        sleep_until(bench_now_ms() + 5);
    }
    if (err == WEFT_OK) {
        err = bench_end(bench, &before, began_ns);
    }
    (void)pthread_mutex_lock(&seen.lock);
    bench->latency = seen.late_ns;
    (void)pthread_mutex_unlock(&seen.lock);
    bench->ops = bench->latency.count;
    bench->errors += near_count - bench->ops;
    return err;
}

const struct workload work_timer = {
    .name = "timer",
    .counts = "timers",
    .about = "lateness, with 10,000 pending; --rate come due a second",
    .instances = 10000,
    .has_rate = true,
    .is_beside = true,
    .define = define,
    .measure = measure,
};
