// SPDX-License-Identifier: Apache-2.0
//
// test_gateway.c - a server on loopback, and clients that speak the protocol
// and no more.

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "remote/codec_batch.h"
#include "runtime/inside.h"
#include "unit/gateway_rig.h"
#include "weft/connect.h"
#include "weft/operate.h"

#define WELCOME                                                                \
    "ok 0 version=1 server=weft 0.1.0 namespace=default roles={} "             \
    "credit=1000 credit_bytes=8388608 waits=1000 payload_max=2097152 "         \
    "message_max=5242880 keepalive_ms=10000 bundle_max=256"

// Begin and end of most tests.
static struct gateway_rig
begin(struct test *t, struct dealer *dealer)
{
    struct gateway_rig rig = gateway_rig_begin(t);

    gateway_rig_open(&rig);
    dealer_open(dealer, &rig, 0);
    return rig;
}

static void
end(struct gateway_rig *rig, struct dealer *dealer)
{
    dealer_close(dealer);
    gateway_rig_close(rig);
    gateway_rig_end(rig);
}

static void
greet(struct dealer *dealer, uint8_t client)
{
    dealer_hello(dealer, client);
    CHECK_HEARS_LIKE(dealer, "ok 0 version=1");
}

TEST(gateway, a_client_says_hello_and_is_served)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    dealer_hello(&dealer, 1);
    CHECK_HEARS(&dealer, WELCOME);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 2");
    dealer_say(&dealer, "query", 3, "counter", "a", "number");
    CHECK_HEARS(&dealer, "ok 3 data=(8)");
    dealer_say(&dealer, "ping", 4, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 4");
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 1);
    CHECK_EQ(gateway_rig_stats(&rig).requests, 3);
    end(&rig, &dealer);
}

TEST(gateway, nothing_is_taken_before_hello)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "bye 0 code=hello text=nothing of this connection "
                         "was taken so far");
    dealer_say(&dealer, "start", 2, "counter", "a", NULL);
    dealer_say(&dealer, "ping", 3, NULL, NULL, NULL);
    greet(&dealer, 1); // and nothing between: once a second is enough
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    end(&rig, &dealer);
}

TEST(gateway, what_is_wrong_is_named)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    struct wf_wire_writer *writer = dealer_begin(&dealer, "hello", 0);

    wf_wire_put_uint(writer, "version", 2);
    dealer_end(&dealer);
    CHECK_HEARS(&dealer, "error 0 code=WEFT_EFORMAT class=FINAL "
                         "text=version: is 2, spoken here is: 1");
    writer = dealer_begin(&dealer, "hello", 0);
    wf_wire_put_uint(writer, "version", 1);
    dealer_end(&dealer);
    CHECK_HEARS(&dealer, "error 0 code=WEFT_EINVAL class=CALLER "
                         "text=client: is missing");
    greet(&dealer, 1);
    writer = dealer_begin(&dealer, "start", 1);
    wf_wire_put_text(writer, "colour", "red");
    dealer_end(&dealer);
    CHECK_HEARS_LIKE(&dealer, "error 1 code=WEFT_EINVAL class=CALLER "
                              "text=colour");
    dealer_say(&dealer, "fly", 2, "counter", "a", NULL);
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_ENOTFOUND class=FINAL");
    dealer_say(&dealer, "start", 3, "bird", "a", NULL);
    CHECK_HEARS_LIKE(&dealer, "error 3 code=WEFT_ENOTFOUND class=FINAL "
                              "text=no kind named bird");
    dealer_say(&dealer, "signal", 4, "counter", "", "add");
    CHECK_HEARS_LIKE(&dealer, "error 4 code=WEFT_EINVAL class=CALLER");
    end(&rig, &dealer);
}

TEST(gateway, a_number_that_was_answered_is_answered_the_same)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 2");
    dealer_close(&dealer);
    gateway_rig_close(&rig);
    gateway_rig_open(&rig); // over the end of the process, too
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 2");
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 1);
    end(&rig, &dealer);
}

TEST(gateway, what_is_over_the_credit_is_refused)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.credit = 3;
    rig.options.waits_max = 2;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    dealer_say(&dealer, "result", 3, "counter", "a", NULL);
    dealer_say(&dealer, "result", 4, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "error 4 code=WEFT_EBUSY class=RETRY "
                         "text=waits: 2 requests wait already");
    dealer_say(&dealer, "signal", 5, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 5");
    dealer_say(&dealer, "terminate", 6, "counter", "a", NULL);
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1); // three, in any order
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1);
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1);
    CHECK_EQ(gateway_rig_stats(&rig).refused, 1);
    end(&rig, &dealer);
}

TEST(gateway, limits_change_while_it_runs)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    weft_server_options limits = WEFT_SERVER_OPTIONS_INIT;

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    limits.waits_max = 1;
    CHECK_OK(weft_server_reload(rig.server, &limits));
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    dealer_say(&dealer, "result", 3, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "error 3 code=WEFT_EBUSY class=RETRY "
                         "text=waits: 1 requests wait already");
    limits.credit = 2000;
    CHECK_ERR(weft_server_reload(rig.server, &limits), WEFT_EINVAL);
    limits.credit = 1;
    limits.waits_max = 2;
    CHECK_ERR(weft_server_reload(rig.server, &limits), WEFT_EINVAL);
    end(&rig, &dealer);
}

TEST(gateway, a_number_that_comes_again_meanwhile_is_answered_once)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    dealer_say(&dealer, "terminate", 3, "counter", "a", NULL);
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1);
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1);
    dealer_say(&dealer, "ping", 4, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 4");
    end(&rig, &dealer);
}

TEST(gateway, the_newest_connection_of_a_client_is_the_one)
{
    struct dealer older;
    struct dealer newer;
    struct gateway_rig rig = begin(t, &older);

    greet(&older, 1);
    dealer_say(&older, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&older, "ok 1 is_created=true");
    dealer_open(&newer, &rig, 0);
    dealer_hello(&newer, 1);
    CHECK_HEARS(&newer, WELCOME " answered=true");
    CHECK_HEARS_LIKE(&older, "bye 0 code=replaced");
    dealer_say(&older, "signal", 2, "counter", "a", "add");
    dealer_say(&newer, "signal", 3, "counter", "a", "add");
    CHECK_HEARS(&newer, "ok 3");
    GATEWAY_UNTIL(&rig, now.replaced == 1);
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 1);
    // That the other one ends is nothing to it.
    dealer_say(&newer, "result", 4, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    dealer_close(&older);
    GATEWAY_UNTIL(&rig, now.connections == 1);
    dealer_say(&newer, "terminate", 5, "counter", "a", NULL);
    CHECK(strlen(dealer_hear(&newer)) > 0);
    CHECK(strlen(dealer_hear(&newer)) > 0);
    end(&rig, &newer);
}

// The slow kind's turn takes half a second, so its answers come after hello.
TEST(gateway, what_was_asked_before_a_connection_broke_is_answered_after_it)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "slow", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "signal", 2, "slow", "a", "go");
    CHECK_HEARS(&dealer, "ok 2");
    dealer_say(&dealer, "signal", 3, "slow", "a", "go"); // behind that turn
    GATEWAY_UNTIL(&rig, now.requests == 3);
    dealer_close(&dealer);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    CHECK_HEARS(&dealer, "ok 3"); // of itself
    end(&rig, &dealer);
}

TEST(gateway, waits_end_with_their_connection)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    for (uint64_t i = 2; i < 102; i++) {
        dealer_say(&dealer, "result", i, "counter", "a", NULL);
    }
    GATEWAY_UNTIL(&rig, now.requests_open == 100);
    dealer_close(&dealer);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_OK(weft_client_terminate(rig.node.client,
                                   (weft_target){"counter", "a"}, "enough"));
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_ETERMINATED class=FINAL");
    end(&rig, &dealer);
}

static void
hello_in(struct dealer *dealer, uint8_t client, const char *name_space)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "hello", 0);
    uint8_t id[16] = {client};

    wf_wire_put_uint(writer, "version", 1);
    wf_wire_put_bytes(writer, "client", weft_bytes_of(id, sizeof(id)));
    wf_wire_put_text(writer, "namespace", name_space);
    dealer_end(dealer);
}

TEST(gateway, what_was_asked_in_another_namespace_is_not_answered_here)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    hello_in(&dealer, 1, "shop");
    CHECK_HEARS_LIKE(&dealer, "ok 0 version=1 server=weft 0.1.0 "
                              "namespace=shop ");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    CHECK_OK(weft_client_terminate(rig.node.client,
                                   (weft_target){"counter", "a"}, "enough"));
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_ENOTFOUND");
    end(&rig, &dealer);
}

// Small requests that wait cost the node more than their bytes.
TEST(gateway, all_together_have_a_limit_that_small_requests_reach)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.bytes_max = 20 << 10;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    for (uint64_t i = 2; i < 32; i++) {
        dealer_say(&dealer, "result", i, "counter", "a", NULL);
    }
    GATEWAY_UNTIL(&rig, now.refused >= 10);
    CHECK(gateway_rig_stats(&rig).requests_open < 20);
    CHECK_HEARS_LIKE(&dealer, "error 2");
    end(&rig, &dealer);
}

// However much was asked and answered before.
TEST(gateway, credit_comes_back_with_each_answer)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.credit_bytes = 1000;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    for (uint64_t i = 2; i < 100; i++) {
        char answer[32];

        dealer_say(&dealer, "signal", i, "counter", "a", "add");
        (void)snprintf(answer, sizeof(answer), "ok %d", (int)i);
        CHECK_HEARS(&dealer, answer);
    }
    GATEWAY_UNTIL(&rig, now.request_bytes == 0);
    end(&rig, &dealer);
}

TEST(gateway, a_wait_may_have_an_end)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    struct wf_wire_writer *writer;

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    writer = dealer_begin(&dealer, "result", 2);
    wf_wire_put_text(writer, "kind", "counter");
    wf_wire_put_text(writer, "id", "a");
    wf_wire_put_uint(writer, "wait_ms", 1);
    dealer_end(&dealer);
    CHECK_HEARS(&dealer, "error 2 code=WEFT_ETIMEDOUT class=UNKNOWN "
                         "text=wait_ms: it has nothing to say yet");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    end(&rig, &dealer);
}

TEST(gateway, who_says_nothing_is_cut_off)
{
    struct dealer dealer;
    struct dealer mute;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.keepalive_ms = 300;
    rig.options.hello_ms = 1000;
    gateway_rig_open(&rig);
    dealer_open(&mute, &rig, 0);
    GATEWAY_UNTIL(&rig, now.silent >= 1 && now.disconnected >= 1);
    dealer_close(&mute); // which would connect again and again
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    CHECK_HEARS(&dealer,
                "bye 0 code=keepalive text=nothing was heard for too long");
    GATEWAY_UNTIL(&rig, now.disconnected >= 2);
    end(&rig, &dealer);
}

TEST(gateway, what_is_no_message_is_told_and_cut_off)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    const char *heard = "";

    greet(&dealer, 1);
    dealer_garbage(&dealer, "\x93\xa4ping\x01\xc1", 7);
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=malformed text=");
    GATEWAY_UNTIL(&rig, now.malformed == 1 && now.disconnected == 1);
    // It connects again by itself, and has to say hello. What it says before it
    // has noticed is lost.
    for (int i = 0; i < 10 && heard[0] == '\0'; i++) {
        dealer_say(&dealer, "ping", 2, NULL, NULL, NULL);
        heard = dealer_hear_within(&dealer, 2000);
    }
    CHECK(strstr(heard, "bye 0 code=hello") == heard);
    greet(&dealer, 1);
    end(&rig, &dealer);
}

// It asks for a value of 100 KB and takes no answer.
TEST(gateway, a_slow_reader_costs_little_and_stops_nobody)
{
    struct dealer slow;
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);
    static uint8_t large[100000];
    weft_operator by = {.who = "test", .why = "to have it"};
    weft_target target = {"counter", "a"};

    rig.options.credit_bytes = 1 << 20;
    rig.options.answers_bytes_max = 2 << 20;
    gateway_rig_open(&rig);
    dealer_open(&slow, &rig, 1);
    dealer_open(&dealer, &rig, 0);
    greet(&slow, 1);
    greet(&dealer, 2);
    dealer_say(&slow, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&slow, "ok 1 is_created=true");
    CHECK_OK(weft_operate_publish(rig.node.client, target, "large",
                                  weft_bytes_of(large, sizeof(large)), &by));
    for (uint64_t i = 2; i < 500; i++) {
        dealer_say(&slow, "query", i, "counter", "a", "large");
    }
    GATEWAY_UNTIL(&rig, now.refused > 0 || now.slow > 0);
    CHECK(gateway_rig_stats(&rig).answer_bytes < 4 << 20);
    dealer_say(&dealer, "signal", 1, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 1");
    dealer_close(&slow);
    end(&rig, &dealer);
}

static weft_client *
connect_to(struct gateway_rig *rig)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *endpoint = weft_server_endpoint(rig->server, 0);
    weft_client *client;

    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    CHECK_OK(weft_client_connect(&options, &client));
    return client;
}

// Published values that make a capsule of nearly 6 MiB.
static void
publish_much(struct gateway_rig *rig, weft_target target)
{
    static const char *const names[] = {"one", "two", "three"};
    static uint8_t large[1900 << 10];
    weft_operator by = {.who = "test", .why = "to have it"};

    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(weft_operate_publish(rig->node.client, target, names[i],
                                      weft_bytes_of(large, sizeof(large)),
                                      &by));
    }
}

static bool
names_limit(void)
{
    return strstr(weft_err_detail(), "5242880") != NULL;
}

TEST(gateway, a_capsule_larger_than_a_message_passes_beside_the_node_only)
{
    static const weft_target target = {"counter", "a"};
    static const weft_operator by = {"test", "to see the limit"};
    struct gateway_rig rig = gateway_rig_begin(t);
    weft_reply *reply = NULL;
    weft_client *client;

    gateway_rig_open(&rig);
    client = connect_to(&rig);
    CHECK_OK(weft_client_start(client, target, weft_nothing()));
    publish_much(&rig, target);
    CHECK_ERR(weft_client_export(client, target, &reply), WEFT_ETOOBIG);
    CHECK(names_limit());
    CHECK_ERR(weft_operate_fork(client, target, NULL, "b", &by), WEFT_ETOOBIG);
    CHECK(names_limit());
    CHECK_OK(weft_client_export(rig.node.client, target, &reply));
    CHECK(reply->data.len > 5 << 20);
    CHECK_OK(weft_client_terminate(client, target, "to bring it back"));
    CHECK_ERR(weft_client_import(client, reply->data), WEFT_ETOOBIG);
    CHECK(names_limit());
    CHECK_OK(weft_client_import(rig.node.client, reply->data));
    weft_reply_free(reply);
    weft_client_close(client);
    gateway_rig_close(&rig);
    gateway_rig_end(&rig);
}

TEST(gateway, connections_over_the_limit_are_turned_away)
{
    struct dealer dealer;
    struct dealer more[6];
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.connections_max = 3;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    for (int i = 0; i < 6; i++) {
        dealer_open(&more[i], &rig, 0);
    }
    GATEWAY_UNTIL(&rig, now.connections >= 3);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    CHECK(gateway_rig_stats(&rig).connections <= 6);
    for (int i = 0; i < 6; i++) {
        dealer_close(&more[i]);
    }
    GATEWAY_UNTIL(&rig, now.connections == 1);
    dealer_open(&more[0], &rig, 0);
    greet(&more[0], 2); // there is room again
    dealer_close(&more[0]);
    end(&rig, &dealer);
}

TEST(gateway, who_is_connected_is_told_of_the_end)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_OK(weft_server_drain(rig.server, 5000));
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=closing");
    CHECK_OK(weft_server_drain(rig.server, 5000));
    weft_server_close(rig.server);
    rig.server = NULL;
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=closing");
    end(&rig, &dealer);
}

TEST(gateway, code_of_a_turn_does_not_end_it)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    wf_inside_begin(); // as if this were a handler
    CHECK_ERR(weft_server_drain(rig.server, 10), WEFT_EINVAL);
    weft_server_close(rig.server);
    CHECK_EQ(strstr(weft_err_detail(), "weft_server_close") != NULL, 1);
    wf_inside_end();
    greet(&dealer, 1);
    end(&rig, &dealer);
}

// What was asked may be answered, and freed, in the very moment of the close;
// asan says who looks into it then.
TEST(gateway, who_closes_leaves_alone_what_the_node_has)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    rig.options.endpoints = rig.endpoints;
    for (uint8_t round = 1; round <= 5; round++) {
        greet(&dealer, round);
        for (uint64_t i = 1; i <= 500; i++) {
            char id[2] = {(char)('a' + i % 26)};

            dealer_say(&dealer, "signal", i, "counter", id, "add");
        }
        GATEWAY_UNTIL(&rig, now.requests >= 100);
        dealer_close(&dealer);
        weft_server_close(rig.server);
        CHECK_OK(weft_server_open(rig.node.node, &rig.options, &rig.server));
        dealer_open(&dealer, &rig, 0);
    }
    end(&rig, &dealer);
}

TEST(gateway, options_that_are_not_safe_or_mean_nothing_are_refused)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    const char *any[] = {"tcp://0.0.0.0:*"};
    const char *none[] = {"udp://127.0.0.1:1"};
    weft_server *server = NULL;

    node_rig_open(&rig.node);
    CHECK_ERR(weft_server_open(rig.node.node, &rig.options, &server),
              WEFT_EINVAL);
    rig.options.endpoints = any;
    rig.options.endpoints_count = 1;
    CHECK_ERR(weft_server_open(rig.node.node, &rig.options, &server),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "server_key_file, or `insecure`") != NULL);
    rig.options.endpoints = none;
    CHECK_ERR(weft_server_open(rig.node.node, &rig.options, &server),
              WEFT_EINVAL);
    rig.options.endpoints = any;
    rig.options.insecure = 1;
    CHECK_OK(weft_server_open(rig.node.node, &rig.options, &server));
    CHECK(weft_server_endpoint(server, 0) != NULL);
    CHECK(weft_server_endpoint(server, 1) == NULL);
    weft_server_close(server);
    node_rig_close(&rig.node);
    gateway_rig_end(&rig);
}

// One signal a second.
static void
say_slow_batch(struct dealer *dealer, uint64_t number)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "batch", number);

    wf_wire_put_text(writer, "filter", "run > 0");
    wf_wire_put_text(writer, "verb", "signal");
    wf_wire_put_text(writer, "name", "add");
    wf_wire_put_uint(writer, "per_second", 1);
    dealer_end(dealer);
}

static void
say_batch(struct dealer *dealer, uint64_t number, const char *verb,
          uint64_t limit, const char *cursor)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "batch", number);

    wf_wire_put_text(writer, "filter", "run > 0");
    wf_wire_put_text(writer, "verb", verb);
    wf_wire_put_text(writer, "name", "add");
    wf_wire_put_uint(writer, "limit", limit);
    wf_wire_put_uint(writer, "per_second", 100);
    if (cursor != NULL) {
        wf_wire_put_text(writer, "cursor", cursor);
    }
    dealer_end(dealer);
}

TEST(gateway, batches_under_way_have_a_limit)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "start", 2, "counter", "b", NULL);
    CHECK_HEARS(&dealer, "ok 2 is_created=true");
    for (uint64_t i = 3; i <= 103; i++) {
        say_slow_batch(&dealer, i);
    }
    CHECK_HEARS(&dealer, "error 103 code=WEFT_EBUSY class=RETRY text=100 "
                         "batches are under way");
    end(&rig, &dealer);
}

TEST(gateway, a_batch_does_its_page_and_says_where_to_go_on)
{
    static const char begins[] = "ok 6 seen=3 done=3 cursor=";
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    char id[2] = "a";
    char heard[2000];
    uint64_t total = 0;

    greet(&dealer, 1);
    for (uint64_t i = 1; i <= 5; i++, id[0]++) {
        dealer_say(&dealer, "start", i, "counter", id, NULL);
        CHECK_HEARS_LIKE(&dealer, "ok ");
    }
    say_batch(&dealer, 6, "signal", 3, NULL);
    say_batch(&dealer, 6, "signal", 3, NULL); // is the same one
    (void)snprintf(heard, sizeof(heard), "%s", dealer_hear(&dealer));
    CHECK(strncmp(heard, begins, strlen(begins)) == 0);
    say_batch(&dealer, 7, "signal", 0, heard + strlen(begins));
    CHECK_HEARS(&dealer, "ok 7 seen=2 done=2");
    for (id[0] = 'a'; id[0] <= 'e'; id[0]++) {
        total += node_rig_number(rig.node.client, id);
    }
    CHECK_EQ(total, 5);
    say_batch(&dealer, 8, "start", 3, NULL);
    CHECK_HEARS_LIKE(&dealer, "error 8 code=WEFT_EINVAL class=CALLER");
    say_batch(&dealer, 9, "signal", 3, "nowhere");
    CHECK_HEARS_LIKE(&dealer, "error 9 code=WEFT_EINVAL class=CALLER");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    end(&rig, &dealer);
}

// A text is more than the rig shows.
static void
check_numbers(struct dealer *dealer, uint64_t number, const char *line)
{
    struct wf_message message;
    struct wf_wire_message read;
    struct wf_codec_metrics metrics;
    struct wf_arena memory = {0};

    dealer_say(dealer, "stats", number, NULL, NULL, NULL);
    for (int i = 0; i < 12000 && !wf_socket_receive(dealer->socket, &message);
         i++) {
        gateway_rig_pause();
    }
    CHECK_OK(wf_wire_read(message.frame, &read));
    CHECK_EQ(read.number, number);
    CHECK_OK(wf_codec_metrics_decode(&read, &memory, &metrics));
    CHECK(strstr(metrics.text, line) != NULL);
    CHECK(strstr(metrics.text, "\nweft_server_connections 1\n") != NULL);
    wf_arena_fini(&memory);
    wf_message_fini(&message);
}

TEST(gateway, stats_are_those_of_node_and_server)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    check_numbers(&dealer, 2, "\nweft_server_requests_total 2\n");
    dealer_say(&dealer, "start", 3, "counter", "b", NULL);
    CHECK_HEARS(&dealer, "ok 3 is_created=true");
    check_numbers(
        &dealer, 4,
        "\nweft_requests_total{verb=\"start\",error=\"WEFT_OK\"} 2\n");
    for (uint64_t i = 5; i < 25; i++) { // of whom nobody waits for the answer
        dealer_say(&dealer, "stats", i, NULL, NULL, NULL);
    }
    GATEWAY_UNTIL(&rig, now.requests >= 10);
    end(&rig, &dealer);
}

static void
add_again(struct dealer *dealer, uint64_t number)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "signal", number);

    wf_wire_put_text(writer, "kind", "counter");
    wf_wire_put_text(writer, "id", "a");
    wf_wire_put_text(writer, "name", "add");
    wf_wire_put_bool(writer, "again", true);
    dealer_end(dealer);
}

// A refusal would say that nothing has happened: its client would ask anew,
// under another number, and it would be done twice.
TEST(gateway, what_is_sent_again_is_looked_up_though_intake_has_stopped)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    greet(&dealer, 1);
    dealer_say(&dealer, "signal", 1, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 1");
    dealer_close(&dealer);
    gateway_rig_close(&rig);
    rig.node.options.memory_bytes = 1;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    greet(&dealer, 1);
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_EBUSY");
    add_again(&dealer, 1);
    CHECK_HEARS(&dealer, "ok 1");
    end(&rig, &dealer);
}
