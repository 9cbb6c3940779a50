// SPDX-License-Identifier: Apache-2.0
//
// loop.c - a directory, the processes that live on it one after the other, and
// the verdict at the end. See loop.h.

#include "crash/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/plan.h"

#define ARGS_MAX 24
#define FINISH_MS 180000

uint64_t
loop_mono_ms(void)
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

uint32_t
loop_draw(struct loop *loop, uint32_t below)
{
    loop->random = program_mix(loop->random, 3);
    return (uint32_t)(loop->random >> 33) % below;
}

void
loop_fail(struct loop *loop, const char *what)
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

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // not to outlive a loop that fails
    if (faults != NULL) {
        (void)setenv("WEFT_FAULT", faults, 1);
    }
    if (fd >= 0) {
        (void)dup2(fd, 1);
        (void)dup2(fd, 2);
    }
    (void)execvp(args[0], args);
    _exit(127);
}

bool
loop_log_has(struct loop *loop, const char *text)
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

pid_t
loop_spawn(struct loop *loop, const char *const *args, const char *faults)
{
    char log[400];
    pid_t pid;

    (void)snprintf(log, sizeof(log), "%s/log", loop->dir);
    loop->log_at = log_size(loop);
    (void)fflush(stdout);
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

pid_t
loop_start(struct loop *loop, const char *more, const char *value,
           const char *faults)
{
    const struct loop_config *config = loop->config;
    const char *args[ARGS_MAX] = {
        loop->victim,   loop->dir,  "--shards",     config->shards, "--stores",
        config->stores, "--window", config->window, "--residents",  "192"};
    int count = 10;

    if (config->more != NULL) {
        args[count++] = config->more;
    }
    if (more != NULL) {
        args[count++] = more;
    }
    if (value != NULL) {
        args[count++] = value;
    }
    return loop_spawn(loop, args, faults);
}

bool
loop_wait(pid_t pid, uint64_t timeout_us, int *out_status)
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

void
loop_kill(pid_t pid, int *out_status)
{
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, out_status, 0) != pid && errno == EINTR) {
    }
}

void
loop_show_log(const struct loop *loop)
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

void
loop_say_status(struct loop *loop, const char *who, int status)
{
    char text[120];

    (void)snprintf(text, sizeof(text), "%s ended with %s %d", who,
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status)
                                       : WEXITSTATUS(status));
    loop_show_log(loop);
    loop_fail(loop, text);
}

bool
loop_ended_well(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool
loop_run_to_end(struct loop *loop, const char *who, pid_t pid)
{
    int status;

    if (!loop_wait(pid, (uint64_t)FINISH_MS * 1000, &status)) {
        loop_kill(pid, &status);
        loop_show_log(loop);
        loop_fail(loop, "it does not end");
        return false;
    }
    if (!loop_ended_well(status)) {
        loop_say_status(loop, who, status);
        return false;
    }
    return true;
}

// Directories. --------------------------------------------------------------

void
loop_make_dir(struct loop *loop, const char *name)
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

void
loop_remove_dir(struct loop *loop)
{
    (void)nftw(loop->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
loop_finish(struct loop *loop)
{
    char *args[] = {(char *)(uintptr_t)loop->checker, loop->dir, NULL};
    uint32_t before = loop->failures;
    char log[400];
    pid_t pid;
    int status;
    bool is_fine = loop_run_to_end(loop, "verify",
                                   loop_start(loop, "--verify", NULL, NULL)) &&
                   loop_run_to_end(loop, "finish",
                                   loop_start(loop, "--finish", NULL, NULL)) &&
                   loop_run_to_end(loop, "verify",
                                   loop_start(loop, "--verify", NULL, NULL));

    if (is_fine) {
        (void)snprintf(log, sizeof(log), "%s/check", loop->dir);
        pid = fork();
        if (pid == 0) {
            become(args, log, NULL);
        }
        if (!loop_wait(pid, (uint64_t)FINISH_MS * 1000, &status)) {
            loop_kill(pid, &status);
        }
        (void)snprintf(log, sizeof(log), "cat %s/check", loop->dir);
        (void)fflush(stdout);
        (void)!system(log);
        if (!loop_ended_well(status)) {
            loop_fail(loop, "the checker found faults");
        }
    }
    if (loop->failures == before) {
        loop_remove_dir(loop);
    }
}
