// SPDX-License-Identifier: Apache-2.0
//
// main.c - weft-bench: how many durable operations a second, how long each
// takes, and what they cost.
//
//   weft-bench WORKLOAD --data DIR ...    one measurement, README.md
//   weft-bench serve --data DIR --remote ENDPOINT
//                                         a node for measurements from other
//                                         processes, until SIGTERM
//
// An answer that is counted is durable, unless --sync none was asked for.

#include <signal.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/report.h"
#include "bench/run.h"

// Signals of a server's end, blocked before it has threads.
static void
wait_for_end(void)
{
    sigset_t ends;
    int number;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigwait(&ends, &number);
}

static void
block_ends(void)
{
    sigset_t ends;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
}

static weft_err
serve(struct bench *bench)
{
    weft_err err;

    block_ends();
    err = place_open(bench);
    if (err == WEFT_OK) {
        (void)printf("serving %s\n",
                     weft_server_endpoint(bench->place.server, 0));
        (void)fflush(stdout);
        wait_for_end();
    }
    return err;
}

static weft_err
measure(struct bench *bench)
{
    const struct workload *workload = bench->settings.workload;
    weft_err err = workload->has_own_node ? WEFT_OK : place_open(bench);

    if (err == WEFT_OK && workload->prepare != NULL) {
        err = workload->prepare(bench);
    }
    if (err == WEFT_OK) {
        err = workload->measure != NULL ? workload->measure(bench)
                                        : run_loop(bench);
    }
    if (err == WEFT_OK && workload->check != NULL) {
        err = workload->check(bench);
    }
    return err;
}

int
main(int argc, char **argv)
{
    struct settings settings;
    struct bench *bench;
    int status;
    weft_err err;

    if (!settings_parse(&settings, argc, argv, &status)) {
        return status;
    }
    bench = bench_create(&settings);
    if (bench == NULL) {
        (void)fprintf(stderr, "weft-bench: out of memory\n");
        return 1;
    }
    err = settings.is_serving ? serve(bench) : measure(bench);
    if (err != WEFT_OK) {
        bench_complain(err);
    } else if (!settings.is_serving) {
        report_print(bench);
    }
    bench_destroy(bench);
    return err == WEFT_OK ? 0 : 1;
}
