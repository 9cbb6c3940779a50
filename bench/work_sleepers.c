// SPDX-License-Identifier: Apache-2.0
//
// work_sleepers.c - what a sleeping workflow instance costs: memory and disk.
//
// Three processes open the directory, one after another: the first and the last
// do nothing, the second starts instances that sleep for a year. What is told
// is the difference to the first: of memory, in the second, which keeps as many
// at hand as it does by default ("running"), and in the last; and of what files
// occupy when each has closed.

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/phase.h"
#include "bench/run.h"

#define YEAR_MS (365ULL * 24 * 3600 * 1000)
#define SETTLE_SECONDS 2

// Of the process that starts them, when it has ended.
struct started {
    struct bench bench;
    uint64_t resident_bytes;
};

static weft_err
run_sleeper(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_sleep(wf, YEAR_MS);
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_workflow(definitions, "sleeper", run_sleeper, NULL);
}

// Bytes that a directory's files occupy.
static uint64_t
disk_bytes(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t bytes = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat stat;

        if (entry->d_name[0] == '.' ||
            fstatat(fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        bytes += (uint64_t)stat.st_blocks * 512;
        if (S_ISDIR(stat.st_mode)) {
            bytes += disk_bytes(fd, entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return bytes;
}

static void
settle(void)
{
    struct timespec wait = {.tv_sec = SETTLE_SECONDS};

    (void)nanosleep(&wait, NULL);
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    run_start(op, "sleeper", bench_payload(bench));
    return WEFT_OK;
}

static weft_err
do_nothing(struct bench *bench, void *result)
{
    weft_err err = place_open(bench);

    if (err == WEFT_OK) {
        settle();
        *(uint64_t *)result = usage_resident_bytes();
    }
    place_close(&bench->place);
    return err;
}

static weft_err
fall_asleep(struct bench *bench, void *result)
{
    struct started *started = result;
    weft_err err = place_open(bench);

    if (err == WEFT_OK) {
        err = run_measured(bench, begin, bench->settings.sizes[SIZE_INSTANCES]);
    }
    if (err == WEFT_OK) {
        settle();
        started->resident_bytes = usage_resident_bytes();
        bench->peak_bytes = usage_peak_bytes();
    }
    place_close(&bench->place);
    started->bench = *bench;
    return err;
}

static weft_err
run_phase(struct bench *bench, phase_fn *fn, void *result, size_t result_len)
{
    struct phase phase;
    weft_err err = phase_begin(&phase, bench, fn, result, result_len);

    if (err == WEFT_OK) {
        err = phase_wait(&phase, result, result_len);
        phase_end(&phase, 0);
    }
    return err;
}

static double
each(const struct bench *bench, uint64_t with, uint64_t without)
{
    return ((double)with - (double)without) /
           (double)bench->settings.sizes[SIZE_INSTANCES];
}

static weft_err
measure(struct bench *bench)
{
    static struct started started; // larger than stacks like
    const char *data = bench->settings.data;
    uint64_t before = 0;
    uint64_t after = 0;
    uint64_t disk_before;
    weft_err err = run_phase(bench, do_nothing, &before, sizeof(before));

    disk_before = disk_bytes(AT_FDCWD, data);
    if (err == WEFT_OK) {
        err = run_phase(bench, fall_asleep, &started, sizeof(started));
    }
    if (err == WEFT_OK) {
        err = run_phase(bench, do_nothing, &after, sizeof(after));
    }
    if (err != WEFT_OK) {
        return err;
    }
    *bench = started.bench;
    bench_figure_add(bench, "resident_bytes_per_instance",
                     each(bench, after, before));
    bench_figure_add(bench, "running_bytes_per_instance",
                     each(bench, started.resident_bytes, before));
    bench_figure_add(bench, "disk_bytes_per_instance",
                     each(bench, disk_bytes(AT_FDCWD, data), disk_before));
    return WEFT_OK;
}

const struct workload work_sleepers = {
    .name = "sleepers",
    .counts = "starts",
    .about = "memory and disk of each of 10,000 that sleep",
    .instances = 10000,
    .has_own_node = true,
    .define = define,
    .measure = measure,
};
