// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_lease.c - what a server keeps of the tasks that workers have,
// and what they cost them: credit, bytes, leases, until they are over.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "remote/codec_task.h"
#include "unit/gateway_rig.h"
#include "unit/hand_rig.h"
#include "weft/payload.h"
#include "weft/task_queue.h"
#include "weft/workflow.h"

enum { ROUNDS = 12000, LARGE_BYTES = 1900 << 10, RENEWED = 300 };

static uint8_t large[LARGE_BYTES];

// One call, of as many bytes as its input says.
static weft_err
call_once(weft_workflow *wf, weft_bytes input)
{
    bool is_large = input.len > 0 && *(const char *)input.data == 'L';
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_bytes result;

    options.task_queue = "q";
    options.retry.initial_interval_ms = 10;
    options.timeouts.start_to_close_ms = 600000;
    options.timeouts.heartbeat_ms = 500000;
    return weft_workflow_call(
        wf, "work", is_large ? weft_bytes_of(large, LARGE_BYTES) : input,
        &options, &result);
}

static struct gateway_rig
begin(struct test *t, uint32_t credit, uint64_t credit_bytes)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = "caller";
    def.run = call_once;
    CHECK_OK(weft_definitions_add_workflow(rig.node.definitions, &def));
    CHECK_OK(weft_definitions_add_task_queues(rig.node.definitions));
    rig.options.credit = credit;
    rig.options.credit_bytes = credit_bytes;
    gateway_rig_open(&rig);
    return rig;
}

static void
end(struct gateway_rig *rig)
{
    gateway_rig_close(rig);
    gateway_rig_end(rig);
}

static void
start(struct gateway_rig *rig, const char *id, const char *input)
{
    CHECK_OK(weft_client_start(rig->node.client, (weft_target){"caller", id},
                               weft_text(input)));
}

static void
ping(struct hand *hand)
{
    dealer_say(&hand->dealer, "ping", 0, NULL, NULL, NULL);
    CHECK_HEARS(&hand->dealer, "pong 0");
}

static void
expect_busy(struct hand *hand)
{
    char prefix[64];

    hand_poll_for(hand, 1, 60000);
    (void)snprintf(prefix, sizeof(prefix), "error %u code=WEFT_EBUSY",
                   (unsigned)hand->number); // it is this one that is refused
    CHECK_HEARS_LIKE(&hand->dealer, prefix);
}

TEST(gateway_lease, what_a_poll_did_not_bring_is_no_credit_lost)
{
    struct gateway_rig rig = begin(t, 3, 0);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    for (int i = 0; i < 3; i++) {
        hand_poll_for(&hand, 2, 200);
        hand_hear_tasks(&hand, 0);
    }
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_lease, what_polls_that_wait_may_bring_counts_as_credit)
{
    struct gateway_rig rig = begin(t, 3, 0);
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 2, 60000);
    hand_poll_for(&hand, 2, 60000); // for one more
    expect_busy(&hand);
    hand_dismiss(&hand);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    hand_hire(&hand, &rig, 1); // what waited is forgotten
    hand_poll_for(&hand, 3, 60000);
    expect_busy(&hand);
    hand_dismiss(&hand);
    end(&rig);
}

// The server has heard of the first itself, and finds out of the second.
TEST(gateway_lease, a_task_that_is_over_costs_no_credit)
{
    struct gateway_rig rig = begin(t, 1, 0);
    const char *heard = "error";
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    start(&rig, "a", "x");
    hand_poll_for(&hand, 1, 60000);
    hand_hear_tasks(&hand, 1);
    expect_busy(&hand);
    hand_say(&hand, "defer", NULL);
    CHECK_HEARS(&hand.dealer, "ok 3");
    start(&rig, "b", "x");
    hand_poll_for(&hand, 1, 60000);
    hand_hear_tasks(&hand, 1);
    CHECK_OK(weft_client_terminate(rig.node.client,
                                   (weft_target){"caller", "b"}, "enough"));
    for (int i = 0; i < ROUNDS / 8 && strncmp(heard, "error", 5) == 0; i++) {
        gateway_rig_pause();
        ping(&hand);
        hand_poll_for(&hand, 1, 200);
        heard = dealer_hear(&hand.dealer);
    }
    CHECK(strncmp(heard, "ok", 2) == 0);
    hand_dismiss(&hand);
    end(&rig);
}

// Who comes with the same id may be a process that knows nothing of it.
TEST(gateway_lease, of_a_connection_that_was_replaced_no_lease_is_kept)
{
    struct gateway_rig rig = begin(t, 0, 0);
    struct hand older;
    struct hand newer;
    struct hand other;
    bool is_heard = false;

    hand_hire(&older, &rig, 1);
    start(&rig, "a", "x");
    hand_poll_for(&older, 1, 60000);
    hand_hear_tasks(&older, 1);
    hand_hire(&newer, &rig, 1);
    hand_hire(&other, &rig, 2);
    hand_poll_for(&other, 1, 20000);
    for (int i = 0; i < ROUNDS && !is_heard; i++) {
        gateway_rig_pause();
        ping(&newer);
        is_heard = hand_hear(&other);
    }
    CHECK_EQ(other.count, 1);
    CHECK_EQ(other.attempt, 2);
    hand_dismiss(&older);
    hand_dismiss(&newer);
    hand_dismiss(&other);
    end(&rig);
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Over a new connection, which says what it has, and pings then.
TEST(gateway_lease, what_is_renewed_is_kept)
{
    struct gateway_rig rig = begin(t, 0, 0);
    struct hand hand;
    struct hand other;
    uint64_t end_ms;

    hand_hire(&hand, &rig, 1);
    hand.lease_ms = 4000; // a busy machine pauses for less
    hand_hire(&other, &rig, 2);
    start(&rig, "a", "x");
    hand_poll_for(&hand, 1, 20000);
    hand_hear_tasks(&hand, 1);
    dealer_close(&hand.dealer);
    dealer_open(&hand.dealer, &rig, 0);
    dealer_hello(&hand.dealer, 1);
    CHECK_HEARS_LIKE(&hand.dealer, "ok 0 version=1");
    hand_renew(&hand);
    CHECK_HEARS(&hand.dealer, "ok 2");
    for (end_ms = now_ms() + 9000; now_ms() < end_ms;) {
        ping(&hand);
        hand_poll_for(&other, 1, 250);
        hand_hear_tasks(&other, 0);
    }
    hand_complete(&hand);
    hand_dismiss(&hand);
    hand_dismiss(&other);
    end(&rig);
}

// Of none of them is there a task.
TEST(gateway_lease, each_token_of_a_renewal_is_answered)
{
    struct gateway_rig rig = begin(t, 0, 0);
    static char texts[RENEWED][8];
    const char *tokens[RENEWED + 1] = {NULL};
    struct wf_codec_renew all = {.tokens = tokens, .worker = "w"};
    struct wf_codec_renewed renewed;
    struct wf_wire_message message;
    struct wf_arena memory = {0};
    struct hand hand;
    size_t count = 0;

    for (int i = 0; i < RENEWED; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "t%d", i);
        tokens[i] = texts[i];
    }
    hand_hire(&hand, &rig, 1);
    wf_buf_reset(&hand.dealer.out);
    wf_codec_renew_encode(&all, 1, &hand.dealer.out);
    dealer_send(&hand.dealer);
    CHECK_HEARS(&hand.dealer, "ok 1 gone={}");
    CHECK_OK(wf_wire_read(hand.dealer.message.frame, &message));
    CHECK_OK(wf_codec_renewed_decode(&message, &memory, &renewed));
    while (renewed.gone[count] != NULL) {
        count++;
    }
    CHECK_EQ(count, RENEWED);
    wf_arena_fini(&memory);
    hand_dismiss(&hand);
    end(&rig);
}

static void
await_depth(struct gateway_rig *rig, uint64_t expected)
{
    const weft_target queue = {WEFT_TASK_QUEUE_KIND, "q"};
    uint64_t depth = 0;

    for (int i = 0; i < ROUNDS && depth != expected; i++) {
        weft_reply *reply = NULL;

        gateway_rig_pause();
        if (weft_client_query(rig->node.client, queue, "depth", weft_nothing(),
                              &reply) == WEFT_OK) {
            CHECK_OK(weft_payload_get_uint(reply->data, "", &depth));
        }
        weft_reply_free(reply);
    }
    CHECK_EQ(depth, expected);
}

// Three large ones are there. What has no room in an answer comes with the
// next, and was not tried meanwhile.
static void
take_large(struct test *t, uint64_t credit_bytes, size_t most)
{
    struct gateway_rig rig = begin(t, 0, credit_bytes);
    struct hand hand;
    char id[2] = "a";
    size_t got = 0;

    for (; id[0] <= 'c'; id[0]++) {
        start(&rig, id, "L");
    }
    await_depth(&rig, 3);
    hand_hire(&hand, &rig, 1);
    for (int i = 0; i < 3 && got < 3; i++) {
        bool is_heard = false;

        hand_poll_for(&hand, 3, 60000);
        for (int j = 0; j < ROUNDS && !is_heard; j++) {
            gateway_rig_pause();
            is_heard = hand_hear(&hand);
        }
        CHECK_STR(hand.verb, "ok");
        CHECK(hand.count >= 1 && hand.count <= most);
        CHECK_EQ(hand.attempt, 1);
        got += hand.count;
    }
    CHECK_EQ(got, 3);
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_lease, an_answer_has_no_more_tasks_than_fit_a_message)
{
    take_large(t, 0, 2);
}

TEST(gateway_lease, an_answer_has_no_more_tasks_than_its_client_may_have_bytes)
{
    take_large(t, 3 << 20, 1);
}

TEST(gateway_lease, a_task_says_how_far_the_last_attempt_was_and_until_when)
{
    struct gateway_rig rig = begin(t, 0, 0);
    struct wf_wire_writer *writer;
    struct hand hand;

    hand_hire(&hand, &rig, 1);
    start(&rig, "a", "x");
    hand_poll_for(&hand, 1, 60000);
    hand_hear_tasks(&hand, 1);
    CHECK_STR(hand.details, "");
    CHECK_EQ(hand.heartbeat_ms, 500000);
    CHECK(hand.has_deadline);
    writer = dealer_begin(&hand.dealer, "heartbeat", ++hand.number);
    wf_wire_put_text(writer, "token", hand.tokens[0]);
    wf_wire_put_bytes(writer, "data", weft_text("half"));
    dealer_end(&hand.dealer);
    CHECK_HEARS(&hand.dealer, "ok 2");
    hand_say(&hand, "fail", "Again");
    CHECK_HEARS(&hand.dealer, "ok 3");
    hand_poll_for(&hand, 1, 60000);
    hand_hear_tasks(&hand, 1);
    CHECK_EQ(hand.attempt, 2);
    CHECK_STR(hand.details, "half");
    hand_dismiss(&hand);
    end(&rig);
}
