// SPDX-License-Identifier: Apache-2.0
//
// clock.c - the system's clocks, and wall time that never goes back.
//
// A steady clock has one rule: while the wall clock is at or after the last
// answer, it is the answer; while it is before, the last answer grows by what
// the monotonic clock says has passed. Whole milliseconds are taken off the
// monotonic clock and the rest is kept for the next call, so that asking often
// does not slow time down.
//
// Threads: wf_clock_system from any; one wf_steady, one thread.

#include "base/clock.h"

#include <time.h>

#include "base/assert.h"

static uint64_t
read_clock_ns(clockid_t id)
{
    struct timespec now;

    WF_ASSERT(clock_gettime(id, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t
system_wall_ms(void *self)
{
    (void)self;
    return read_clock_ns(CLOCK_REALTIME) / 1000000U;
}

static uint64_t
system_mono_ns(void *self)
{
    (void)self;
    return read_clock_ns(CLOCK_BOOTTIME);
}

struct wf_clock
wf_clock_system(void)
{
    return (struct wf_clock){
        .wall_ms = system_wall_ms,
        .mono_ns = system_mono_ns,
    };
}

void
wf_steady_init(struct wf_steady *steady, struct wf_clock clock,
               uint64_t not_before_ms)
{
    uint64_t wall_ms = clock.wall_ms(clock.self);

    steady->clock = clock;
    steady->now_ms = wall_ms > not_before_ms ? wall_ms : not_before_ms;
    steady->mono_ns = clock.mono_ns(clock.self);
}

uint64_t
wf_steady_now_ms(struct wf_steady *steady)
{
    uint64_t wall_ms = steady->clock.wall_ms(steady->clock.self);
    uint64_t mono_ns = steady->clock.mono_ns(steady->clock.self);
    uint64_t passed_ms;

    WF_ASSERT(mono_ns >= steady->mono_ns || wall_ms >= steady->now_ms);
    if (wall_ms >= steady->now_ms) {
        steady->now_ms = wall_ms;
        steady->mono_ns = mono_ns;
    } else {
        passed_ms = (mono_ns - steady->mono_ns) / 1000000U;
        steady->now_ms += passed_ms;
        steady->mono_ns += passed_ms * 1000000U;
    }
    return steady->now_ms;
}
