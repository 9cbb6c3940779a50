// SPDX-License-Identifier: Apache-2.0
//
// ledger.h - append-only files of lines that survive SIGKILL.
//
// A line is LEDGER_LINE bytes, filled with spaces, and written by one write. It
// never crosses a page, which is where the kernel would let a kill cut it.
//
// Of each client, "ledger-N":
//   S pid                            a process begins
//   R number T seq from to amount    is about to ask: transfer, as a signal
//   R number Q seq from to amount    the same, and wants an answer
//   R number J index                 start a job
//   R number G index seq             signal to a job
//   A number err                     was answered
//   B number err                     was refused: nothing happened
//   N number number                  asks the same again, under a new number
//   U number err                     outcome unknown; asks again, same number
//   F index err result               a job's result was given
//   X text                           an answer was wrong
//
// Of all, "effects":  key attempt name       an activity or a step ran
//         "tokens-done":  index err          a deferred activity was completed
// "tokens" has a longer line: token value failure.

#ifndef WF_TESTS_CRASH_LEDGER_H
#define WF_TESTS_CRASH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#define LEDGER_LINE 128
#define LEDGER_TOKEN_LINE 2048

// Ends the process if it cannot be opened.
int ledger_open(const char *dir, const char *name);
// Ends the process if it cannot be written: what follows would be a lie.
__attribute__((format(printf, 3, 4))) void
ledger_write(int fd, size_t line_size, const char *format, ...);

// Calls fn for each line, from the first-th on, without its spaces and newline.
// A file that is not there has no lines.
typedef void ledger_fn(void *ctx, char *line);
void ledger_each(const char *dir, const char *name, size_t line_size,
                 size_t first, ledger_fn *fn, void *ctx);

#endif
