// SPDX-License-Identifier: Apache-2.0
//
// repeat.c - a run that fails says how to repeat it. See repeat.h.

#include "sim/repeat.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS};
static struct sigaction before[sizeof(signals) / sizeof(signals[0])];
static char text[1400];
static const struct choices *used;
static const char *kept;

void
repeat_say(void)
{
    const char *path = kept != NULL ? kept : getenv("SIM_KEEP");

    (void)!write(STDERR_FILENO, text, strlen(text));
    text[0] = '\0';
    if (path != NULL && used != NULL) {
        (void)choices_save(used, path);
    }
}

// Whoever had the signal before has it next.
static void
on_signal(int number)
{
    repeat_say();
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (signals[i] == number) {
            (void)sigaction(number, &before[i], NULL);
        }
    }
    (void)raise(number);
}

void
repeat_keep(const char *path)
{
    kept = path;
}

void
repeat_watch(const char *how, const struct choices *choice)
{
    static bool is_watching;
    const struct sigaction action = {.sa_handler = on_signal};
    char path[500];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[len > 0 ? len : 0] = '\0';
    (void)snprintf(text, sizeof(text),
                   "repeat: %s %s\nshrink: SIM_SHRINK=300 %s %s\n", how, path,
                   how, path);
    used = choice;
    if (is_watching) {
        return;
    }
    is_watching = true;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        (void)sigaction(signals[i], &action, &before[i]);
    }
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(repeat_say);
    }
}
