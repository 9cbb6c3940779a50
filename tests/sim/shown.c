// SPDX-License-Identifier: Apache-2.0
//
// shown.c - runs that somebody asks for in the environment. See shown.h.

#include "sim/shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/run.h"
#include "sim/shrink.h"

#define BYTES_FILE "sim-shrunk.bytes"
#define TRACE_FILE "sim-shrunk.trace"

enum { LINES_SHOWN = 60 };

uint64_t
shown_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void
run(void *ctx, struct choices *choices)
{
    struct run_result result;

    run_choices(ctx, choices, &result);
    (void)printf("hash %016" PRIx64 ", %zu bytes\n", result.hash,
                 choices->work.used.len + choices->world.used.len);
}

// What happened, from a process of its own, since it ends that.
static void
show_trace(void)
{
    static char lines[LINES_SHOWN][400];
    size_t count = 0;
    pid_t child = fork();
    FILE *file;

    if (child == 0) {
        (void)setenv("SIM_TRACE", TRACE_FILE, 1);
        (void)setenv("SIM_BYTES", BYTES_FILE, 1);
        (void)unsetenv("SIM_SHRINK");
        (void)shown_run();
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
    file = fopen(TRACE_FILE, "re");
    while (file != NULL &&
           fgets(lines[count % LINES_SHOWN], sizeof(lines[0]), file) != NULL) {
        count++;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    (void)printf("%zu lines in " TRACE_FILE ", the last of them:\n", count);
    for (size_t i = count < LINES_SHOWN ? 0 : count - LINES_SHOWN; i < count;
         i++) {
        (void)fputs(lines[i % LINES_SHOWN], stdout);
    }
}

static void
run_shrunk(char *how, const struct choices *choices, uint32_t seconds)
{
    struct shrunk shrunk;

    if (shrink(choices, run, how, seconds, &shrunk)) {
        if (!shrink_save(&shrunk, BYTES_FILE)) {
            perror(BYTES_FILE);
        }
        show_trace();
        (void)printf("%s\nshrunk from %zu bytes to %zu and %zu by %" PRIu32
                     " tries; repeat: SIM_BYTES=" BYTES_FILE "\n",
                     shrunk.failure, shrunk.first_len, shrunk.work.len,
                     shrunk.world.len, shrunk.tries);
    } else {
        (void)printf("it does not fail\n");
    }
    shrink_fini(&shrunk);
}

// Those of the environment; false if there are none. Bytes are borrowed.
static bool
find_choices(struct choices *choices, struct wf_buf *bytes, char how[600])
{
    uint64_t seed = shown_number("SIM_SEED", 0);
    const char *path = getenv("SIM_BYTES");

    if (path != NULL) {
        if (!shrink_read(path, bytes)) {
            perror(path);
            exit(2);
        }
        choices_of_bytes(choices, wf_buf_bytes(bytes));
        (void)snprintf(how, 600, "SIM_BYTES=%s", path);
    } else if (seed != 0) {
        choices_of_seed(choices, seed);
        (void)snprintf(how, 600, "SIM_SEED=%" PRIu64, seed);
    }
    return path != NULL || seed != 0;
}

bool
shown_run(void)
{
    uint32_t seconds = (uint32_t)shown_number("SIM_SHRINK", 0);
    struct wf_buf bytes = {0};
    struct choices choices;
    char how[600];

    if (!find_choices(&choices, &bytes, how)) {
        return false;
    }
    if (seconds > 0) {
        run_shrunk(how, &choices, seconds);
    } else {
        run(how, &choices);
    }
    choices_fini(&choices);
    wf_buf_fini(&bytes);
    return true;
}
