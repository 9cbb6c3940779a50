// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_poll.c - workers that are sockets and speak the protocol, and
// workflows whose activities they run.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "unit/gateway_rig.h"
#include "unit/hand_rig.h"
#include "weft/payload.h"
#include "weft/task_queue.h"
#include "weft/workflow.h"

enum { HANDS = 100, TASKS = 1000 };

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Workflows. ------------------------------------------------------------------

static weft_call_options
on_queue(void)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    options.task_queue = "q";
    options.retry.initial_interval_ms = 10;
    options.cancellation = WEFT_CANCELLATION_WAIT;
    return options;
}

static weft_err
run_many(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = on_queue();
    weft_future futures[TASKS];
    size_t count = test_count_of(input);
    weft_err err = WEFT_OK;

    CHECK(count <= sizeof(futures) / sizeof(futures[0]));
    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        err = weft_workflow_call_async(wf, "work", weft_text("x"), &options,
                                       &futures[i]);
    }
    return err != WEFT_OK ? err : weft_workflow_await_all(wf, futures, count);
}

static weft_err
run_one(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = on_queue();
    weft_bytes result;
    weft_err err = weft_workflow_call(wf, "work", input, &options, &result);

    return err != WEFT_OK ? err : weft_workflow_return(wf, result);
}

// Queues hear offers from actors alone.
static weft_err
tell_queue(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    return message->type != WEFT_MESSAGE_SIGNAL
               ? WEFT_OK
               : weft_actor_send(actor, (weft_target){"task_queue", "q"},
                                 message->name, message->data);
}

static void
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

static struct gateway_rig
begin(struct test *t)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    weft_actor_def herald = WEFT_ACTOR_DEF_INIT;

    herald.name = "herald";
    herald.receive = tell_queue;
    CHECK_OK(weft_definitions_add_actor(rig.node.definitions, &herald));
    CHECK_OK(weft_definitions_add_task_queues(rig.node.definitions));
    add_workflow(rig.node.definitions, "many", run_many);
    add_workflow(rig.node.definitions, "one", run_one);
    gateway_rig_open(&rig);
    return rig;
}

// Another one on the same node.
static void
open_server(struct gateway_rig *rig)
{
    rig->options.endpoints = rig->endpoints;
    CHECK_OK(weft_server_open(rig->node.node, &rig->options, &rig->server));
}

static void
end(struct gateway_rig *rig)
{
    gateway_rig_close(rig);
    gateway_rig_end(rig);
}

static void
start(struct gateway_rig *rig, const char *kind, const char *input)
{
    CHECK_OK(weft_client_start(rig->node.client, (weft_target){kind, "a"},
                               weft_text(input)));
}

static weft_err
result(struct gateway_rig *rig, const char *kind)
{
    return weft_client_result(rig->node.client, (weft_target){kind, "a"}, 60000,
                              NULL);
}

// Tests. ----------------------------------------------------------------------

// A round of all: who has a task completes it, who has completed polls.
static bool
work_all(struct hand *hands, uint32_t *done)
{
    bool is_heard = false;

    for (int i = 0; i < HANDS; i++) {
        struct hand *hand = &hands[i];

        if (!hand_hear(hand)) {
            continue;
        }
        is_heard = true;
        CHECK_STR(hand->verb, "ok");
        if (hand->count == 1) {
            hand->done++;
            (*done)++;
            hand_say(hand, "complete", NULL);
        } else {
            hand_poll_for(hand, 1, 20000);
        }
    }
    return is_heard;
}

TEST(gateway_poll, a_hundred_workers_share_a_thousand_tasks)
{
    static struct hand hands[HANDS];
    struct gateway_rig rig = begin(t);
    uint32_t done = 0;
    uint64_t end_ms = now_ms() + 60000;

    for (int i = 0; i < HANDS; i++) {
        hand_hire(&hands[i], &rig, (uint8_t)(i + 1));
        hands[i].lease_ms = 60000; // no pause of this machine loses one
        hand_poll_for(&hands[i], 1, 20000);
    }
    start(&rig, "many", "1000");
    while (done < TASKS && now_ms() < end_ms) {
        if (!work_all(hands, &done)) {
            gateway_rig_pause();
        }
    }
    CHECK_EQ(done, TASKS);
    CHECK_OK(result(&rig, "many"));
    for (int i = 0; i < HANDS; i++) {
        CHECK(hands[i].done >= 5 && hands[i].done <= 15);
        hand_dismiss(&hands[i]);
    }
    end(&rig);
}

TEST(gateway_poll, a_poll_takes_what_is_there_or_nothing_after_its_time)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 10, 300);
    hand_hear_tasks(&hand, 0);
    start(&rig, "many", "5");
    GATEWAY_UNTIL(&rig, now.requests >= 1);
    for (size_t taken = 0; taken < 5; taken += hand.count) {
        hand_poll_for(&hand, 10, 20000);
        for (int i = 0; i < 12000 && !hand_hear(&hand); i++) {
            gateway_rig_pause();
        }
        CHECK(hand.count >= 1);
    }
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, the_task_of_a_worker_that_died_is_done_by_another)
{
    struct gateway_rig rig = begin(t);
    struct hand dead, other;
    uint64_t begin_ms;

    hand_hire(&dead, &rig, 1);
    hand_hire(&other, &rig, 2);
    start(&rig, "one", "x");
    hand_poll_for(&dead, 1, 20000);
    hand_hear_tasks(&dead, 1);
    begin_ms = now_ms();
    hand_dismiss(&dead);
    hand_poll_for(&other, 1, 20000);
    hand_hear_tasks(&other, 1);
    CHECK(now_ms() - begin_ms < 20000); // a lease of a second, not the usual
    CHECK_STR(other.key, dead.key);
    hand_complete(&other);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&other);
    end(&rig);
}

TEST(gateway_poll, a_worker_that_pings_keeps_what_it_has)
{
    struct gateway_rig rig = begin(t);
    struct hand hand, other;
    uint64_t end_ms;

    hand_hire(&hand, &rig, 1);
    hand.lease_ms = 4000; // a busy machine pauses for less
    hand_hire(&other, &rig, 2);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    end_ms = now_ms() + 9000;
    while (now_ms() < end_ms) {
        dealer_say(&hand.dealer, "ping", 0, NULL, NULL, NULL);
        CHECK_HEARS(&hand.dealer, "pong 0");
        hand_poll_for(&other, 1, 250);
        hand_hear_tasks(&other, 0);
    }
    hand_complete(&hand);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    hand_dismiss(&other);
    end(&rig);
}

// Its connection is there, and says nothing any more.
TEST(gateway_poll, a_worker_that_falls_silent_keeps_its_task_for_a_lease)
{
    struct gateway_rig rig = begin(t);
    struct hand hand, other;
    uint64_t begin_ms;

    hand_hire(&hand, &rig, 1);
    hand_hire(&other, &rig, 2);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    gateway_rig_pause();
    dealer_say(&hand.dealer, "ping", 0, NULL, NULL, NULL);
    CHECK_HEARS(&hand.dealer, "pong 0");
    begin_ms = now_ms();
    hand_poll_for(&other, 1, 20000);
    hand_hear_tasks(&other, 1);
    CHECK(now_ms() - begin_ms < 20000);
    CHECK_EQ(other.attempt, 2);
    hand_complete(&other);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    hand_dismiss(&other);
    end(&rig);
}

TEST(gateway_poll, what_is_released_goes_to_another_at_once)
{
    struct gateway_rig rig = begin(t);
    struct hand hand, other;

    hand_hire(&hand, &rig, 1);
    hand_hire(&other, &rig, 2);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    hand_say(&hand, "release", NULL);
    CHECK_HEARS(&hand.dealer, "ok 2");
    hand_poll_for(&other, 1, 20000);
    hand_hear_tasks(&other, 1);
    CHECK_EQ(other.attempt, 1);
    hand_say(&hand, "release", NULL); // of what is another's now
    CHECK_HEARS_LIKE(&hand.dealer, "error 3 code=WEFT_ENOTFOUND");
    hand_complete(&other);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    hand_dismiss(&other);
    end(&rig);
}

TEST(gateway_poll, what_is_offered_once_more_is_not_given_twice)
{
    struct gateway_rig rig = begin(t);
    weft_payload *offer = NULL;
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    hand_poll_for(&hand, 1, 300); // which tells the queue that it was taken
    hand_hear_tasks(&hand, 0);
    CHECK_OK(weft_payload_create(&offer));
    CHECK_OK(weft_payload_pack(offer, "{'token':s, 'activity':'work'}",
                               hand.tokens[0]));
    CHECK_OK(weft_client_signal_with_start(
        rig.node.client, (weft_target){"herald", "a"}, "offer",
        weft_payload_bytes(offer), weft_nothing()));
    weft_payload_destroy(offer);
    hand_poll_for(&hand, 1, 300);
    hand_hear_tasks(&hand, 0);
    hand_complete(&hand); // it has it still
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, a_cancellation_is_heard_by_heartbeat_and_by_renew)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    hand_say(&hand, "heartbeat", NULL);
    CHECK_HEARS(&hand.dealer, "ok 2");
    CHECK_OK(weft_client_cancel(rig.node.client, (weft_target){"one", "a"}));
    do {
        hand_say(&hand, "heartbeat", NULL);
    } while (strncmp(dealer_hear(&hand.dealer), "ok", 2) == 0);
    hand_renew(&hand);
    CHECK(strstr(dealer_hear(&hand.dealer), " cancelled={}") != NULL);
    hand_say(&hand, "heartbeat", NULL);
    CHECK(strstr(dealer_hear(&hand.dealer), "code=WEFT_ECANCELLED") != NULL);
    hand_say(&hand, "fail", "WEFT_ECANCELLED");
    CHECK_HEARS_LIKE(&hand.dealer, "ok ");
    CHECK_ERR(result(&rig, "one"), WEFT_ECANCELLED);
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, over_a_restart_of_the_server_a_worker_goes_on)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    dealer_close(&hand.dealer);
    weft_server_close(rig.server);
    open_server(&rig);
    dealer_open(&hand.dealer, &rig, 0);
    dealer_hello(&hand.dealer, 1);
    CHECK_HEARS_LIKE(&hand.dealer, "ok 0 version=1");
    hand_renew(&hand);
    CHECK_HEARS(&hand.dealer, "ok 2");
    hand_complete(&hand);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, a_completion_whose_answer_was_lost_is_answered_again)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    start(&rig, "one", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    hand_complete(&hand);
    dealer_close(&hand.dealer);
    gateway_rig_close(&rig);
    gateway_rig_open(&rig);
    dealer_open(&hand.dealer, &rig, 0);
    dealer_hello(&hand.dealer, 1);
    CHECK_HEARS_LIKE(&hand.dealer, "ok 0 version=1");
    hand.number--; // under the number that it had
    hand_complete(&hand);
    hand_say(&hand, "complete", NULL);
    CHECK_HEARS_LIKE(&hand.dealer, "error 3 code=WEFT_ENOTFOUND");
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, polls_of_a_connection_that_is_gone_are_forgotten)
{
    struct gateway_rig rig = begin(t);
    struct hand gone, hand;

    hand_hire(&gone, &rig, 1);
    hand_poll_for(&gone, 100, 60000);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    hand_dismiss(&gone);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    start(&rig, "one", "x");
    hand_hire(&hand, &rig, 2);
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    CHECK_EQ(hand.attempt, 1);
    hand_complete(&hand);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, what_is_no_subscription_is_not_ended_as_one)
{
    struct gateway_rig rig = begin(t);
    struct wf_wire_writer *writer;
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 20000);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    writer = dealer_begin(&hand.dealer, "unsubscribe", 2);
    wf_wire_put_uint(writer, "subscription", 1);
    dealer_end(&hand.dealer);
    CHECK_HEARS(&hand.dealer, "ok 2");
    start(&rig, "one", "x");
    hand_hear_tasks(&hand, 1);
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, a_server_that_is_drained_gives_back_what_nobody_has)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 20000);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_OK(weft_server_drain(rig.server, 5000));
    CHECK_HEARS_LIKE(&hand.dealer, "bye 0 code=closing");
    hand_dismiss(&hand);
    weft_server_close(rig.server);
    start(&rig, "one", "x");
    open_server(&rig);
    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    hand_complete(&hand);
    CHECK_OK(result(&rig, "one"));
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_poll, a_worker_holds_no_more_than_its_credit)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;

    gateway_rig_close(&rig);
    rig.options.credit = 3;
    gateway_rig_open(&rig);
    hand_hire(&hand, &rig, 1);
    start(&rig, "many", "5");
    for (size_t taken = 0; taken < 3; taken += hand.count) {
        hand_poll_for(&hand, 10, 20000);
        for (int i = 0; i < 12000 && !hand_hear(&hand); i++) {
            gateway_rig_pause();
        }
        CHECK(hand.count >= 1 && hand.count <= 3 - taken);
    }
    hand_poll_for(&hand, 1, 20000);
    CHECK(strstr(dealer_hear(&hand.dealer), "code=WEFT_EBUSY") != NULL);
    hand_complete(&hand);
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    hand_dismiss(&hand);
    end(&rig);
}

static void
poll_many(struct dealer *dealer, int from, int to)
{
    for (int i = from; i < to; i++) {
        struct wf_wire_writer *writer =
            dealer_begin(dealer, "poll", (uint64_t)i + 1);
        char queue[16];

        (void)snprintf(queue, sizeof(queue), "q%d", i);
        wf_wire_put_text(writer, "queue", queue);
        dealer_end(dealer);
    }
}

// Polls that queue as often as it is refused.
static void
poll_until_taken(struct dealer *dealer, int queue)
{
    const char *heard = "error";

    for (int i = 0; i < 12000 && strncmp(heard, "error", 5) == 0; i++) {
        struct wf_wire_writer *writer =
            dealer_begin(dealer, "poll", 2000 + (uint64_t)i);
        char name[16];

        gateway_rig_pause();
        (void)snprintf(name, sizeof(name), "q%d", queue);
        wf_wire_put_text(writer, "queue", name);
        dealer_end(dealer);
        heard = dealer_hear_within(dealer, 100);
    }
    CHECK_STR(heard, ""); // it waits
}

// Those that are polled; those that were make room.
TEST(gateway_poll, queues_of_a_namespace_have_a_limit)
{
    struct gateway_rig rig = begin(t);
    struct hand one, other;

    hand_hire(&one, &rig, 1);
    hand_hire(&other, &rig, 2);
    poll_many(&one.dealer, 0, 600);
    GATEWAY_UNTIL(&rig, now.requests_open >= 600);
    poll_many(&other.dealer, 600, 1001);
    CHECK_HEARS_LIKE(&other.dealer,
                     "error 1001 code=WEFT_EBUSY class=RETRY text=queue: 1000 "
                     "of a namespace");
    hand_dismiss(&one);
    poll_until_taken(&other.dealer, 1000);
    hand_dismiss(&other);
    end(&rig);
}

// Queues of one name in two namespaces have nothing to do with each other.
TEST(gateway_poll, tasks_are_for_workers_of_their_namespace)
{
    struct gateway_rig rig = begin(t);
    struct hand one;
    struct hand other = {.lease_ms = 1000};
    struct wf_wire_writer *writer;
    uint8_t id[16] = {2};

    hand_hire(&one, &rig, 1);
    dealer_open(&other.dealer, &rig, 0);
    writer = dealer_begin(&other.dealer, "hello", 0);
    wf_wire_put_uint(writer, "version", 1);
    wf_wire_put_bytes(writer, "client", weft_bytes_of(id, sizeof(id)));
    wf_wire_put_text(writer, "namespace", "shop");
    dealer_end(&other.dealer);
    CHECK_HEARS_LIKE(&other.dealer, "ok 0 version=1");
    hand_poll_for(&other, 8, 60000); // it waits longer than the other
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    hand_poll_for(&one, 1, 60000);
    GATEWAY_UNTIL(&rig, now.requests_open == 2);
    start(&rig, "many", "3");
    for (uint32_t done = 0; done < 3; done++) {
        hand_hear_tasks(&one, 1);
        hand_complete(&one);
        if (done < 2) {
            hand_poll_for(&one, 1, 60000);
        }
    }
    CHECK_OK(result(&rig, "many"));
    CHECK(!hand_hear(&other));
    hand_dismiss(&one);
    hand_dismiss(&other);
    end(&rig);
}

static void
ask_queue(struct dealer *dealer, uint64_t number, uint16_t wait_ms)
{
    // {"poller": 16 bytes, "wait_ms": wait_ms}
    uint8_t data[] = "\x82\xa6poller\xc4\x10"
                     "0123456789abcdef\xa7wait_ms\xcd\x00\x00";
    struct wf_wire_writer *writer = dealer_begin(dealer, "ask", number);

    data[10] = (uint8_t)number; // each is a poller of its own
    data[sizeof(data) - 3] = (uint8_t)(wait_ms >> 8);
    data[sizeof(data) - 2] = (uint8_t)wait_ms;
    wf_wire_put_text(writer, "kind", WEFT_TASK_QUEUE_KIND);
    wf_wire_put_text(writer, "id", "q");
    wf_wire_put_text(writer, "name", "poll");
    wf_wire_put_bytes(writer, "data", weft_bytes_of(data, sizeof(data) - 1));
    dealer_end(dealer);
}

// That nothing happened would be a lie: it would be asked anew, and done twice.
TEST(gateway_poll, what_is_under_way_is_answered_over_another_server)
{
    struct gateway_rig rig = begin(t);
    struct hand first, second;
    weft_server *older = rig.server;

    hand_hire(&first, &rig, 1);
    ask_queue(&first.dealer, 5, 1000);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_STR(dealer_hear_within(&first.dealer, 100), ""); // it has come there
    open_server(&rig);
    hand_hire(&second, &rig, 1);
    ask_queue(&second.dealer, 5, 1000);
    CHECK_HEARS(&first.dealer,
                "error 5 code=WEFT_ETIMEDOUT class=UNKNOWN text=request 5 was "
                "asked again, and is answered there");
    CHECK_HEARS_LIKE(&second.dealer, "ok 5 data=");
    weft_server_close(older);
    hand_dismiss(&first);
    hand_dismiss(&second);
    end(&rig);
}

TEST(gateway_poll, all_questions_end_with_their_connection)
{
    struct gateway_rig rig = begin(t);
    struct hand hand;
    time_t began;

    hand_hire(&hand, &rig, 1);
    for (uint64_t i = 0; i < 50; i++) {
        ask_queue(&hand.dealer, 5 + i, 60000);
    }
    GATEWAY_UNTIL(&rig, now.requests_open == 50);
    began = time(NULL);
    hand_dismiss(&hand);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    CHECK(time(NULL) - began < 30); // long before they end by themselves
    end(&rig);
}

TEST(gateway_poll, a_node_without_queues_says_so)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    struct hand hand;

    gateway_rig_open(&rig);
    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 20000);
    CHECK_HEARS_LIKE(&hand.dealer, "error 1 code=WEFT_ENOTFOUND");
    hand_dismiss(&hand);
    gateway_rig_close(&rig);
    gateway_rig_end(&rig);
}
