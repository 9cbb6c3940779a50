// SPDX-License-Identifier: Apache-2.0
//
// crash_loop.c - kill the victim, again and again, and see what is left.
//
//     crash_loop VICTIM CHECKER kill   [SECONDS [SEED]]
//     crash_loop VICTIM CHECKER faults [SECONDS [SEED]]
//
// kill: the victim works on a directory, is killed after a random time (often
// while it still recovers) and started again. Each configuration has its
// directory and its share of the time. At the end the victim may finish, the
// directory is verified, and the checker compares what it was told with what
// it asked.
//
// faults: each point of base/fault.h is armed through the environment, to kill
// the victim or to make a call fail. A point that is never reached is a
// failure of this test: it would show nothing.
//
// CRASH_SECONDS in the environment goes before SECONDS, CRASH_SEED before SEED;
// CRASH_CONFIG chooses one configuration by its number. The directory of a
// configuration that failed is kept, and named.
//
// Only processes that were started here are killed, each by its id.

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fault.h"
#include "crash/loop.h"
#include "crash/plan.h"

#define FAULT_WAIT_MS 4000
#define FAULT_WAIT_FIRST_MS 60000 // or it was never reached

static const struct loop_config configs[] = {
    {"1", "1", "none", NULL},        {"4", "4", "65536", NULL},
    {"1", "1", "default", NULL},     {"4", "1", "65536", "--paranoid"},
    {"1", "4", "none", "--strict"},  {"4", "4", "default", NULL},
    {"1", "1", "65536", "--strict"}, {"4", "1", "none", NULL},
    {"1", "4", "65536", NULL},       {"4", "1", "default", "--strict"},
    {"4", "4", "none", NULL},        {"1", "4", "default", "--paranoid"},
    {"2", "2", "4096", "--crowded"},
};
#define CONFIGS_COUNT (sizeof(configs) / sizeof(configs[0]))

// Kill. ---------------------------------------------------------------------

// When to kill: during recovery, soon after, or later.
static uint64_t
draw_us(struct loop *loop)
{
    switch (loop_draw(loop, 8)) {
    case 0:
        return loop_draw(loop, 15000);
    case 1:
    case 2:
        return loop_draw(loop, 70000);
    case 3:
    case 4:
    case 5:
        return 30000 + loop_draw(loop, 300000);
    case 6:
        return 200000 + loop_draw(loop, 500000);
    default:
        return 300000 + loop_draw(loop, 1200000);
    }
}

// One life of the victim. False: it ended by itself, and badly.
static bool
live_once(struct loop *loop)
{
    bool is_closing = loop_draw(loop, 12) == 0;
    pid_t pid = loop_start(loop, is_closing ? "--run-ms" : NULL,
                           is_closing ? "150" : NULL, NULL);
    int status;

    if (loop_wait(pid, is_closing ? 30000000 : draw_us(loop), &status)) {
        if (!is_closing || !loop_ended_well(status)) {
            loop_say_status(loop, "the victim", status);
            return false;
        }
        return true;
    }
    loop_kill(pid, &status);
    loop->kills++;
    if (is_closing) {
        loop_fail(loop, "it does not close");
        return false;
    }
    return true;
}

// What a poller had that was killed is given to others after half a minute. So
// ends of runs with queues take that long: one of the short ones has them.
static bool
has_queues(size_t index, uint64_t ms)
{
    return index == 1 || (index % 2 == 1 && ms >= 10000);
}

static bool
has_large(size_t index)
{
    return index % 3 == 2;
}

static void
kill_config(struct loop *loop, size_t index, uint64_t ms)
{
    char plan[40];
    uint64_t begun = loop_mono_ms();
    uint32_t lives = 0;
    bool is_fine = true;

    loop->config = &configs[index];
    loop_make_dir(loop, "crash");
    (void)snprintf(plan, sizeof(plan), "%s%s",
                   has_queues(index, ms) ? "queues " : "",
                   has_large(index) ? "large" : "");
    plan_choose(loop->dir, plan);
    while (is_fine && loop_mono_ms() - begun < ms) {
        is_fine = live_once(loop);
        if (is_fine && ++lives % 16 == 0) {
            is_fine = loop_run_to_end(loop, "verify",
                                      loop_start(loop, "--verify", NULL, NULL));
        }
    }
    loop->kills_all += loop->kills;
    (void)printf(
        "%2zu: %s shards, %s stores, window %s %s: %" PRIu32 " kills\n    ",
        index, loop->config->shards, loop->config->stores, loop->config->window,
        loop->config->more == NULL ? "" : loop->config->more, loop->kills);
    (void)fflush(stdout);
    if (is_fine) {
        loop_finish(loop);
    }
}

static void
run_kill(struct loop *loop, uint64_t seconds)
{
    const char *only = getenv("CRASH_CONFIG");
    // A second and a half each at least, though it be fewer then.
    uint64_t count = seconds * 1000 / CONFIGS_COUNT < 1500
                         ? seconds * 1000 / 1500 + 1
                         : CONFIGS_COUNT;

    if (only != NULL) {
        kill_config(loop, strtoul(only, NULL, 10) % CONFIGS_COUNT,
                    seconds * 1000);
    }
    for (size_t i = 0; only == NULL && i < count; i++) {
        kill_config(loop, i, seconds * 1000 / count);
    }
    (void)printf("in all: %" PRIu32 " kills\n", loop->kills_all);
}

// Faults. -------------------------------------------------------------------

static const char *const points[] = {
#define X(name, text) #name,
    WF_FAULT_TABLE(X)
#undef X
};
#define POINTS_COUNT (sizeof(points) / sizeof(points[0]))

// What the node says once it has met a failure there.
struct symptom {
    const char *point;
    const char *text;
    bool ends; // the node does not open then
};

static const struct symptom symptoms[] = {
    {"BEFORE_COMMIT", "it goes on at commit", false},
    {"AFTER_COMMIT", "it goes on at commit", false},
    {"COMMIT_EIO", "it goes on at commit", false},
    {"COMMIT_STALL", "it takes writes again", false},
    {"BEFORE_BEACON", "beacon   WEFT_EIO", false},
    {"AFTER_BEACON", "beacon   WEFT_EIO", false},
    {"RECOVERY_SCAN", "a fault was injected", true},
    {"RECOVERY_EPOCH", "a fault was injected", true},
};

static const uint32_t skips[] = {0, 1, 5, 30, 200};
#define SKIPS_COUNT (sizeof(skips) / sizeof(skips[0]))

// Did the victim die there?
static bool
die_at(struct loop *loop, const char *point, uint32_t skip)
{
    uint64_t wait_ms = skip == 0 ? FAULT_WAIT_FIRST_MS : FAULT_WAIT_MS;
    char faults[80];
    int status;
    pid_t pid;

    (void)snprintf(faults, sizeof(faults), "%s:kill:%" PRIu32, point, skip);
    pid = loop_start(loop, NULL, NULL, faults);
    if (!loop_wait(pid, wait_ms * 1000, &status)) {
        loop_kill(pid, &status);
        return false;
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        loop_say_status(loop, faults, status);
        return false;
    }
    loop->kills++;
    return true;
}

// Did the victim meet the failure, say so, and go on?
static bool
fail_at(struct loop *loop, const struct symptom *symptom, uint32_t skip,
        const char *run_ms)
{
    char faults[80];
    int status;
    pid_t pid;

    (void)snprintf(faults, sizeof(faults), "%s:fail:%" PRIu32 ":2",
                   symptom->point, skip);
    pid = loop_start(loop, "--run-ms", run_ms, faults);
    if (!loop_wait(pid, 30000000, &status)) {
        loop_kill(pid, &status);
        loop_show_log(loop);
        loop_fail(loop, "it does not close");
        return false;
    }
    // A node that cannot open says why.
    if (!loop_ended_well(status) &&
        !(WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
          loop_log_has(loop, "crash_victim: "))) {
        loop_say_status(loop, faults, status);
        return false;
    }
    if (symptom->ends && loop_ended_well(status)) {
        return false;
    }
    return loop_log_has(loop, symptom->text);
}

static void
run_point(struct loop *loop, size_t index, uint64_t until_ms)
{
    const char *point = points[index];
    uint32_t died = 0;
    uint32_t failed = 0;
    bool can_fail = false;
    char text[120];

    for (size_t i = 0; i < SKIPS_COUNT && loop_mono_ms() < until_ms; i++) {
        if (!die_at(loop, point, skips[i])) {
            break; // what is not reached with few skips is not with more
        }
        died++;
    }
    for (size_t i = 0; i < sizeof(symptoms) / sizeof(symptoms[0]); i++) {
        if (strcmp(symptoms[i].point, point) != 0) {
            continue;
        }
        can_fail = true;
        for (size_t k = 0; k < SKIPS_COUNT && k < 4; k += 3) {
            // The first commit of a node is a part of its opening.
            failed += fail_at(loop, &symptoms[i],
                              symptoms[i].ends ? 0 : skips[k] + 3, "1000");
        }
        if (failed == 0 && !symptoms[i].ends) { // on a busy machine
            failed += fail_at(loop, &symptoms[i], skips[3], "10000");
        }
    }
    (void)printf("%-15s killed %" PRIu32 " times", point, died);
    if (can_fail) {
        (void)printf(", failed %" PRIu32 " times", failed);
    }
    (void)printf("\n");
    (void)fflush(stdout);
    if (died == 0 || (can_fail && failed == 0)) {
        (void)snprintf(text, sizeof(text), "%s was never reached by a %s",
                       point, died == 0 ? "kill" : "failure");
        loop_fail(loop, text);
    }
    loop->kills_all += loop->kills;
    loop->kills = 0;
}

static void
run_faults(struct loop *loop, uint64_t seconds)
{
    // A small window, so that the log is trimmed; two stores, for the scan.
    static const struct loop_config config = {"2", "2", "65536", NULL};
    uint64_t until_ms = loop_mono_ms() + seconds * 1000;

    loop->config = &config;
    loop_make_dir(loop, "faults");
    for (size_t i = 0; i < POINTS_COUNT && loop->failures == 0; i++) {
        // Each gets one try at least, whatever the time.
        uint64_t share = loop_mono_ms() +
                         (until_ms > loop_mono_ms()
                              ? (until_ms - loop_mono_ms()) / (POINTS_COUNT - i)
                              : 1);

        run_point(loop, i, share);
    }
    (void)printf("in all: %" PRIu32 " kills\n    ", loop->kills_all);
    (void)fflush(stdout);
    if (loop->failures == 0) {
        loop_finish(loop);
    }
}

// All of it. ----------------------------------------------------------------

static uint64_t
number_of(const char *name, const char *argument, uint64_t otherwise)
{
    const char *text = getenv(name);

    if (text == NULL) {
        text = argument;
    }
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

int
main(int argc, char **argv)
{
    struct loop loop = {0};
    uint64_t seconds;
    uint64_t seed;

    if (argc < 4) {
        (void)fprintf(stderr, "usage: crash_loop VICTIM CHECKER kill|faults "
                              "[SECONDS [SEED]]\n");
        return 2;
    }
    seconds = number_of("CRASH_SECONDS", argc > 4 ? argv[4] : NULL, 60);
    seed = number_of("CRASH_SEED", argc > 5 ? argv[5] : NULL,
                     (uint64_t)time(NULL));
    loop.victim = argv[1];
    loop.checker = argv[2];
    loop.random = seed;
    (void)printf("seed %" PRIu64 ", %" PRIu64 " seconds\n", seed, seconds);
    (void)fflush(stdout);
    if (strcmp(argv[3], "faults") == 0) {
        run_faults(&loop, seconds);
    } else {
        run_kill(&loop, seconds);
    }
    return loop.failures == 0 ? 0 : 1;
}
