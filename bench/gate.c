// SPDX-License-Identifier: Apache-2.0
//
// gate.c - weft-gate WORKLOAD COUNT: so many operations on a node in memory.
//
// For counting instructions (the script gate beside this). One thread, a
// virtual clock, the same chance each time: two runs of the same count differ
// by nothing but what the loop asks of the real clock. The operations, and the
// loop that begins them 1,024 at a time, are those of weft-bench.

#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/run.h"

static weft_err
run(struct bench *bench, uint64_t count)
{
    const struct workload *workload = bench->settings.workload;
    weft_err err = place_open_test(bench);

    if (err == WEFT_OK && workload->prepare != NULL) {
        err = workload->prepare(bench);
    }
    return err == WEFT_OK ? run_all(bench, workload->begin, count) : err;
}

int
main(int argc, char **argv)
{
    struct settings settings = {.seconds = 1, .concurrency = 1};
    struct bench *bench;
    weft_err err;

    settings.workload = argc == 3 ? workload_find(argv[1]) : NULL;
    if (settings.workload == NULL || settings.workload->begin == NULL) {
        (void)fprintf(stderr, "usage: weft-gate WORKLOAD COUNT\n");
        return 2;
    }
    settings.sizes[SIZE_INSTANCES] = settings.workload->instances;
    bench = bench_create(&settings);
    if (bench == NULL) {
        return 1;
    }
    (void)snprintf(bench->run, sizeof(bench->run), "gate"); // not the time
    err = run(bench, strtoull(argv[2], NULL, 10));
    if (err != WEFT_OK) {
        bench_complain(err);
    }
    bench_destroy(bench);
    return err == WEFT_OK ? 0 : 1;
}
