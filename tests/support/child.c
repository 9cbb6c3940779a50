// SPDX-License-Identifier: Apache-2.0
//
// child.c - another process that a test starts, watches and ends.
//
// It is a program anew, not only forked: only a program's beginning has no
// threads for sure, which ThreadSanitizer wants of one that makes some.

#include "support/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 10

static _Noreturn void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static _Noreturn void
become(const struct child_options *options, int in, int out)
{
    const char *program =
        options->program == NULL ? "/proc/self/exe" : options->program;

    (void)dup2(in, STDIN_FILENO);
    if (options->log != NULL) {
        int log = open(options->log, O_WRONLY | O_CREAT | O_APPEND, 0644);

        (void)dup2(log, STDOUT_FILENO);
        (void)dup2(log, STDERR_FILENO);
    }
    if (out >= 0) {
        (void)dup2(out, STDOUT_FILENO);
    }
    if (options->prepare != NULL) {
        options->prepare(options->ctx);
    }
    (void)execv(program, (char **)(uintptr_t)options->args);
    _exit(127);
}

// Without its end. False: there is none.
static bool
read_line(int fd, char *out_line, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, out_line + len, 1);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        if (out_line[len] == '\n') {
            out_line[len] = '\0';
            return true;
        }
        len++;
    }
    out_line[0] = '\0';
    return false;
}

bool
child_start(struct child *child, const struct child_options *options)
{
    bool has_line = true;
    int in[2];
    int out[2] = {-1, -1};

    // Not for others that are started later.
    if (pipe2(in, O_CLOEXEC) != 0 ||
        (options->line != NULL && pipe2(out, O_CLOEXEC) != 0)) {
        fail("pipe");
    }
    child->pid = fork();
    if (child->pid == 0) {
        become(options, in[0], out[1]);
    }
    if (child->pid < 0) {
        fail("fork");
    }
    (void)close(in[0]);
    child->alive = in[1];
    if (options->line != NULL) {
        (void)close(out[1]);
        has_line = read_line(out[0], options->line, options->line_size);
        (void)close(out[0]);
    }
    return has_line;
}

// There is none any more.
static void
forget(struct child *child)
{
    if (child->alive >= 0) {
        (void)close(child->alive);
    }
    *child = (struct child){.alive = -1};
}

static int
await(const struct child *child)
{
    int status = 0;

    while (waitpid(child->pid, &status, 0) != child->pid) {
        if (errno != EINTR) {
            fail("waitpid");
        }
    }
    return status;
}

int
child_kill(struct child *child)
{
    int status;

    if (kill(child->pid, SIGKILL) != 0) {
        fail("kill");
    }
    status = await(child);
    forget(child);
    return status;
}

static bool
has_ended(const struct child *child, int *out_status)
{
    return waitpid(child->pid, out_status, WNOHANG) == child->pid;
}

int
child_end(struct child *child, uint32_t ms)
{
    const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
    int status = 0;

    (void)close(child->alive);
    child->alive = -1;
    if (ms == 0) {
        status = await(child);
        forget(child);
        return status;
    }
    for (uint32_t i = 0; i < ms / LOOK_MS; i++) {
        if (has_ended(child, &status)) {
            forget(child);
            return status;
        }
        (void)nanosleep(&moment, NULL);
    }
    (void)child_kill(child);
    return -1;
}

bool
child_has_ended(struct child *child)
{
    int status;
    bool is_so = has_ended(child, &status);

    if (is_so) {
        forget(child);
    }
    return is_so;
}
