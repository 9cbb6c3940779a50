// SPDX-License-Identifier: Apache-2.0
//
// clock.h - what time it is. A seam: wf_clock_system is the real one, tests
// and the simulator pass their own.

#ifndef WF_BASE_CLOCK_H
#define WF_BASE_CLOCK_H

#include <stdint.h>

struct wf_clock {
    uint64_t (*wall_ms)(void *self); // since 1970; may jump either way
    uint64_t (*mono_ns)(void *self); // never goes back; counts suspend too
    void *self;
};

// CLOCK_REALTIME and CLOCK_BOOTTIME.
struct wf_clock wf_clock_system(void);

// Wall time that never goes back: it follows the wall clock forward, and when
// that jumps back it goes on at the pace of the monotonic clock until the wall
// clock has caught up. So a backward jump fires nothing twice and delays
// nothing; a forward jump makes what it passes over due.
struct wf_steady {
    struct wf_clock clock;
    uint64_t now_ms;  // last answer
    uint64_t mono_ns; // when it was given
};

// Answers begin no earlier than not_before_ms.
void wf_steady_init(struct wf_steady *steady, struct wf_clock clock,
                    uint64_t not_before_ms);
uint64_t wf_steady_now_ms(struct wf_steady *steady);

#endif
