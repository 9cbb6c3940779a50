// SPDX-License-Identifier: Apache-2.0
//
// operator.c - runs `weft cluster`, and looks at what it says.

#include "nodes/operator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define WAIT_MS 60000

static const char *weft;
static char output[65536];
static int failures;

// Run `weft cluster ...`; what it printed, stderr too, is in `output`.
int
operator_run(const char *format, ...)
{
    char line[2048];
    char command[4096];
    va_list args;
    size_t len;
    FILE *out;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    (void)snprintf(command, sizeof(command), "%s cluster %s 2>&1", weft, line);
    out = popen(command, "r");
    if (out == NULL) {
        perror(command);
        exit(1);
    }
    len = fread(output, 1, sizeof(output) - 1, out);
    output[len] = '\0';
    return WEXITSTATUS(pclose(out));
}

void
operator_check(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "not so: %s; weft said:\n%s\n", what, output);
        failures++;
    }
}

bool
operator_says(const char *text)
{
    return strstr(output, text) != NULL;
}

unsigned
operator_count(const char *text)
{
    unsigned count = 0;

    for (const char *at = strstr(output, text); at != NULL;
         at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

// Until `weft cluster status --json` says it.
bool
operator_await(const char *database, const char *text)
{
    const struct timespec moment = {.tv_nsec = 100000000};

    for (int i = 0; i < WAIT_MS / 100; i++) {
        if (operator_run("status '%s' --json", database) == 0 &&
            operator_says(text)) {
            return true;
        }
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

void
operator_init(const char *program)
{
    weft = program;
}

int
operator_failures(void)
{
    return failures;
}
