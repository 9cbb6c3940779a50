// SPDX-License-Identifier: Apache-2.0
//
// moment.h - the time, for tests of processes.

#ifndef WF_TESTS_NODES_MOMENT_H
#define WF_TESTS_NODES_MOMENT_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
moment_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void
moment_sleep_ms(uint64_t ms)
{
    const struct timespec moment = {.tv_sec = (time_t)(ms / 1000),
                                    .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&moment, NULL);
}

#endif
