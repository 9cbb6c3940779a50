// SPDX-License-Identifier: Apache-2.0
//
// How attempts of a task queue end other than well, and what is said to their
// workers meanwhile: cancellation, timeouts, failures, pauses, release.

#include <stdio.h>
#include <string.h>

#include "story/caller.h"
#include "story/taker.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

static void
operate(weft_verb verb, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;
    uint32_t call = taker_activity(id)->call;

    request.verb = verb;
    request.target = (weft_target){"caller", id};
    request.call = call;
    request.by = &(weft_operator){"ops", "a story"};
    CHECK_OK(world_wait(story_now()->world,
                        world_submit(story_now()->world, &request))
                 ->err);
}

// Cancellation. ---------------------------------------------------------------

// While it is offered nobody can do anything about it: it is over at once.
static void
tell_cancel_offered(struct story *story)
{
    static const weft_cancellation ways[] = {WEFT_CANCELLATION_TRY,
                                             WEFT_CANCELLATION_WAIT,
                                             WEFT_CANCELLATION_ABANDON};
    static const char *const ids[] = {"try", "wait", "abandon"};
    struct taker worker;

    (void)story;
    taker_init(&worker, "q", "one");
    for (int i = 0; i < 3; i++) {
        call_options.cancellation = ways[i];
        taker_call(ids[i]);
        story_wait_ms(500);
        (void)story_do(WEFT_VERB_CANCEL, "caller", ids[i], "", NULL);
        CHECK_ERR(story_result("caller", ids[i])->err, WEFT_ECANCELLED);
    }
    CHECK_EQ(taker_poll(&worker, 8, 1000), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(
            taker_do(&worker, WEFT_VERB_LEASE, &worker.offers[i], NULL)->err,
            WEFT_ENOTFOUND); // their instances have finished
    }
}

TEST(task_queue, an_offered_attempt_is_cancelled_at_once)
{
    story_run_calm(taker_definitions, tell_cancel_offered);
}

static void
cancel(const char *id)
{
    (void)story_do(WEFT_VERB_CANCEL, "caller", id, "", NULL);
    story_wait_ms(500);
}

static void
tell_cancel_try(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    (void)story;
    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    cancel("a");
    CHECK_ERR(story_result("caller", "a")->err, WEFT_ECANCELLED);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_RENEW, offer, NULL)->err,
              WEFT_ENOTFOUND);
}

static void
tell_cancel_wait(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    (void)story;
    call_options.cancellation = WEFT_CANCELLATION_WAIT;
    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    cancel("a");
    CHECK(taker_activity("a")->is_cancel_requested);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_RENEW, offer, NULL)->err,
              WEFT_ECANCELLED);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_HEARTBEAT, offer, "more")->err,
              WEFT_ECANCELLED);
    CHECK_OK(taker_do(&worker, WEFT_VERB_FAIL, offer, "WEFT_ECANCELLED")->err);
    CHECK_ERR(story_result("caller", "a")->err, WEFT_ECANCELLED);
}

// Whoever waits for it learns that it went well after all.
static void
tell_cancel_wait_too_late(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    (void)story;
    call_options.cancellation = WEFT_CANCELLATION_WAIT;
    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    cancel("a");
    taker_finish(&worker, offer, "a");
}

TEST(task_queue, the_worker_of_a_cancelled_attempt_is_told)
{
    story_run_calm(taker_definitions, tell_cancel_try);
    story_run_calm(taker_definitions, tell_cancel_wait);
    story_run_calm(taker_definitions, tell_cancel_wait_too_late);
}

// A worker that dies while it was asked to stop: there is no next attempt.
static void
tell_cancel_and_death(struct story *story)
{
    struct taker worker;

    (void)story;
    call_options.cancellation = WEFT_CANCELLATION_WAIT;
    taker_init(&worker, "q", "one");
    taker_call("a");
    (void)taker_take(&worker);
    CHECK_EQ(taker_poll(&worker, 0, 0), 0); // says that it has it
    cancel("a");
    CHECK_ERR(story_result("caller", "a")->err, WEFT_ECANCELLED);
    CHECK_EQ(taker_poll(&worker, 1, 1000), 0);
}

TEST(task_queue, a_cancelled_attempt_that_is_lost_is_not_repeated)
{
    story_run(taker_definitions, tell_cancel_and_death);
}

// Timeouts. -------------------------------------------------------------------

static void
tell_schedule_to_start(struct story *story)
{
    struct taker worker;

    (void)story;
    call_options.timeouts.schedule_to_start_ms = 5000;
    taker_init(&worker, "q", "one");
    taker_call("a");
    taker_call("b");
    (void)taker_take(&worker);
    story_wait_ms(3000);
    CHECK_OK(taker_do(&worker, WEFT_VERB_RENEW, &worker.offers[0], NULL)->err);
    story_wait_ms(3000);
    CHECK_OK(
        taker_do(&worker, WEFT_VERB_COMPLETE, &worker.offers[0], "in")->err);
    CHECK_RESULT("caller", "a", "in");
    CHECK_EQ(story_describe("caller", "b")->item.status, WEFT_STATUS_FAILED);
    CHECK_FAILS("caller", "b", WEFT_EFAILED, "timeout.schedule_to_start");
    CHECK_EQ(taker_poll(&worker, 1, 1000), 1);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_LEASE, &worker.offers[0], NULL)->err,
              WEFT_ENOTFOUND);
}

TEST(task_queue, an_offer_that_nobody_takes_in_time_fails)
{
    story_run_calm(taker_definitions, tell_schedule_to_start);
}

static void
tell_start_to_close(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    (void)story;
    call_options.timeouts.start_to_close_ms = 8000;
    call_options.timeouts.heartbeat_ms = 3000;
    call_options.retry.initial_interval_ms = 1000;
    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    story_wait_ms(2000);
    CHECK_OK(taker_do(&worker, WEFT_VERB_RENEW, offer, NULL)->err);
    story_wait_ms(2000); // renewed, but not alive
    CHECK_STR(taker_activity("a")->failure.name, "timeout.heartbeat");
    offer = taker_take(&worker);
    for (int i = 0; i < 5; i++) {
        story_wait_ms(1800);
        (void)taker_do(&worker, WEFT_VERB_HEARTBEAT, offer, "alive");
    }
    CHECK_STR(taker_activity("a")->failure.name, "timeout.start_to_close");
    offer = taker_take(&worker);
    taker_finish(&worker, offer, "a");
}

TEST(task_queue, a_leased_attempt_has_its_timeouts)
{
    story_run_calm(taker_definitions, tell_start_to_close);
}

static void
tell_on_lost(struct story *story)
{
    struct taker worker;

    (void)story;
    call_options.on_lost = WEFT_ON_LOST_FAIL;
    call_options.retry.maximum_attempts = 1;
    taker_init(&worker, "q", "one");
    taker_call("a");
    (void)taker_take(&worker);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "lost");
}

TEST(task_queue, a_lost_lease_may_count_as_a_failure)
{
    story_run(taker_definitions, tell_on_lost);
}

static void
tell_failures(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct taker worker;

    taker_init(&worker, "q", "one");
    taker_call("a");
    (void)taker_take(&worker);
    CHECK_OK(
        taker_do(&worker, WEFT_VERB_FAIL, &worker.offers[0], "Broken")->err);
    (void)taker_take(&worker);
    request.verb = WEFT_VERB_FAIL;
    request.token = worker.offers[0].token;
    request.error_name = "Hopeless";
    request.is_for_good = 1;
    CHECK_OK(
        world_wait(story->world, world_submit(story->world, &request))->err);
    CHECK_FAILS("caller", "a", WEFT_EFAILED, "Hopeless");
}

TEST(task_queue, a_worker_says_whether_a_failure_is_final)
{
    story_run(taker_definitions, tell_failures);
}

// Given back, held up, deferred. ----------------------------------------------

static void
tell_release(struct story *story)
{
    struct taker one;
    struct taker two;
    const struct taker_offer *offer;
    struct world_call *lease;

    call_options.retry.maximum_attempts = 1;
    taker_init(&one, "q", "one");
    taker_init(&two, "q", "two");
    taker_call("a");
    offer = taker_take(&one);
    CHECK_ERR(taker_do(&two, WEFT_VERB_RELEASE, offer, NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_OK(taker_do(&one, WEFT_VERB_RELEASE, offer, NULL)->err);
    taker_say_bye(&one);
    CHECK_ERR(taker_do(&one, WEFT_VERB_RENEW, offer, NULL)->err,
              WEFT_ENOTFOUND);
    offer = taker_take(&two);
    lease = taker_do(&two, WEFT_VERB_LEASE, offer, NULL);
    CHECK_OK(lease->err);
    if (story->is_calm) {
        CHECK_EQ(lease->lease.attempt, 1);
        CHECK_EQ(taker_activity("a")->lost, 0);
    }
    taker_finish(&two, offer, "a");
}

TEST(task_queue, what_is_released_goes_to_another_and_does_not_count)
{
    story_run(taker_definitions, tell_release);
}

static void
tell_pause(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    taker_init(&worker, "q", "one");
    taker_call("a");
    story_wait_ms(1000);
    operate(WEFT_VERB_ACTIVITY_PAUSE, "a");
    CHECK(!taker_activity("a")->is_offered);
    CHECK_EQ(taker_poll(&worker, 1, 1000), 1);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_LEASE, &worker.offers[0], NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(taker_poll(&worker, 1, 60000), 0);
    operate(WEFT_VERB_ACTIVITY_RESUME, "a");
    offer = taker_take(&worker);
    operate(WEFT_VERB_ACTIVITY_PAUSE, "a");
    CHECK(taker_do(&worker, WEFT_VERB_RENEW, offer, NULL)->lease.is_paused);
    taker_finish(&worker, offer, "a");
    (void)story;
}

TEST(task_queue, a_paused_activity_is_not_leased)
{
    story_run_calm(taker_definitions, tell_pause);
}

static void
tell_pause_instance(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    taker_init(&worker, "q", "one");
    taker_call("a");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_PAUSE, "caller", "a", "", NULL);
    CHECK_EQ(taker_poll(&worker, 1, 1000), 1);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_LEASE, &worker.offers[0], NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(taker_poll(&worker, 1, 60000), 0);
    (void)story_do(WEFT_VERB_RESUME, "caller", "a", "", NULL);
    offer = taker_take(&worker);
    taker_finish(&worker, offer, "a");
    (void)story;
}

TEST(task_queue, an_attempt_of_a_paused_instance_is_not_leased)
{
    story_run_calm(taker_definitions, tell_pause_instance);
}

static void
tell_reset(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;
    struct taker_offer old;

    (void)story;
    taker_init(&worker, "q", "one");
    taker_call("a");
    CHECK_EQ(taker_poll(&worker, 1, 10000), 1);
    old = worker.offers[0];
    operate(WEFT_VERB_ACTIVITY_RESET, "a");
    CHECK_ERR(taker_do(&worker, WEFT_VERB_LEASE, &old, NULL)->err,
              WEFT_ENOTFOUND);
    offer = taker_take(&worker);
    CHECK_EQ(taker_do(&worker, WEFT_VERB_LEASE, offer, NULL)->lease.attempt, 1);
    taker_finish(&worker, offer, "a");
}

TEST(task_queue, an_offered_attempt_is_reset)
{
    story_run_calm(taker_definitions, tell_reset);
}

static void
tell_defer(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;

    taker_init(&worker, "q", "one");
    taker_call("a");
    offer = taker_take(&worker);
    CHECK_OK(taker_do(&worker, WEFT_VERB_DEFER, offer, NULL)->err);
    story_wait_ms(20000);
    CHECK(taker_activity("a")->is_deferred);
    CHECK_ERR(taker_do(&worker, WEFT_VERB_RENEW, offer, NULL)->err,
              WEFT_ENOTFOUND);
    story_crash();
    taker_finish(&worker, offer, "a");
    (void)story;
}

TEST(task_queue, a_worker_may_leave_the_completion_to_others)
{
    story_run(taker_definitions, tell_defer);
}

// Under one number, which the first of them used: its answer was lost.
static void
check_repeated(struct taker *worker, weft_verb verb,
               const struct taker_offer *offer, uint64_t number)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.token = offer->token;
    request.worker = worker->name;
    request.number = number;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(story_call(&request)->err);
        story_crash();
    }
    CHECK_ERR(taker_do(worker, verb, offer, NULL)->err, WEFT_ENOTFOUND);
}

static void
tell_repeated(struct story *story)
{
    struct taker worker;
    const struct taker_offer *offer;
    uint64_t number = world_next_number(story->world) + 1000;

    taker_init(&worker, "q", "one");
    taker_call("a");
    check_repeated(&worker, WEFT_VERB_RELEASE, taker_take(&worker), number);
    offer = taker_take(&worker);
    check_repeated(&worker, WEFT_VERB_DEFER, offer, number + 1);
    CHECK(taker_activity("a")->is_deferred);
    taker_finish(&worker, offer, "a");
}

TEST(task_queue, what_is_given_back_is_answered_the_same_again)
{
    story_run(taker_definitions, tell_repeated);
}

static void
tell_again(struct story *story)
{
    struct taker worker;
    uint64_t begun = world_now_ms(story->world);

    taker_init(&worker, "q", "one");
    taker_call("a");
    story_wait_ms(3 * 3600000); // it was offered again, and is there once
    CHECK_EQ(taker_poll(&worker, 8, 1000), 1);
    CHECK_OK(taker_do(&worker, WEFT_VERB_LEASE, &worker.offers[0], NULL)->err);
    CHECK(world_now_ms(story->world) - begun < 4 * 3600000);
}

TEST(task_queue, what_waits_long_is_offered_again_and_is_there_once)
{
    story_run_calm(taker_definitions, tell_again);
}

static void
tell_swept(struct story *story)
{
    struct taker worker;

    (void)story;
    taker_init(&worker, "q", "one");
    taker_call("a");
    taker_call("b");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_TERMINATE, "caller", "a", "", NULL);
    story_wait_ms(4 * 3600000);
    CHECK_EQ(taker_poll(&worker, 8, 1000), 1);
    CHECK_OK(taker_do(&worker, WEFT_VERB_LEASE, &worker.offers[0], NULL)->err);
}

TEST(task_queue, offers_of_what_is_over_are_swept_out)
{
    story_run_calm(taker_definitions, tell_swept);
}

// More than a sweep throws out at once, behind as many that are still wanted.
static void
tell_swept_behind(struct story *story)
{
    char id[16];

    for (int i = 0; i < 1200; i++) {
        weft_request request = WEFT_REQUEST_INIT;

        (void)snprintf(id, sizeof(id), "%d", i);
        request.verb = WEFT_VERB_START;
        request.target = (weft_target){"caller", id};
        request.input = weft_text("work in");
        CHECK_OK(world_wait(story->world, world_submit(story->world, &request))
                     ->err);
    }
    story_wait_ms(1000);
    for (int i = 600; i < 1200; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        (void)story_do(WEFT_VERB_TERMINATE, "caller", id, "", NULL);
    }
    story_wait_ms(4 * 3600000);
    CHECK_EQ(taker_count("depth"), 600);
}

TEST(task_queue, very_many_are_swept_out_bit_by_bit)
{
    story_run_once(taker_definitions, tell_swept_behind);
}

// Strangers. ------------------------------------------------------------------

static struct world_call *
ask_queue(weft_verb verb, const char *name, weft_payload *payload)
{
    return world_ask(story_now()->world, verb, WEFT_TASK_QUEUE_KIND, "q", name,
                     weft_payload_bytes(payload));
}

static void
check_refused(weft_payload *payload, const char *expected)
{
    const struct world_call *call = ask_queue(WEFT_VERB_ASK, "poll", payload);
    weft_bytes why;

    CHECK_OK(call->err);
    CHECK_OK(weft_payload_get_bytes(weft_bytes_of(call->data, call->data_len),
                                    "error", &why));
    CHECK(wf_bytes_equal(why, weft_text(expected)));
    weft_payload_destroy(payload);
}

static weft_payload *
poll_with(const char *poller, const char *name, uint64_t value)
{
    weft_payload *payload = NULL;

    CHECK_OK(weft_payload_create(&payload));
    weft_payload_map(payload, 2);
    weft_payload_text(payload, "poller");
    weft_payload_bin(payload, poller, strlen(poller));
    weft_payload_text(payload, name);
    weft_payload_uint(payload, value);
    CHECK_OK(weft_payload_error(payload));
    return payload;
}

// Else anybody who may speak to actors could hand out tasks of its own making,
// or take all that there are.
static void
tell_strangers(struct story *story)
{
    static const char sixteen[] = "0123456789abcdef";
    struct taker worker;
    weft_payload *offer = NULL;

    (void)story;
    check_refused(poll_with("short", "credit", 1), "poller: not 16 bytes");
    check_refused(poll_with(sixteen, "credit", 1001), "credit: not 0 to 1000");
    check_refused(poll_with(sixteen, "wait_ms", 60001),
                  "wait_ms: not 0 to 60000");
    CHECK_OK(weft_payload_create(&offer));
    CHECK_OK(
        weft_payload_pack(offer, "{'token':s, 'activity':s}", "false", "work"));
    CHECK_OK(ask_queue(WEFT_VERB_SIGNAL, "offer", offer)->err);
    weft_payload_destroy(offer);
    taker_init(&worker, "q", "one");
    CHECK_EQ(taker_poll(&worker, 1, 0), 0);
    taker_call("a");
    taker_finish(&worker, taker_take(&worker), "a");
}

TEST(task_queue, what_is_no_poll_or_of_nobody_is_not_taken)
{
    story_run(taker_definitions, tell_strangers);
}
