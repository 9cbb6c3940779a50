// SPDX-License-Identifier: Apache-2.0
//
// load.c - time and memory of this process. See load.h.

#include "load/load.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/counter.h"

#define COUNT_NS_MAX 60000000000U

uint64_t
load_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void
load_sleep_until(uint64_t ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(ns / 1000000000U),
        .tv_nsec = (long)(ns % 1000000000U),
    };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
           EINTR) {
    }
}

void
load_sleep_ms(uint64_t ms)
{
    load_sleep_until(load_now_ns() + ms * 1000000U);
}

uint64_t
load_rss_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long long pages = 0;

    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1) {
        (void)fprintf(stderr, "/proc/self/statm cannot be read\n");
        exit(2);
    }
    (void)fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
load_heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

void
load_must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", what, weft_err_name(err),
                      weft_err_detail());
        exit(2);
    }
}

uint64_t
load_count(weft_client *client, const char *id, uint64_t least)
{
    uint64_t until_ns = load_now_ns() + COUNT_NS_MAX;
    uint64_t value = 0;
    weft_err err;

    do {
        err = counter_read(client, id, &value);
        if (err != WEFT_ENOTFOUND) { // nothing was acknowledged
            load_must(err, id);
        }
        if (value >= least) {
            return value;
        }
        load_sleep_ms(20);
    } while (load_now_ns() < until_ns);
    return value;
}

void
load_result(const char *what, uint64_t runs, uint64_t faults, const char *note)
{
    (void)printf("RESULT\t%s\t%" PRIu64 "\t%" PRIu64 "\t%s\n", what, runs,
                 faults, note);
    (void)fflush(stdout);
}
