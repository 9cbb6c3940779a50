// SPDX-License-Identifier: Apache-2.0
//
// work_loop.c - the power is cut under much work: the victim of tests/crash.
//
//     work_loop VICTIM CHECKER SHIM SECONDS [SEED]
//
// As cut_loop.c, with a victim that does as much at a time as it can, from four
// clients: transfers, jobs with children, restarts and deferred activities, in
// every configuration of shards, stores, window and strict. What it wrote down
// of its answers is beside the disk, and cut at the same moment as the disk.
// The checker of tests/crash judges what has become of it all.

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/loop.h"
#include "shim/disk.h"

#define LIVES_MAX 2
#define CUTS_OF_RUN 3
#define LIFE_US 60000000U

static const struct loop_config configs[] = {
    {"1", "1", "none", NULL},       {"2", "2", "65536", NULL},
    {"1", "1", "default", NULL},    {"2", "1", "65536", "--strict"},
    {"1", "3", "none", "--strict"}, {"2", "2", "default", "--paranoid"},
};
#define CONFIGS_COUNT (sizeof(configs) / sizeof(configs[0]))

struct work {
    struct loop loop;
    const char *shim;
    char trace[400];
    uint64_t cuts;
};

static void
set_environment(const struct work *work, const char *fault)
{
    char disk[400];

    (void)snprintf(disk, sizeof(disk), "%s/data", work->loop.dir);
    (void)setenv("SHIM_DIR", disk, 1);
    (void)setenv("SHIM_TRACE", work->trace, 1);
    (void)setenv("SHIM_FAULT", fault, 1);
    (void)setenv("LD_PRELOAD", work->shim, 1);
}

static void
clear_environment(void)
{
    (void)unsetenv("SHIM_DIR");
    (void)unsetenv("SHIM_TRACE");
    (void)unsetenv("SHIM_FAULT");
    (void)unsetenv("LD_PRELOAD");
}

// One that closes its node, or dies in the middle of its work.
static bool
live_once(struct work *work)
{
    struct loop *loop = &work->loop;
    bool is_closing = loop_draw(loop, 3) == 0;
    char fault[64] = "";
    pid_t pid;
    int status;

    if (!is_closing) {
        (void)snprintf(fault, sizeof(fault), "sync:%s:%" PRIu32,
                       loop_draw(loop, 2) == 0 ? "before" : "after",
                       10 + loop_draw(loop, 200));
    }
    set_environment(work, fault);
    pid = loop_start(loop, "--run-ms", "700", NULL);
    clear_environment();
    if (!loop_wait(pid, LIFE_US, &status)) {
        loop_kill(pid, &status);
        loop_fail(loop, "it does not end");
        return false;
    }
    disk_trim_trace(work->trace);
    if (!loop_ended_well(status) &&
        !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        loop_say_status(loop, fault, status);
        return false;
    }
    return true;
}

// False: what is left is not right, or cannot be told.
static bool
cut_once(struct work *work, struct disk *disk, uint64_t at)
{
    struct loop left = work->loop;
    enum disk_luck luck =
        (enum disk_luck)loop_draw(&work->loop, DISK_LUCK_COUNT);
    uint64_t seed = loop_draw(&work->loop, UINT32_MAX);

    (void)disk_play(disk, work->trace, at);
    (void)snprintf(left.dir, sizeof(left.dir), "%.280s-cut", work->loop.dir);
    disk_cut(disk, luck, seed, left.dir);
    (void)printf("    cut at %" PRIu64 ", luck %s: ", at,
                 disk_luck_names[luck]);
    (void)fflush(stdout);
    loop_finish(&left);
    work->loop.failures = left.failures;
    work->cuts++;
    return left.failures == 0;
}

static int
compare_places(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static void
cut_places(struct work *work, struct disk *disk, uint64_t end_ms)
{
    uint64_t entries = disk_entries(work->trace);
    uint64_t places[CUTS_OF_RUN];

    for (int i = 0; i < CUTS_OF_RUN; i++) {
        uint64_t any = loop_draw(&work->loop, (uint32_t)entries);

        places[i] = i == 0   ? disk_after_answer(work->trace, any)
                    : i == 1 ? disk_before_sync(work->trace, any)
                             : any + 1;
    }
    qsort(places, CUTS_OF_RUN, sizeof(places[0]), compare_places);
    for (int i = 0; i < CUTS_OF_RUN && (i == 0 || loop_mono_ms() < end_ms);
         i++) {
        if (!cut_once(work, disk, places[i])) {
            return;
        }
    }
}

static void
remove_dir(const struct work *work)
{
    char command[600];

    (void)unlink(work->trace);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", work->loop.dir);
    if (system(command) != 0) {
        perror(work->loop.dir);
    }
}

static void
run(struct work *work, size_t config, uint64_t end_ms)
{
    uint32_t lives = 1 + loop_draw(&work->loop, LIVES_MAX);
    struct disk *disk;
    bool is_fine = true;

    work->loop.config = &configs[config];
    loop_make_dir(&work->loop, "work");
    (void)snprintf(work->trace, sizeof(work->trace), "%s-trace",
                   work->loop.dir);
    disk = disk_create(work->loop.dir, "data");
    for (uint32_t i = 0; is_fine && i < lives; i++) {
        is_fine = live_once(work);
    }
    if (is_fine) {
        cut_places(work, disk, end_ms);
    }
    disk_destroy(disk);
    if (work->loop.failures == 0) {
        remove_dir(work);
    }
}

int
main(int argc, char **argv)
{
    static struct work work;
    uint64_t end_ms;
    uint64_t runs = 0;
    size_t config;

    if (argc < 5) {
        (void)fprintf(stderr,
                      "usage: work_loop VICTIM CHECKER SHIM SECONDS [SEED]\n");
        return 2;
    }
    work.loop.victim = argv[1];
    work.loop.checker = argv[2];
    work.shim = argv[3];
    end_ms = loop_mono_ms() + strtoull(argv[4], NULL, 10) * 1000;
    work.loop.random = argc > 5 ? strtoull(argv[5], NULL, 10) : loop_mono_ms();
    (void)printf("seed %" PRIu64 "\n", work.loop.random);
    config = loop_draw(&work.loop, CONFIGS_COUNT);
    while (loop_mono_ms() < end_ms && work.loop.failures == 0) {
        run(&work, config++ % CONFIGS_COUNT, end_ms);
        runs++;
    }
    (void)printf("RESULT\tpower cuts under much work\t%" PRIu64 "\t%" PRIu32
                 "\tof %" PRIu64 " runs\n",
                 work.cuts, work.loop.failures, runs);
    return work.loop.failures == 0 ? 0 : 1;
}
