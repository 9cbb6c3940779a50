// SPDX-License-Identifier: Apache-2.0
//
// rig.c - a directory, a node on it, and counters to see what is left of them.

#include "crash/rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/counter.h"
#include "support/test.h"

static void
log_line(void *ctx, const char *line)
{
    (void)ctx;
    if (getenv("RIG_LOG") != NULL) {
        (void)fprintf(stderr, "%s\n", line);
    }
}

void
rig_init(struct rig *rig, const char *dir)
{
    *rig = (struct rig){.dir = dir};
    rig->options = (weft_node_options)WEFT_NODE_OPTIONS_INIT;
    rig->options.data_dir = dir;
    rig->options.partition_count = 4;
    rig->options.shard_count = 2;
    rig->options.worker_count = 2;
    rig->options.log = log_line;
    CHECK_OK(weft_definitions_create(&rig->definitions));
    CHECK_OK(counter_define(rig->definitions));
    rig->options.definitions = rig->definitions;
}

void
rig_fini(struct rig *rig)
{
    rig_close(rig);
    weft_definitions_destroy(rig->definitions);
}

weft_err
rig_try_open(struct rig *rig)
{
    weft_err err = weft_node_open(&rig->options, &rig->node);

    return err == WEFT_OK ? weft_client_open(rig->node, NULL, &rig->client)
                          : err;
}

void
rig_open(struct rig *rig)
{
    CHECK_OK(rig_try_open(rig));
}

void
rig_close(struct rig *rig)
{
    weft_client_close(rig->client);
    weft_node_close(rig->node);
    rig->client = NULL;
    rig->node = NULL;
}

void
rig_refused(struct rig *rig, weft_err err, const char *detail)
{
    CHECK_ERR(rig_try_open(rig), err);
    if (strstr(weft_err_detail(), detail) == NULL) {
        CHECK_STR(weft_err_detail(), detail);
    }
}

static void
name_counter(uint32_t counter, char id[16])
{
    (void)snprintf(id, 16, "c%u", counter);
}

weft_err
rig_add(struct rig *rig, uint32_t times)
{
    weft_err err = WEFT_OK;
    char id[16];

    for (uint32_t i = 0; i < times; i++) {
        for (uint32_t k = 0; err == WEFT_OK && k < RIG_COUNTERS; k++) {
            name_counter(k, id);
            err = counter_add(rig->client, id);
        }
    }
    return err;
}

weft_err
rig_read(struct rig *rig, uint32_t counter, uint64_t *out_value)
{
    char id[16];

    name_counter(counter, id);
    return counter_read(rig->client, id, out_value);
}

uint64_t
rig_sum(struct rig *rig)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < RIG_COUNTERS; i++) {
        uint64_t value;
        weft_err err = rig_read(rig, i, &value);

        if (err != WEFT_ENOTFOUND) {
            CHECK_OK(err);
        }
        sum += value;
    }
    return sum;
}

void
rig_shell(const char *format, ...)
{
    char command[2100];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    CHECK_EQ(system(command), 0);
}

// Other processes. ----------------------------------------------------------

int
rig_run(const char *name, const char *life)
{
    char *args[] = {(char *)(uintptr_t) "/proc/self/exe",
                    (char *)(uintptr_t)name, NULL};
    posix_spawn_file_actions_t actions;
    int status = 0;
    pid_t pid;

    CHECK_EQ(setenv("RIG_LIFE", life, 1), 0);
    CHECK_EQ(posix_spawn_file_actions_init(&actions), 0);
    for (int fd = 1; fd <= 2; fd++) {
        CHECK_EQ(posix_spawn_file_actions_addopen(&actions, fd, "/dev/null",
                                                  O_WRONLY, 0),
                 0);
    }
    CHECK_EQ(posix_spawn(&pid, args[0], &actions, NULL, args, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    CHECK_EQ(unsetenv("RIG_LIFE"), 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static int
run_life(const struct rig *rig, const char *what, uint32_t times)
{
    char life[600];

    (void)snprintf(life, sizeof(life), "%s %u %u %u %s", what, times,
                   rig->options.store_count, rig->options.partition_count,
                   rig->dir);
    return rig_run("rig.life", life);
}

static _Noreturn void
die(struct rig *rig, uint32_t times)
{
    const struct timespec while_beacon = {.tv_nsec = 400000000};

    if (rig_try_open(rig) != WEFT_OK || rig_add(rig, times) != WEFT_OK) {
        _exit(1);
    }
    (void)nanosleep(&while_beacon, NULL);
    (void)kill(getpid(), SIGKILL);
    _exit(1);
}

// Does nothing unless it is run by another test.
TEST(rig, life)
{
    const char *life = getenv("RIG_LIFE");
    char what[16];
    char dir[500];
    unsigned times;
    unsigned stores;
    unsigned partitions;
    struct rig rig;

    if (life == NULL) {
        return;
    }
    CHECK_EQ(sscanf(life, "%15s %u %u %u %499s", what, &times, &stores,
                    &partitions, dir),
             5);
    rig_init(&rig, dir);
    rig.options.store_count = stores;
    rig.options.partition_count = partitions;
    if (strcmp(what, "die") == 0) {
        die(&rig, times);
    }
    _exit((int)rig_try_open(&rig));
}

void
rig_die(struct rig *rig, uint32_t times)
{
    int status = run_life(rig, "die", times);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

weft_err
rig_open_elsewhere(struct rig *rig)
{
    int status = run_life(rig, "open", 0);

    CHECK(WIFEXITED(status));
    return (weft_err)WEXITSTATUS(status);
}

// Prints. -------------------------------------------------------------------

static uint64_t sum_of_prints;

static bool
is_of_interest(const char *name)
{
    return strncmp(name, "LOG", 3) != 0 && strcmp(name, "LOCK") != 0 &&
           strcmp(name, "weft.lock") != 0 && strcmp(name, "blackbox") != 0;
}

static int
print_file(const char *path, const struct stat *status, int type,
           struct FTW *place)
{
    uint64_t hash = 14695981039346656037U;
    FILE *file;
    int c;

    (void)status;
    if (type != FTW_F || !is_of_interest(path + place->base)) {
        return 0;
    }
    for (const char *at = path; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * 1099511628211U;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        return 1;
    }
    while ((c = getc(file)) != EOF) {
        hash = (hash ^ (uint8_t)c) * 1099511628211U;
    }
    (void)fclose(file);
    sum_of_prints += hash;
    return 0;
}

uint64_t
rig_print(const struct rig *rig)
{
    sum_of_prints = 0;
    CHECK_EQ(nftw(rig->dir, print_file, 16, FTW_PHYS), 0);
    return sum_of_prints;
}
