// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_limits.c - what a server has room for: clients, requests of a
// namespace, and, while it drains, nothing more. What has ended gives its room
// back.

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "remote/codec_task.h"
#include "unit/gateway_rig.h"

static void
end(struct gateway_rig *rig)
{
    gateway_rig_close(rig);
    gateway_rig_end(rig);
}

static void
greet(struct dealer *dealer, struct gateway_rig *rig, uint8_t client)
{
    dealer_open(dealer, rig, 0);
    dealer_hello(dealer, client);
    CHECK_HEARS_LIKE(dealer, "ok 0 version=1");
}

TEST(gateway_limits, a_client_that_is_gone_makes_room_for_another)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    struct dealer dealers[3];

    rig.options.sessions_max = 2;
    gateway_rig_open(&rig);
    greet(&dealers[0], &rig, 1);
    greet(&dealers[1], &rig, 2);
    dealer_open(&dealers[2], &rig, 0);
    dealer_hello(&dealers[2], 3);
    CHECK_HEARS(&dealers[2], "error 0 code=WEFT_EBUSY class=RETRY text=2 "
                             "clients are known already");
    CHECK_EQ(gateway_rig_stats(&rig).sessions, 2);
    dealer_hello(&dealers[1], 2); // one of those that are known
    CHECK_HEARS_LIKE(&dealers[1], "ok 0 version=1");
    dealer_close(&dealers[0]);
    GATEWAY_UNTIL(&rig, now.connections == 2);
    CHECK_EQ(gateway_rig_stats(&rig).sessions, 2); // it may come back
    dealer_hello(&dealers[2], 3);
    CHECK_HEARS_LIKE(&dealers[2], "ok 0 version=1");
    CHECK_EQ(gateway_rig_stats(&rig).sessions, 2);
    dealer_say(&dealers[2], "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealers[2], "ok 1 is_created=true");
    dealer_close(&dealers[1]);
    dealer_close(&dealers[2]);
    end(&rig);
}

static void
greet_from(struct dealer *dealer, struct gateway_rig *rig,
           const char *name_space)
{
    struct wf_wire_writer *writer;
    uint8_t id[16] = {9};

    dealer_open(dealer, rig, 0);
    writer = dealer_begin(dealer, "hello", 0);
    wf_wire_put_uint(writer, "version", 1);
    wf_wire_put_bytes(writer, "client", weft_bytes_of(id, sizeof(id)));
    wf_wire_put_text(writer, "namespace", name_space);
    dealer_end(dealer);
    CHECK_HEARS_LIKE(dealer, "ok 0 version=1");
}

// Two clients of one namespace use up what it may have; those of another one do
// not notice.
TEST(gateway_limits, requests_of_a_namespace_count_until_they_are_answered)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    struct dealer one;
    struct dealer two;
    struct dealer other;
    char answer[16];

    rig.options.namespace_requests_max = 3;
    gateway_rig_open(&rig);
    greet(&one, &rig, 1);
    greet(&two, &rig, 2);
    greet_from(&other, &rig, "shop");
    dealer_say(&one, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&one, "ok 1 is_created=true");
    dealer_say(&one, "result", 2, "counter", "a", NULL);
    dealer_say(&one, "result", 3, "counter", "a", NULL);
    dealer_say(&two, "result", 1, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 3);
    dealer_say(&two, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&two, "error 2 code=WEFT_EBUSY class=RETRY text=3 requests of "
                      "this namespace have no answer yet");
    dealer_say(&other, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&other, "ok 1 is_created=true");
    dealer_close(&one);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    for (uint64_t i = 3; i < 12; i++) {
        dealer_say(&two, "signal", i, "counter", "a", "add");
        (void)snprintf(answer, sizeof(answer), "ok %d", (int)i);
        CHECK_HEARS(&two, answer);
    }
    dealer_close(&two);
    dealer_close(&other);
    end(&rig);
}

static void
say_again(struct dealer *dealer, const char *verb, uint64_t number)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, verb, number);

    wf_wire_put_text(writer, "kind", "counter");
    wf_wire_put_text(writer, "id", "a");
    if (strcmp(verb, "signal") == 0) {
        wf_wire_put_text(writer, "name", "add");
    }
    wf_wire_put_bool(writer, "again", true);
    dealer_end(dealer);
}

// It was done, and its answer lost with its connection. To be told that nothing
// has happened, as others are, its client would ask under another number.
TEST(gateway_limits, what_is_sent_again_is_not_said_to_have_done_nothing)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    struct dealer one;
    struct dealer two;

    rig.options.namespace_requests_max = 1;
    gateway_rig_open(&rig);
    greet(&one, &rig, 1);
    dealer_say(&one, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&one, "ok 1 is_created=true");
    dealer_say(&one, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&one, "ok 2");
    dealer_close(&one);
    greet(&two, &rig, 2);
    dealer_say(&two, "result", 1, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    greet(&one, &rig, 1);
    say_again(&one, "signal", 2);
    CHECK_HEARS(&one, "error 2 code=WEFT_EIO class=UNKNOWN text=1 requests of "
                      "this namespace have no answer yet; whether it was done "
                      "before is not known");
    say_again(&one, "describe", 3); // does nothing, ever
    CHECK_HEARS_LIKE(&one, "error 3 code=WEFT_EBUSY class=RETRY");
    dealer_say(&one, "signal", 4, "counter", "a", "add");
    CHECK_HEARS_LIKE(&one, "error 4 code=WEFT_EBUSY class=RETRY");
    dealer_close(&two);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    say_again(&one, "signal", 2);
    CHECK_HEARS(&one, "ok 2");
    dealer_close(&one);
    end(&rig);
}

TEST(gateway_limits, what_has_no_number_or_too_many_tokens_is_no_request)
{
    enum { MANY = 1001 };
    const char *tokens[MANY + 1] = {NULL};
    struct wf_codec_renew all = {.tokens = tokens, .worker = "w"};
    struct gateway_rig rig = gateway_rig_begin(t);
    struct dealer dealer;

    gateway_rig_open(&rig);
    greet(&dealer, &rig, 1);
    dealer_say(&dealer, "stats", 0, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "error 0 code=WEFT_EINVAL class=CALLER text=the "
                         "number of a request is 0");
    for (int i = 0; i < MANY; i++) {
        tokens[i] = "t";
    }
    wf_buf_reset(&dealer.out);
    wf_codec_renew_encode(&all, 1, &dealer.out);
    dealer_send(&dealer);
    CHECK_HEARS(&dealer, "error 1 code=WEFT_ETOOBIG class=CALLER text=tokens: "
                         "over 1000");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    dealer_close(&dealer);
    end(&rig);
}

TEST(gateway_limits, waits_of_a_connection_that_was_replaced_end)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    struct dealer older;
    struct dealer newer;

    gateway_rig_open(&rig);
    greet(&older, &rig, 1);
    dealer_say(&older, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&older, "ok 1 is_created=true");
    dealer_say(&older, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    greet(&newer, &rig, 1);
    for (int i = 0; i < 12000 && gateway_rig_stats(&rig).requests_open > 0;
         i++) {
        gateway_rig_pause();
        dealer_say(&newer, "ping", 0, NULL, NULL, NULL);
        CHECK_HEARS(&newer, "pong 0");
    }
    CHECK_EQ(gateway_rig_stats(&rig).requests_open, 0);
    dealer_close(&older);
    dealer_close(&newer);
    end(&rig);
}

static sem_t may_go_on;
static atomic_bool is_stuck;

// Holds its shard up until it is told to go on.
static weft_err
be_stuck(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        atomic_store(&is_stuck, true);
        (void)sem_wait(&may_go_on);
    }
    return WEFT_OK;
}

// A server that has one request, whose answer comes when may_go_on is posted.
static struct gateway_rig
begin_stuck(struct test *t, struct dealer *dealer)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    weft_actor_def stuck = WEFT_ACTOR_DEF_INIT;

    stuck.name = "stuck";
    stuck.receive = be_stuck;
    CHECK_OK(weft_definitions_add_actor(rig.node.definitions, &stuck));
    CHECK_EQ(sem_init(&may_go_on, 0, 0), 0);
    atomic_store(&is_stuck, false);
    gateway_rig_open(&rig);
    greet(dealer, &rig, 1);
    dealer_say(dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(dealer, "ok 1 is_created=true");
    dealer_say(dealer, "start", 2, "stuck", "b", NULL);
    CHECK_HEARS(dealer, "ok 2 is_created=true");
    dealer_say(dealer, "signal", 3, "stuck", "b", "go");
    GATEWAY_UNTIL(&rig, now.requests_open == 1 && atomic_load(&is_stuck));
    return rig;
}

TEST(gateway_limits, who_drains_takes_nothing_more_and_answers_what_it_has)
{
    struct dealer dealer;
    struct dealer late;
    struct gateway_rig rig = begin_stuck(t, &dealer);

    dealer_open(&late, &rig, 0);
    GATEWAY_UNTIL(&rig, now.connections == 2);
    CHECK_ERR(weft_server_drain(rig.server, 0), WEFT_ETIMEDOUT);
    dealer_hello(&late, 2);
    CHECK_HEARS(&late, "bye 0 code=closing text=the server closes");
    dealer_say(&dealer, "signal", 4, "counter", "a", "add");
    CHECK_HEARS(&dealer, "bye 0 code=closing text=the server closes");
    CHECK_ERR(weft_server_drain(rig.server, 0), WEFT_ETIMEDOUT);
    CHECK_EQ(sem_post(&may_go_on), 0);
    CHECK_HEARS(&dealer, "ok 3");
    CHECK_OK(weft_server_drain(rig.server, 60000));
    CHECK_EQ(gateway_rig_stats(&rig).requests, 3);
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 0);
    dealer_close(&dealer);
    dealer_close(&late);
    end(&rig);
    (void)sem_destroy(&may_go_on);
}

static void
ignore(void *ctx, const weft_reply *reply)
{
    (void)ctx;
    (void)reply;
}

// Its own waits end, though the node has them until more who wait have left.
TEST(gateway_limits, who_drains_does_not_wait_for_others_that_wait_for_the_same)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    weft_request request = WEFT_REQUEST_INIT;
    struct dealer dealer;

    gateway_rig_open(&rig);
    greet(&dealer, &rig, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    request.verb = WEFT_VERB_RESULT;
    request.target = (weft_target){"counter", "a"};
    for (int i = 0; i < 4; i++) {
        CHECK_OK(
            weft_client_submit(rig.node.client, &request, ignore, NULL, NULL));
    }
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_OK(weft_server_drain(rig.server, 10000));
    CHECK_HEARS(&dealer, "bye 0 code=closing text=the server closes");
    dealer_close(&dealer);
    end(&rig);
}
