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

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "crash/plan.h"

#define ARGS_MAX 24
#define FINISH_MS 180000
#define FAULT_WAIT_MS 4000

struct config {
    const char *shards;
    const char *stores;
    const char *window;
    const char *more; // one more option, or NULL
};

static const struct config configs[] = {
    {"1", "1", "none", NULL},        {"4", "4", "65536", NULL},
    {"1", "1", "default", NULL},     {"4", "1", "65536", "--paranoid"},
    {"1", "4", "none", "--strict"},  {"4", "4", "default", NULL},
    {"1", "1", "65536", "--strict"}, {"4", "1", "none", NULL},
    {"1", "4", "65536", NULL},       {"4", "1", "default", "--strict"},
    {"4", "4", "none", NULL},        {"1", "4", "default", "--paranoid"},
};
#define CONFIGS_COUNT (sizeof(configs) / sizeof(configs[0]))

struct loop {
    const char *victim;
    const char *checker;
    uint64_t random;
    char dir[300];
    uint32_t kills;
    uint32_t kills_all;
    uint32_t failures;
    const struct config *config;
    long log_at; // where the log of the last start begins
};

static uint64_t
mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
sleep_us(long us)
{
    struct timespec time = {.tv_sec = us / 1000000,
                            .tv_nsec = us % 1000000 * 1000};

    (void)nanosleep(&time, NULL);
}

static uint32_t
draw(struct loop *loop, uint32_t below)
{
    loop->random = plan_mix(loop->random, 3);
    return (uint32_t)(loop->random >> 33) % below;
}

static void
fail(struct loop *loop, const char *what)
{
    loop->failures++;
    (void)printf("FAILED: %s; %s is kept\n", what, loop->dir);
    (void)fflush(stdout);
}

// Processes. ------------------------------------------------------------------

static void
become(char **args, const char *log, const char *faults)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

    if (faults != NULL) {
        (void)setenv("WEFT_FAULT", faults, 1);
    }
    if (fd >= 0) {
        (void)dup2(fd, 1);
        (void)dup2(fd, 2);
    }
    (void)execv(args[0], args);
    _exit(127);
}

static bool
log_has(struct loop *loop, const char *text)
{
    char line[2000];
    char path[400];
    bool has = false;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/log", loop->dir);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    (void)fseek(file, loop->log_at, SEEK_SET);
    while (!has && fgets(line, sizeof(line), file) != NULL) {
        has = strstr(line, text) != NULL;
    }
    (void)fclose(file);
    return has;
}

static long
log_size(struct loop *loop)
{
    struct stat status;
    char path[400];

    (void)snprintf(path, sizeof(path), "%s/log", loop->dir);
    return stat(path, &status) == 0 ? (long)status.st_size : 0;
}

// Start the victim on the loop's directory; more and value may be NULL.
static pid_t
start(struct loop *loop, const char *more, const char *value,
      const char *faults)
{
    const struct config *config = loop->config;
    char log[400];
    const char *args[ARGS_MAX] = {
        loop->victim,   loop->dir,  "--shards",     config->shards, "--stores",
        config->stores, "--window", config->window, "--residents",  "192"};
    int count = 10;
    pid_t pid;

    if (config->more != NULL) {
        args[count++] = config->more;
    }
    if (more != NULL) {
        args[count++] = more;
    }
    if (value != NULL) {
        args[count++] = value;
    }
    (void)snprintf(log, sizeof(log), "%s/log", loop->dir);
    loop->log_at = log_size(loop);
    pid = fork();
    if (pid == 0) {
        become((char **)(uintptr_t)args, log, faults);
    }
    if (pid < 0) {
        perror("fork");
        exit(3);
    }
    return pid;
}

// Wait so long for its end. False: it is still there.
static bool
wait_for(pid_t pid, uint64_t timeout_us, int *out_status)
{
    struct timespec begun;
    struct timespec now;
    uint64_t waited_us = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    while (waited_us < timeout_us) {
        if (waitpid(pid, out_status, WNOHANG) == pid) {
            return true;
        }
        sleep_us(timeout_us - waited_us < 500 ? 50 : 500);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        waited_us = (uint64_t)(now.tv_sec - begun.tv_sec) * 1000000 +
                    (uint64_t)((now.tv_nsec - begun.tv_nsec) / 1000);
    }
    return false;
}

static void
kill_it(pid_t pid, int *out_status)
{
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, out_status, 0) != pid && errno == EINTR) {
    }
}

static void
show_log(const struct loop *loop)
{
    char line[400];
    char path[400];
    FILE *file;
    long size;

    (void)snprintf(path, sizeof(path), "%s/log", loop->dir);
    file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    (void)fseek(file, 0, SEEK_END);
    size = ftell(file);
    (void)fseek(file, size - loop->log_at > 3000 ? size - 3000 : loop->log_at,
                SEEK_SET);
    while (fgets(line, sizeof(line), file) != NULL) {
        (void)printf("  | %s", line);
    }
    (void)fclose(file);
}

static void
say_status(struct loop *loop, const char *who, int status)
{
    char text[120];

    (void)snprintf(text, sizeof(text), "%s ended with %s %d", who,
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status)
                                       : WEXITSTATUS(status));
    show_log(loop);
    fail(loop, text);
}

static bool
ended_well(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Run something to its end.
static bool
run_to_end(struct loop *loop, const char *who, pid_t pid)
{
    int status;

    if (!wait_for(pid, (uint64_t)FINISH_MS * 1000, &status)) {
        kill_it(pid, &status);
        show_log(loop);
        fail(loop, "it does not end");
        return false;
    }
    if (!ended_well(status)) {
        say_status(loop, who, status);
        return false;
    }
    return true;
}

// Directories.
// ------------------------------------------------------------------

static void
make_dir(struct loop *loop, const char *name)
{
    const char *parent = getenv("TMPDIR");

    (void)snprintf(loop->dir, sizeof(loop->dir), "%s/weft-%s-XXXXXX",
                   parent == NULL ? "/tmp" : parent, name);
    if (mkdtemp(loop->dir) == NULL) {
        perror(loop->dir);
        exit(3);
    }
    loop->kills = 0;
}

static int
remove_one(const char *path, const struct stat *stat, int type,
           struct FTW *place)
{
    (void)stat;
    (void)type;
    (void)place;
    return remove(path);
}

static void
remove_dir(struct loop *loop)
{
    (void)nftw(loop->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// Verify, finish, verify, check.
static void
finish(struct loop *loop)
{
    char *args[] = {(char *)(uintptr_t)loop->checker, loop->dir, NULL};
    uint32_t before = loop->failures;
    char log[400];
    pid_t pid;
    int status;
    bool is_fine =
        run_to_end(loop, "verify", start(loop, "--verify", NULL, NULL)) &&
        run_to_end(loop, "finish", start(loop, "--finish", NULL, NULL)) &&
        run_to_end(loop, "verify", start(loop, "--verify", NULL, NULL));

    if (is_fine) {
        (void)snprintf(log, sizeof(log), "%s/check", loop->dir);
        pid = fork();
        if (pid == 0) {
            become(args, log, NULL);
        }
        if (!wait_for(pid, (uint64_t)FINISH_MS * 1000, &status)) {
            kill_it(pid, &status);
        }
        (void)snprintf(log, sizeof(log), "cat %s/check", loop->dir);
        (void)fflush(stdout);
        (void)!system(log);
        if (!ended_well(status)) {
            fail(loop, "the checker found faults");
        }
    }
    if (loop->failures == before) {
        remove_dir(loop);
    }
}

// Kill. ---------------------------------------------------------------------

// When to kill: during recovery, soon after, or later.
static uint64_t
draw_us(struct loop *loop)
{
    switch (draw(loop, 8)) {
    case 0:
        return draw(loop, 15000);
    case 1:
    case 2:
        return draw(loop, 70000);
    case 3:
    case 4:
    case 5:
        return 30000 + draw(loop, 300000);
    case 6:
        return 200000 + draw(loop, 500000);
    default:
        return 300000 + draw(loop, 1200000);
    }
}

// One life of the victim. False: it ended by itself, and badly.
static bool
live_once(struct loop *loop)
{
    bool is_closing = draw(loop, 12) == 0;
    pid_t pid = start(loop, is_closing ? "--run-ms" : NULL,
                      is_closing ? "150" : NULL, NULL);
    int status;

    if (wait_for(pid, is_closing ? 30000000 : draw_us(loop), &status)) {
        if (!is_closing || !ended_well(status)) {
            say_status(loop, "the victim", status);
            return false;
        }
        return true;
    }
    kill_it(pid, &status);
    loop->kills++;
    if (is_closing) {
        fail(loop, "it does not close");
        return false;
    }
    return true;
}

static void
kill_config(struct loop *loop, size_t index, uint64_t ms)
{
    uint64_t begun = mono_ms();
    uint32_t lives = 0;
    bool is_fine = true;

    loop->config = &configs[index];
    make_dir(loop, "crash");
    while (is_fine && mono_ms() - begun < ms) {
        is_fine = live_once(loop);
        if (is_fine && ++lives % 16 == 0) {
            is_fine =
                run_to_end(loop, "verify", start(loop, "--verify", NULL, NULL));
        }
    }
    loop->kills_all += loop->kills;
    (void)printf(
        "%2zu: %s shards, %s stores, window %s %s: %" PRIu32 " kills\n    ",
        index, loop->config->shards, loop->config->stores, loop->config->window,
        loop->config->more == NULL ? "" : loop->config->more, loop->kills);
    (void)fflush(stdout);
    if (is_fine) {
        finish(loop);
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
    char faults[80];
    int status;
    pid_t pid;

    (void)snprintf(faults, sizeof(faults), "%s:kill:%" PRIu32, point, skip);
    pid = start(loop, NULL, NULL, faults);
    if (!wait_for(pid, FAULT_WAIT_MS * 1000U, &status)) {
        kill_it(pid, &status);
        return false;
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        say_status(loop, faults, status);
        return false;
    }
    loop->kills++;
    return true;
}

// Did the victim meet the failure, say so, and go on?
static bool
fail_at(struct loop *loop, const struct symptom *symptom, uint32_t skip)
{
    char faults[80];
    int status;
    pid_t pid;

    (void)snprintf(faults, sizeof(faults), "%s:fail:%" PRIu32 ":2",
                   symptom->point, skip);
    pid = start(loop, "--run-ms", "1000", faults);
    if (!wait_for(pid, 30000000, &status)) {
        kill_it(pid, &status);
        show_log(loop);
        fail(loop, "it does not close");
        return false;
    }
    // A node that cannot open says why.
    if (!ended_well(status) &&
        !(WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
          log_has(loop, "crash_victim: "))) {
        say_status(loop, faults, status);
        return false;
    }
    if (symptom->ends && ended_well(status)) {
        return false;
    }
    return log_has(loop, symptom->text);
}

static void
run_point(struct loop *loop, size_t index, uint64_t until_ms)
{
    const char *point = points[index];
    uint32_t died = 0;
    uint32_t failed = 0;
    bool can_fail = false;
    char text[120];

    for (size_t i = 0; i < SKIPS_COUNT && mono_ms() < until_ms; i++) {
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
                              symptoms[i].ends ? 0 : skips[k] + 3);
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
        fail(loop, text);
    }
    loop->kills_all += loop->kills;
    loop->kills = 0;
}

static void
run_faults(struct loop *loop, uint64_t seconds)
{
    // A small window, so that the log is trimmed; two stores, for the scan.
    static const struct config config = {"2", "2", "65536", NULL};
    uint64_t until_ms = mono_ms() + seconds * 1000;

    loop->config = &config;
    make_dir(loop, "faults");
    for (size_t i = 0; i < POINTS_COUNT && loop->failures == 0; i++) {
        // Each gets one try at least, whatever the time.
        uint64_t share =
            mono_ms() + (until_ms > mono_ms()
                             ? (until_ms - mono_ms()) / (POINTS_COUNT - i)
                             : 1);

        run_point(loop, i, share);
    }
    (void)printf("in all: %" PRIu32 " kills\n    ", loop->kills_all);
    (void)fflush(stdout);
    if (loop->failures == 0) {
        finish(loop);
    }
}

// All of it.
// --------------------------------------------------------------------

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
