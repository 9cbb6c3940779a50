// SPDX-License-Identifier: Apache-2.0
//
// child.h - another process that a test starts, watches and ends.
//
// Its standard input is a pipe on which nothing is ever said: it ends by itself
// when that is closed, so that none outlives its test. It may say with a first
// line of output that it is ready.
//
// What cannot be done ends this process, with a word about it.

#ifndef WF_TESTS_SUPPORT_CHILD_H
#define WF_TESTS_SUPPORT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid; // 0: there is none
    int alive; // closed when it is to end
};

struct child_options {
    const char *program;     // NULL: this one once more
    const char *const *args; // of its main, from its name to NULL
    // Its output and its errors are added to this file; NULL: ours.
    const char *log;
    // Its first line of output, to be waited for; nobody reads what comes
    // behind that. NULL: it says nothing.
    char *line;
    size_t line_size;
    // In the child, before it becomes the program; may be NULL.
    void (*prepare)(void *ctx);
    void *ctx;
};

// False: it ended before it had said a line; it is still to be ended or killed.
bool child_start(struct child *child, const struct child_options *options);

// It ends by itself, within so many ms; 0: however long it takes. Returns its
// status as waitpid does; -1: it had to be killed.
int child_end(struct child *child, uint32_t ms);
int child_kill(struct child *child); // the same, at once
// Has it ended by itself? Then there is none any more.
bool child_has_ended(struct child *child);

#endif
