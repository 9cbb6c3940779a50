// SPDX-License-Identifier: Apache-2.0
//
// test_timers.c - the checker of timers sees what is early, late, doubled, lost
// or was cleared.

#include "history/timers.h"

#include "support/test.h"

enum { BOUND_MS = 10, END_MS = 1000 };

static struct history history;

static void
add(enum history_type type, uint64_t at, uint64_t op, int64_t due)
{
    history_add(&history,
                (struct history_event){
                    .at = at, .type = type, .object = 1, .op = op, .a = due});
}

#define SET(at, op, due) add(HISTORY_TIMER_SET, at, op, due)
#define CLEAR(at, op) add(HISTORY_TIMER_CLEAR, at, op, 0)
#define FIRE(at, op) add(HISTORY_TIMER_FIRE, at, op, 0)
#define QUIET(at) add(HISTORY_QUIET, at, 0, 0)
#define STORM(at) add(HISTORY_STORM, at, 0, 0)

static size_t
faults(void)
{
    struct history_faults faults = {0};

    timers_check(&history, BOUND_MS, END_MS, &faults);
    history_fini(&history);
    return faults.count;
}

TEST(timers, those_that_fire_once_in_time_are_no_fault)
{
    SET(100, 1, 150), FIRE(150, 1);
    SET(100, 2, 150), FIRE(900, 2); // late, but who knows why
    SET(100, 3, 150), CLEAR(120, 3);
    SET(100, 4, 5000);
    QUIET(895), STORM(990);
    CHECK_EQ(faults(), 0);
}

TEST(timers, an_early_one_is_seen)
{
    SET(100, 1, 150), FIRE(149, 1);
    CHECK_EQ(faults(), 1);
}

TEST(timers, a_doubled_one_is_seen)
{
    SET(100, 1, 150), FIRE(150, 1), FIRE(151, 1);
    CHECK_EQ(faults(), 1);
}

TEST(timers, one_that_was_cleared_or_never_set_is_seen)
{
    SET(100, 1, 150), CLEAR(120, 1), FIRE(150, 1);
    CHECK_EQ(faults(), 1);
    FIRE(150, 2);
    CHECK_EQ(faults(), 1);
    CHECK_EQ((SET(100, 1, 150), SET(110, 1, 160), FIRE(160, 1), faults()), 1);
}

TEST(timers, a_lost_one_is_seen)
{
    SET(100, 1, 150), QUIET(500);
    CHECK_EQ(faults(), 1);
    SET(100, 1, 150), QUIET(500), STORM(509); // not long enough to tell
    CHECK_EQ(faults(), 0);
}

TEST(timers, a_late_one_is_seen_in_quiet_times_only)
{
    QUIET(100), SET(100, 1, 150), FIRE(161, 1), STORM(400);
    CHECK_EQ(faults(), 1);
    QUIET(100), SET(100, 1, 150), FIRE(160, 1), STORM(400);
    CHECK_EQ(faults(), 0);
    SET(100, 1, 150), FIRE(161, 1);
    CHECK_EQ(faults(), 0);
    SET(100, 1, 150), QUIET(200), FIRE(211, 1); // overdue when it became quiet
    CHECK_EQ(faults(), 1);
    SET(100, 1, 150), QUIET(200), FIRE(210, 1);
    CHECK_EQ(faults(), 0);
}

TEST(timers, one_of_another_object_is_seen)
{
    SET(100, 1, 150);
    history_add(&history, (struct history_event){.at = 150,
                                                 .type = HISTORY_TIMER_FIRE,
                                                 .object = 2,
                                                 .op = 1});
    CHECK_EQ(faults(), 1);
}
