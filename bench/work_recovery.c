// SPDX-License-Identifier: Apache-2.0
//
// work_recovery.c - a node that is killed under full load, and opened again.
//
// A process starts instances that wait for signals, and then sends them signals
// at random, as many as go, for --seconds. It is killed with SIGKILL. Here the
// directory is opened again, and a signal is sent to one of the instances, then
// to all; times count from before the opening.

#include <time.h>

#include "bench/bench.h"
#include "bench/phase.h"
#include "bench/run.h"

static weft_err
start(struct bench *bench, struct op *op)
{
    (void)bench;
    run_start(op, "listener", weft_text(""));
    return WEFT_OK;
}

static weft_err
signal_random(struct bench *bench, struct op *op)
{
    uint64_t count = bench->settings.sizes[SIZE_INSTANCES];

    run_signal(op, "listener", bench_random(bench) % count, "poke",
               bench_payload(bench));
    return WEFT_OK;
}

static weft_err
signal_next(struct bench *bench, struct op *op)
{
    run_signal(op, "listener", op->number, "poke", bench_payload(bench));
    return WEFT_OK;
}

// Until it is killed.
static weft_err
live(struct bench *bench, void *result)
{
    weft_err err = place_open(bench);

    if (err == WEFT_OK) {
        err = run_all(bench, start, bench->settings.sizes[SIZE_INSTANCES]);
    }
    if (err == WEFT_OK) {
        phase_tell(result, sizeof(int));
        err = run_all(bench, signal_random, UINT64_MAX);
    }
    return err;
}

static weft_err
live_and_die(struct bench *bench)
{
    double seconds = bench->settings.seconds;
    struct timespec wait = {
        .tv_sec = (time_t)seconds,
        .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
    };
    struct phase phase;
    int is_loaded = 1;
    weft_err err =
        phase_begin(&phase, bench, live, &is_loaded, sizeof(is_loaded));

    if (err == WEFT_OK) {
        err = phase_wait(&phase, &is_loaded, sizeof(is_loaded));
        if (err == WEFT_OK) {
            (void)nanosleep(&wait, NULL);
        }
        phase_end(&phase, 1);
    }
    return err;
}

static void
add_time(struct bench *bench, const char *name, uint64_t began_ns)
{
    bench_figure_add(bench, name, (double)(bench_now_ns() - began_ns) / 1e3);
}

static weft_err
measure(struct bench *bench)
{
    uint64_t began_ns;
    weft_err err = live_and_die(bench);

    if (err != WEFT_OK) {
        return err;
    }
    began_ns = bench_now_ns();
    err = place_open(bench);
    add_time(bench, "open_us", began_ns);
    if (err == WEFT_OK) {
        err = run_all(bench, signal_next, 1);
        add_time(bench, "first_us", began_ns);
    }
    if (err == WEFT_OK) {
        err = run_measured(bench, signal_next,
                           bench->settings.sizes[SIZE_INSTANCES]);
        add_time(bench, "all_us", began_ns);
    }
    return err;
}

const struct workload work_recovery = {
    .name = "recovery",
    .counts = "signals",
    .about = "after SIGKILL, to 100,000 that wait: the first, and all",
    .instances = 100000,
    .has_own_node = true,
    .measure = measure,
};
