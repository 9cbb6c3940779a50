// SPDX-License-Identifier: Apache-2.0
//
// timers.c - every timer fires once, not early, and in quiet times not late.

#include "history/timers.h"

#include <inttypes.h>
#include <stdlib.h>

struct timer {
    uint64_t due_ms;
    uint64_t set_ms;
    uint64_t fired_ms;
    uint64_t op;
    uint32_t object;
    bool is_set;
    bool is_cleared;
    bool has_fired;
};

struct timers {
    struct history_map map;
    struct timer *all;
    struct history_faults *faults;
};

static void
set(struct timers *timers, const struct history_event *event)
{
    struct timer *timer =
        &timers->all[history_map_put(&timers->map, event->op)];

    if (timer->is_set) {
        history_fault(timers->faults, "timer %" PRIu64 " was set twice",
                      event->op);
    }
    *timer = (struct timer){.op = event->op,
                            .object = event->object,
                            .is_set = true,
                            .set_ms = event->at,
                            .due_ms = (uint64_t)event->a};
}

static void
fire(struct timers *timers, const struct history_event *event)
{
    struct timer *timer =
        &timers->all[history_map_put(&timers->map, event->op)];
    const char *what = NULL;

    if (!timer->is_set || timer->object != event->object) {
        what = "was never set there";
    } else if (timer->has_fired) {
        what = "has fired before";
    } else if (timer->is_cleared) {
        what = "was cleared before";
    } else if (event->at < timer->due_ms) {
        what = "is early";
    }
    if (what != NULL) {
        history_fault(timers->faults,
                      "timer %" PRIu64 " of %" PRIu32 " fired at %" PRIu64
                      ", due %" PRIu64 ": it %s",
                      event->op, event->object, event->at, timer->due_ms, what);
    }
    timer->has_fired = true;
    timer->fired_ms = event->at;
}

static void
clear(struct timers *timers, const struct history_event *event)
{
    struct timer *timer =
        &timers->all[history_map_put(&timers->map, event->op)];

    timer->is_cleared = true;
}

// When it must have fired at the latest, for a quiet time that begins then.
static uint64_t
deadline_of(const struct timer *timer, uint64_t quiet_ms, uint64_t bound_ms)
{
    uint64_t from = timer->due_ms > quiet_ms ? timer->due_ms : quiet_ms;

    return from > UINT64_MAX - bound_ms ? UINT64_MAX : from + bound_ms;
}

static void
check_quiet(const struct timers *timers, uint64_t from_ms, uint64_t to_ms,
            uint64_t bound_ms)
{
    for (uint32_t i = 0; i < timers->map.count; i++) {
        const struct timer *timer = &timers->all[i];
        uint64_t deadline = deadline_of(timer, from_ms, bound_ms);

        if (!timer->is_set || deadline >= to_ms || timer->set_ms > from_ms) {
            continue;
        }
        if (timer->has_fired && timer->fired_ms > deadline) {
            history_fault(timers->faults,
                          "timer %" PRIu64 " of %" PRIu32 ", due %" PRIu64
                          ", fired at %" PRIu64 ", in a quiet time",
                          timer->op, timer->object, timer->due_ms,
                          timer->fired_ms);
        } else if (!timer->has_fired && !timer->is_cleared) {
            history_fault(timers->faults,
                          "timer %" PRIu64 " of %" PRIu32 ", due %" PRIu64
                          ", has not fired",
                          timer->op, timer->object, timer->due_ms);
        }
    }
}

void
timers_check(const struct history *history, uint64_t bound_ms, uint64_t end_ms,
             struct history_faults *faults)
{
    struct timers timers = {.faults = faults};
    uint64_t quiet_ms = 0;
    bool is_quiet = false;

    timers.all = history_alloc(history->count, sizeof(*timers.all));
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];

        if (event->type == HISTORY_TIMER_SET) {
            set(&timers, event);
        } else if (event->type == HISTORY_TIMER_CLEAR) {
            clear(&timers, event);
        } else if (event->type == HISTORY_TIMER_FIRE) {
            fire(&timers, event);
        }
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];

        if (event->type == HISTORY_QUIET) {
            is_quiet = true;
            quiet_ms = event->at;
        } else if (event->type == HISTORY_STORM && is_quiet) {
            is_quiet = false;
            check_quiet(&timers, quiet_ms, event->at, bound_ms);
        }
    }
    if (is_quiet) {
        check_quiet(&timers, quiet_ms, end_ms, bound_ms);
    }
    free(timers.all);
    history_map_fini(&timers.map);
}
