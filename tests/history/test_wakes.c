// SPDX-License-Identifier: Apache-2.0
//
// test_wakes.c - the checker of sleepers sees those that nothing will wake.

#include "history/wakes.h"

#include "support/test.h"

static const struct wakes_call calls[] = {{"job/child", true}};
static const struct wakes_call questions[] = {{"cell/c", false}};

static struct wakes_actor
job(const char *name)
{
    return (struct wakes_actor){
        .name = name, .parent = "", .is_running = true, .is_sequential = true};
}

static size_t
faults_of(const struct wakes_actor *actors, size_t count, uint64_t under_way)
{
    struct history_faults faults = {0};

    wakes_check(actors, count, under_way, &faults);
    return faults.count;
}

TEST(wakes, each_thing_to_wait_for_is_enough)
{
    struct wakes_actor all[7] = {job("job/a"), job("job/b"), job("job/c"),
                                 job("job/d"), job("job/e"), job("job/f"),
                                 job("job/g")};

    all[0].mailbox = 1;
    all[1].timers = 1;
    all[2].activities = 1;
    all[3].receives = 1;
    all[4].has_alarm = true;
    all[5].is_held = true;
    all[6].is_running = false;
    CHECK_EQ(faults_of(all, 7, 0), 0);
}

TEST(wakes, an_actor_with_handlers_may_rest)
{
    struct wakes_actor actor = job("cell/a");

    actor.is_sequential = false;
    CHECK_EQ(faults_of(&actor, 1, 0), 0);
}

TEST(wakes, one_that_waits_for_nothing_is_seen)
{
    struct wakes_actor all[2] = {job("job/a"), job("job/b")};

    all[0].timers = 1;
    CHECK_EQ(faults_of(all, 2, 0), 1);
    CHECK_EQ(faults_of(all, 2, 9), 1); // what is under way is not for it
}

TEST(wakes, a_child_that_runs_will_answer)
{
    struct wakes_actor all[2] = {job("job/a"), job("job/child")};

    all[0].calls = calls;
    all[0].calls_count = 1;
    all[1].parent = "job/a";
    all[1].timers = 1;
    CHECK_EQ(faults_of(all, 2, 0), 0);
}

TEST(wakes, a_child_that_is_gone_or_is_anothers_is_seen)
{
    struct wakes_actor all[2] = {job("job/a"), job("job/child")};

    all[0].calls = calls;
    all[0].calls_count = 1;
    CHECK(faults_of(all, 1, 0) > 0);
    CHECK_EQ(faults_of(all, 1, 1), 0); // its start, or its answer, is under way
    all[1].timers = 1;
    all[1].parent = "job/x";
    CHECK(faults_of(all, 2, 0) > 0);
    all[1].parent = "job/a";
    all[1].is_running = false;
    CHECK(faults_of(all, 2, 0) > 0);
    all[0].timers = 1; // something wakes it, but not what it waits for
    CHECK_EQ(faults_of(all, 2, 0), 1);
}

TEST(wakes, a_question_is_answered_by_one_that_runs)
{
    struct wakes_actor all[2] = {job("job/a"), job("cell/c")};

    all[0].calls = questions;
    all[0].calls_count = 1;
    all[1].is_sequential = false;
    CHECK_EQ(faults_of(all, 2, 0), 0);
    all[1].is_running = false;
    CHECK(faults_of(all, 2, 0) > 0);
    all[1].mailbox = 1;
    CHECK_EQ(faults_of(all, 2, 0), 0);
}
