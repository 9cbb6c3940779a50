// SPDX-License-Identifier: Apache-2.0
//
// phase.c - a part of a measurement in a process of its own.

#include "bench/phase.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "bench/bench.h"

static int told_fd = -1; // in a child

void
phase_tell(const void *result, size_t result_len)
{
    if (told_fd >= 0) {
        for (size_t at = 0; at < result_len;) {
            ssize_t len =
                write(told_fd, (const char *)result + at, result_len - at);

            if (len <= 0) {
                _exit(1); // nobody waits for it any more
            }
            at += (size_t)len;
        }
        (void)close(told_fd);
        told_fd = -1;
    }
}

static void
run_child(struct bench *bench, phase_fn *fn, void *result, size_t result_len)
{
    weft_err err;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    err = fn(bench, result);
    if (err != WEFT_OK) {
        bench_complain(err);
        _exit(1);
    }
    phase_tell(result, result_len);
    _exit(0);
}

weft_err
phase_begin(struct phase *phase, struct bench *bench, phase_fn *fn,
            void *result, size_t result_len)
{
    int ends[2];

    if (pipe(ends) != 0) {
        return wf_error(WEFT_EIO, "the system gives no pipe");
    }
    (void)fflush(stdout);
    phase->pid = fork();
    if (phase->pid == 0) {
        (void)close(ends[0]);
        told_fd = ends[1];
        run_child(bench, fn, result, result_len);
    }
    (void)close(ends[1]);
    phase->fd = ends[0];
    if (phase->pid < 0) {
        (void)close(ends[0]);
        return wf_error(WEFT_EIO, "the system gives no process");
    }
    return WEFT_OK;
}

weft_err
phase_wait(struct phase *phase, void *result, size_t result_len)
{
    size_t at = 0;
    ssize_t len = 1;

    while (at < result_len && len > 0) {
        len = read(phase->fd, (char *)result + at, result_len - at);
        at += len > 0 ? (size_t)len : 0;
    }
    (void)close(phase->fd);
    return at == result_len
               ? WEFT_OK
               : wf_error(WEFT_EFAILED, "a part of it ended early");
}

void
phase_end(struct phase *phase, int is_killed)
{
    if (is_killed) {
        (void)kill(phase->pid, SIGKILL);
    }
    (void)waitpid(phase->pid, NULL, 0);
}
