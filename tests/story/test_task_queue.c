// SPDX-License-Identifier: Apache-2.0
//
// Activities of a task queue: offered, leased by workers, completed by them;
// and what becomes of them when a worker, a poller or the queue is lost.

#include <stdio.h>
#include <string.h>

#include "story/caller.h"
#include "story/taker.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

// A whole life. ---------------------------------------------------------------

static void
tell_life(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;
    struct world_call *lease;

    taker_init(&worker, "q", "one");
    taker_call("a");
    story_wait_ms(1000);
    CHECK(taker_activity("a")->is_offered);
    CHECK(!taker_activity("a")->is_running);
    CHECK_STR(taker_activity("a")->task_queue, "q");
    CHECK_EQ(taker_count("depth"), 1);
    offer = taker_take(&worker);
    CHECK_STR(offer->activity, "work");
    lease = taker_do(&worker, WEFT_VERB_LEASE, offer, NULL);
    CHECK_OK(lease->err); // repeated, it is answered the same
    CHECK_STR(lease->lease.activity, "work");
    CHECK_STR(lease->lease_input, "in");
    CHECK_STR(lease->lease.caller_id, "default/caller/a");
    CHECK_EQ(strlen(lease->lease.key), 32);
    CHECK_EQ(lease->lease.lease_ms, 5000);
    CHECK_EQ(lease->lease.timeouts.start_to_close_ms, 60000);
    CHECK_EQ(lease->lease.deadline_ms, lease->lease.leased_at_ms + 60000);
    CHECK(taker_activity("a")->is_running);
    CHECK(!taker_activity("a")->is_offered);
    CHECK_STR(taker_activity("a")->worker, "one");
    taker_finish(&worker, offer, "a");
    CHECK_ERR(taker_do(&worker, WEFT_VERB_LEASE, offer, NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(taker_poll(&worker, 0, 0), 0);
    CHECK_EQ(taker_count("depth") + taker_count("handed"), 0);
    if (story->is_calm) {
        CHECK_EQ(lease->lease.attempt, 1);
        CHECK_EQ(taker_count("pollers"), 1);
    }
}

TEST(task_queue, an_attempt_is_offered_leased_and_completed)
{
    story_run(taker_definitions, tell_life);
}

// The first of both times that a worker has; 0: as long as it likes.
static const struct {
    uint64_t attempt_ms; // start_to_close
    uint64_t all_ms;     // schedule_to_close
    uint64_t most_ms;    // from the lease on
} deadlines[] = {
    {60000, 10000, 10000},           {10000, 60000, 10000},
    {WEFT_FOREVER, 9000, 9000},      {9000, WEFT_FOREVER, 9000},
    {WEFT_FOREVER, WEFT_FOREVER, 0},
};

static void
tell_deadlines(struct story *story)
{
    struct taker worker;

    (void)story;
    taker_init(&worker, "q", "one");
    for (size_t i = 0; i < sizeof(deadlines) / sizeof(*deadlines); i++) {
        const struct taker_offer *offer;
        const weft_lease *lease;
        char id[24];

        (void)snprintf(id, sizeof(id), "%zu", i);
        call_options.timeouts.start_to_close_ms = deadlines[i].attempt_ms;
        call_options.timeouts.schedule_to_close_ms = deadlines[i].all_ms;
        taker_call(id);
        offer = taker_take(&worker);
        lease = &taker_do(&worker, WEFT_VERB_LEASE, offer, NULL)->lease;
        if (deadlines[i].most_ms == 0) {
            CHECK_EQ(lease->deadline_ms, 0);
        } else {
            CHECK(lease->deadline_ms > lease->leased_at_ms);
            CHECK(lease->deadline_ms <=
                  lease->leased_at_ms + deadlines[i].most_ms);
        }
        CHECK_EQ(lease->timeouts.start_to_close_ms,
                 deadlines[i].attempt_ms == WEFT_FOREVER
                     ? 0
                     : deadlines[i].attempt_ms);
        taker_finish(&worker, offer, id);
    }
}

TEST(task_queue, a_lease_tells_the_first_time_that_is_over)
{
    story_run_once(taker_definitions, tell_deadlines);
}

static void
tell_waiting(struct story *story)
{
    struct taker one;
    struct taker two;
    struct world_call *first;
    struct world_call *second;

    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    first = taker_begin_poll(&one, 8, 20000);
    second = taker_begin_poll(&two, 8, 20000);
    story_wait_ms(5000);
    CHECK(!first->is_answered && !second->is_answered);
    CHECK_EQ(taker_count("waiting"), 2);
    taker_call("a");
    story_wait_ms(2000);
    taker_call("b");
    story_wait_ms(2000);
    CHECK(first->is_answered && second->is_answered);
    CHECK_EQ(taker_end_poll(&one, first), 1);
    CHECK_EQ(taker_end_poll(&two, second), 1);
    CHECK_EQ(taker_count("handed"), 2);
    CHECK_EQ(taker_poll(&one, 1, 2000), 0); // there is no other
    (void)story;
}

TEST(task_queue, polls_wait_for_offers_and_get_one_each)
{
    story_run(taker_definitions, tell_waiting);
}

// What is lost. ---------------------------------------------------------------

static void
tell_worker_death(struct story *story)
{
    struct taker dead;
    struct taker other;
    const struct taker_offer *offer;
    struct world_call *lease;
    char key[64];

    (void)story;
    call_options.retry.maximum_attempts = 1; // one that is lost does not count
    taker_init(&dead, "q", "dead");
    taker_init(&other, "q", "other");
    taker_call("a");
    offer = taker_take(&dead);
    lease = taker_do(&dead, WEFT_VERB_LEASE, offer, NULL);
    (void)snprintf(key, sizeof(key), "%s", lease->lease.key);
    story_wait_ms(3000);
    CHECK_OK(taker_do(&dead, WEFT_VERB_RENEW, offer, NULL)->err);
    story_wait_ms(3000);
    CHECK_OK(taker_do(&dead, WEFT_VERB_HEARTBEAT, offer, "half")->err);
    story_wait_ms(3000);
    CHECK(taker_activity("a")->is_running);
    story_wait_ms(2500);
    CHECK(!taker_activity("a")->is_running);
    CHECK_ERR(taker_do(&dead, WEFT_VERB_RENEW, offer, NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(taker_do(&dead, WEFT_VERB_COMPLETE, offer, "late")->err,
              WEFT_ENOTFOUND);
    offer = taker_take(&other);
    lease = taker_do(&other, WEFT_VERB_LEASE, offer, NULL);
    CHECK_STR(lease->lease.key, key);
    CHECK_STR(lease->lease_details, "half");
    CHECK_EQ(lease->lease.attempt, 2);
    CHECK_ERR(taker_do(&dead, WEFT_VERB_LEASE, offer, NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(taker_activity("a")->lost, 1);
    taker_finish(&other, offer, "a");
}

TEST(task_queue, a_worker_that_dies_loses_its_lease_and_another_goes_on)
{
    story_run_calm(taker_definitions, tell_worker_death);
}

static void
tell_recovery(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    (void)story;
    taker_init(&worker, "q", "one");
    taker_call("a");
    taker_call("b");
    offer = taker_take(&worker);
    for (int i = 0; i < 4; i++) {
        story_wait_ms(4000);
        story_crash(); // the lease counts from here
    }
    CHECK_OK(taker_do(&worker, WEFT_VERB_RENEW, offer, NULL)->err);
    CHECK_OK(taker_do(&worker, WEFT_VERB_COMPLETE, offer, "done")->err);
    offer = taker_take(&worker);
    taker_finish(&worker, offer, "a");
    CHECK_RESULT("caller", "b", "done");
}

TEST(task_queue, offers_and_leases_outlive_their_node)
{
    story_run_calm(taker_definitions, tell_recovery);
}

static void
tell_poller_death(struct story *story)
{
    struct taker dead;
    struct taker other;
    uint64_t before;

    taker_init(&dead, "q", "dead");
    taker_init(&other, "q", "other");
    taker_call("a");
    CHECK_EQ(taker_poll(&dead, 1, 60000), 1); // and it never says anything more
    before = world_now_ms(story->world);
    (void)taker_take(&other);
    if (story->is_calm) {
        uint64_t took = world_now_ms(story->world) - before;

        CHECK(took >= 8000 && took <= 11000);
    }
    taker_finish(&other, &other.offers[0], "a");
}

TEST(task_queue, what_a_dead_poller_was_given_goes_to_another)
{
    story_run(taker_definitions, tell_poller_death);
}

// Whoever polled gave up, or its connection is gone: what comes is not for it.
static void
tell_unheard(struct story *story)
{
    struct taker gone;
    struct taker other;
    struct world_call *polls[2];

    taker_init(&gone, "q", "gone");
    taker_init(&other, "q", "other");
    polls[0] = taker_begin_poll(&gone, 8, 60000);
    story_wait_ms(100);
    polls[1] = taker_begin_poll(&other, 8, 60000);
    story_wait_ms(100);
    world_withdraw(story->world, polls[0]);
    CHECK_ERR(world_wait(story->world, polls[0])->err, WEFT_ECANCELLED);
    CHECK_EQ(taker_count("waiting"), 2); // it may yet come again
    taker_call("a");
    story_wait_ms(1000);
    CHECK(polls[1]->is_answered);
    CHECK_EQ(taker_end_poll(&other, polls[1]), 1);
    CHECK_EQ(taker_count("waiting"), 0);
    CHECK_EQ(taker_count("pollers"), 1);
    taker_finish(&other, &other.offers[0], "a");
}

TEST(task_queue, a_poll_that_nobody_waits_for_gets_nothing)
{
    story_run_calm(taker_definitions, tell_unheard);
}

static void
tell_unconfirmed(struct story *story)
{
    struct taker one;
    struct taker two;

    (void)story;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    CHECK_EQ(taker_poll(&one, 1, 60000), 1);
    CHECK_EQ(taker_poll(&one, 1, 1000), 0); // it may yet lease the first
    story_wait_ms(10000);
    CHECK_EQ(taker_poll(&one, 1, 1000), 1); // it did not: once more
    taker_say_bye(&one);
    CHECK_EQ(taker_poll(&two, 1, 1000), 1);
    CHECK_EQ(taker_count("pollers"), 1);
}

TEST(task_queue, what_was_not_confirmed_is_handed_out_again)
{
    story_run_calm(taker_definitions, tell_unconfirmed);
}

static void
tell_terminated(struct story *story)
{
    struct taker worker;
    struct world_call *waiting;
    const struct taker_offer *offer;

    taker_init(&worker, "q", "one");
    waiting = taker_begin_poll(&worker, 1, 60000);
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_TERMINATE, WEFT_TASK_QUEUE_KIND, "q", "a slip",
                   NULL);
    CHECK_EQ(taker_end_poll(&worker, waiting), 0);
    taker_call("a");
    story_wait_ms(1000);
    CHECK_EQ(taker_count("depth"), 1); // it began anew
    (void)story_do(WEFT_VERB_TERMINATE, WEFT_TASK_QUEUE_KIND, "q", "another",
                   NULL);
    CHECK_EQ(taker_poll(&worker, 1, 1000), 0);
    offer = taker_take(&worker);
    taker_finish(&worker, offer, "a");
    CHECK_EQ(story_dead_letters(), 0);
    (void)story;
}

TEST(task_queue, a_queue_that_was_terminated_heals)
{
    story_run(taker_definitions, tell_terminated);
}

// Calls that nobody could run. ------------------------------------------------

static weft_definitions *
no_queues(void)
{
    weft_definitions *defs = caller_definitions();

    call_options.task_queue = "q";
    return defs;
}

static void
tell_no_queues(struct story *story)
{
    (void)story;
    taker_call("a");
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "WEFT_EINVAL");
}

TEST(task_queue, a_node_without_queues_refuses_the_call)
{
    story_run_calm(no_queues, tell_no_queues);
}
