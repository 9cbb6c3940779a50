// SPDX-License-Identifier: Apache-2.0
//
// Offers of task queues that come again, or back: each is there once, in its
// place, and nobody else's.

#include <string.h>

#include "story/caller.h"
#include "story/puppet.h"
#include "story/taker.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

#define OFFER_MS 60000 // until what waits is offered once more

static void
check_counts(uint64_t depth, uint64_t handed)
{
    CHECK_EQ(taker_count("depth"), depth);
    CHECK_EQ(taker_count("handed"), handed);
}

// Handed out just before it is offered again: it waits, and only there.
static void
tell_handed(struct story *story)
{
    struct taker one;
    struct taker two;

    (void)story;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    story_wait_ms(OFFER_MS - 1000);
    CHECK_EQ(taker_poll(&one, 1, 1000), 1);
    check_counts(0, 1);
    story_wait_ms(2000);
    check_counts(1, 0);
    CHECK_EQ(taker_poll(&two, 1, 1000), 1);
    CHECK_OK(taker_do(&two, WEFT_VERB_LEASE, &two.offers[0], NULL)->err);
    taker_say_bye(&one);
    CHECK_EQ(taker_poll(&two, 0, 0), 0); // says what it took
    check_counts(0, 0);
    taker_finish(&two, &two.offers[0], "a");
}

// The same when it came back before.
static void
tell_back(struct story *story)
{
    struct taker one;

    (void)story;
    taker_init(&one, "q", "one");
    taker_call("a");
    CHECK_EQ(taker_poll(&one, 1, 20000), 1);
    taker_say_bye(&one);
    check_counts(1, 0);
    story_wait_ms(OFFER_MS + 1000);
    check_counts(1, 0);
    CHECK_EQ(taker_poll(&one, 8, 1000), 1);
    check_counts(0, 1);
}

TEST(task_queue, what_is_offered_again_is_there_once_wherever_it_was)
{
    story_run_calm(taker_definitions, tell_handed);
    story_run_calm(taker_definitions, tell_back);
}

// It goes before those that came later, and at once to who waits.
static void
tell_first(struct story *story)
{
    struct taker one;
    struct taker two;
    struct world_call *waiting;
    char token[WEFT_TOKEN_CHARS_MAX];

    (void)story;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    CHECK_EQ(taker_poll(&one, 1, 20000), 1);
    memcpy(token, one.offers[0].token, sizeof(token));
    taker_call("b");
    story_wait_ms(100);
    taker_say_bye(&one);
    CHECK_EQ(taker_poll(&two, 1, 1000), 1);
    CHECK_STR(two.offers[0].token, token);
    CHECK_EQ(taker_poll(&two, 1, 1000), 1);
    waiting = taker_begin_poll(&one, 1, 60000);
    story_wait_ms(1000);
    CHECK(!waiting->is_answered);
    taker_say_bye(&two);
    story_wait_ms(1000);
    CHECK(waiting->is_answered);
    CHECK_EQ(taker_end_poll(&one, waiting), 1);
}

TEST(task_queue, what_comes_back_goes_first_and_at_once)
{
    story_run_calm(taker_definitions, tell_first);
}

// One of two that were not confirmed in time goes to who was handed them, and
// the other to who waits.
static void
tell_shared(struct story *story)
{
    struct taker one;
    struct taker two;
    struct world_call *waiting;

    (void)story;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    taker_call("b");
    story_wait_ms(100);
    CHECK_EQ(taker_poll(&one, 2, 1000), 2);
    story_wait_ms(6000);
    CHECK_EQ(taker_poll(&one, 0, 0), 0);
    waiting = taker_begin_poll(&two, 1, 60000);
    story_wait_ms(6000);
    check_counts(0, 2);
    CHECK_EQ(taker_poll(&one, 1, 0), 1);
    story_wait_ms(1000);
    CHECK(waiting->is_answered);
    CHECK_EQ(taker_end_poll(&two, waiting), 1);
}

TEST(task_queue, what_comes_back_with_a_poll_goes_at_once_to_who_waits)
{
    story_run_calm(taker_definitions, tell_shared);
}

// What comes back at once goes to who waits, as much as that can take.
static void
tell_credit(struct story *story)
{
    struct taker one;
    struct taker two;
    struct world_call *waiting;

    (void)story;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    taker_call("b");
    taker_call("c");
    story_wait_ms(100);
    CHECK_EQ(taker_poll(&one, 3, 1000), 3);
    waiting = taker_begin_poll(&two, 2, 60000);
    story_wait_ms(100);
    taker_say_bye(&one);
    CHECK_EQ(taker_end_poll(&two, waiting), 2);
    check_counts(1, 2);
}

TEST(task_queue, a_poll_that_waits_is_given_what_it_asked_for)
{
    story_run_calm(taker_definitions, tell_credit);
}

// Each that waits gets its share of what comes back, and one that asks for
// nothing does not wait.
static void
tell_shares(struct story *story)
{
    struct taker takers[3];
    struct world_call *polls[3];
    static const char *const names[] = {"one", "two", "three"};

    (void)story;
    for (int i = 0; i < 3; i++) {
        taker_init(&takers[i], "q", names[i]);
    }
    taker_call("a");
    taker_call("b");
    taker_call("c");
    taker_call("d");
    story_wait_ms(100);
    CHECK_EQ(taker_poll(&takers[0], 4, 1000), 4);
    polls[0] = taker_begin_poll(&takers[0], 0, 60000);
    story_wait_ms(100);
    CHECK(polls[0]->is_answered);
    CHECK_EQ(taker_end_poll(&takers[0], polls[0]), 0);
    for (int i = 1; i < 3; i++) {
        polls[i] = taker_begin_poll(&takers[i], 8, 60000);
        story_wait_ms(100);
    }
    taker_say_bye(&takers[0]);
    CHECK_EQ(taker_end_poll(&takers[1], polls[1]), 2);
    CHECK_EQ(taker_end_poll(&takers[2], polls[2]), 2);
}

TEST(task_queue, those_that_wait_share_what_comes_back)
{
    story_run_calm(taker_definitions, tell_shares);
}

// One that was handed something, polls again, and is gone before more comes.
static void
tell_gone(struct story *story)
{
    struct taker gone;
    struct taker other;
    struct world_call *poll;

    taker_init(&gone, "q", "gone");
    taker_init(&other, "q", "other");
    taker_call("a");
    CHECK_EQ(taker_poll(&gone, 1, 20000), 1);
    poll = taker_begin_poll(&gone, 1, 60000);
    story_wait_ms(100);
    world_withdraw(story->world, poll);
    CHECK_ERR(world_wait(story->world, poll)->err, WEFT_ECANCELLED);
    taker_call("b");
    story_wait_ms(1000);
    check_counts(2, 0);
    CHECK_EQ(taker_count("pollers"), 0);
    CHECK_EQ(taker_poll(&other, 8, 1000), 2);
}

TEST(task_queue, what_one_that_is_gone_was_handed_comes_back_at_once)
{
    story_run_calm(taker_definitions, tell_gone);
}

// A poller says that it has what was given to another.
static void
tell_others(struct story *story)
{
    struct taker one;
    struct taker two;

    (void)story;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    CHECK_EQ(taker_poll(&one, 1, 20000), 1);
    two.taken[two.taken_count++] = one.offers[0].id;
    CHECK_EQ(taker_poll(&two, 1, 0), 0);
    check_counts(0, 1);
    taker_say_bye(&one);
    CHECK_EQ(taker_poll(&two, 1, 1000), 1);
}

TEST(task_queue, nobody_confirms_what_another_was_given)
{
    story_run_calm(taker_definitions, tell_others);
}

// What is repeated every hour is not swept out.
static void
tell_kept(struct story *story)
{
    (void)story;
    taker_call("a");
    for (int minute = 0; minute < 300; minute++) {
        story_wait_ms(60000);
        CHECK_EQ(taker_count("depth"), 1);
    }
}

// One that was swept out, for nobody repeated it, may come again.
static const char abc_offer[] = "send " WEFT_TASK_QUEUE_KIND " q offer "
                                "\x82\xa5token\xa3"
                                "abc\xa8"
                                "activity\xa1x";

static void
tell_swept(struct story *story)
{
    struct taker one;

    (void)story;
    taker_init(&one, "q", "one");
    puppet_do("puppet", "p", "%s", abc_offer);
    story_wait_ms(1000);
    CHECK_EQ(taker_count("depth"), 1);
    story_wait_ms(4 * 3600000);
    CHECK_EQ(taker_count("depth"), 0);
    puppet_do("puppet", "p", "%s", abc_offer);
    story_wait_ms(1000);
    CHECK_EQ(taker_count("depth"), 1);
    CHECK_EQ(taker_poll(&one, 1, 1000), 1);
    CHECK_STR(one.offers[0].token, "abc");
}

// The same of one that came back, to a queue that was empty until then.
static void
tell_back_swept(struct story *story)
{
    struct world_call *waiting;
    struct taker one;

    (void)story;
    taker_init(&one, "q", "one");
    waiting = taker_begin_poll(&one, 1, 20000);
    story_wait_ms(100);
    puppet_do("puppet", "p", "%s", abc_offer);
    CHECK_EQ(taker_end_poll(&one, waiting), 1);
    story_wait_ms(4 * 3600000); // longer than it keeps what nobody confirms
    CHECK_EQ(taker_count("depth"), 0);
    CHECK_EQ(taker_count("handed"), 0);
    puppet_do("puppet", "p", "%s", abc_offer);
    CHECK_EQ(taker_poll(&one, 1, 20000), 1);
    taker_say_bye(&one);
    check_counts(1, 0);
    story_wait_ms(4 * 3600000);
    check_counts(0, 0);
}

static weft_definitions *
puppet_queues(void)
{
    weft_definitions *definitions = puppet_definitions();

    CHECK_OK(weft_definitions_add_task_queues(definitions));
    return definitions;
}

TEST(task_queue, offers_are_kept_for_as_long_as_they_are_repeated)
{
    story_run_once(taker_definitions, tell_kept);
    story_run_calm(puppet_queues, tell_swept);
    story_run_calm(puppet_queues, tell_back_swept);
}

// Whoever has it, and did not hear so, leases it once more.
static void
tell_leased_again(struct story *story)
{
    const struct taker_offer *offer;
    struct taker worker;

    (void)story;
    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    for (int i = 0; i < 4; i++) { // a lease is of 5 s
        story_wait_ms(4000);
        CHECK_OK(taker_do(&worker, WEFT_VERB_LEASE, offer, NULL)->err);
    }
    story_wait_ms(4000);
    CHECK_EQ(taker_activity("a")->lost, 0);
    taker_finish(&worker, offer, "a");
}

TEST(task_queue, a_lease_that_is_asked_for_again_lasts_from_then_on)
{
    story_run(taker_definitions, tell_leased_again);
}

// From when it is due: that it waited for that does not count.
static void
tell_due_later(struct story *story)
{
    const struct taker_offer *offer;
    struct taker worker;

    (void)story;
    call_options.timeouts.schedule_to_start_ms = 5000;
    call_options.retry.initial_interval_ms = 60000;
    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    CHECK_OK(taker_do(&worker, WEFT_VERB_FAIL, offer, "Busy")->err);
    story_wait_ms(55000);
    CHECK_EQ(story_describe("caller", "a")->item.status, WEFT_STATUS_RUNNING);
    story_crash();
    offer = taker_take(&worker);
    taker_finish(&worker, offer, "a");
}

TEST(task_queue, an_attempt_that_is_due_later_may_be_taken_for_as_long)
{
    story_run_calm(taker_definitions, tell_due_later);
}
