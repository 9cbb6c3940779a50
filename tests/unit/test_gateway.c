// SPDX-License-Identifier: Apache-2.0
//
// test_gateway.c - a server on loopback, and clients that speak the protocol
// and no more.

#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "remote/codec_batch.h"
#include "runtime/client_as.h"
#include "runtime/inside.h"
#include "unit/gateway_rig.h"

#define WELCOME                                                                \
    "ok 0 version=1 server=weft 0.1.0 namespace=default roles={} "             \
    "credit=1000 credit_bytes=8388608 waits=1000 payload_max=2097152 "         \
    "message_max=5242880 keepalive_ms=10000 bundle_max=256"

// What the server asks of its node, on the way: if it is to be so, the answer
// is that of one that leaves its cluster.
static atomic_bool is_leaving;
static weft_reply_fn *asked;

weft_err __real_wf_client_submit_as(weft_client *client,
                                    const struct wf_client_as *as,
                                    const weft_request *request,
                                    weft_reply_fn *fn, void *ctx,
                                    struct wf_request **out_request);
weft_err __wrap_wf_client_submit_as(weft_client *client,
                                    const struct wf_client_as *as,
                                    const weft_request *request,
                                    weft_reply_fn *fn, void *ctx,
                                    struct wf_request **out_request);

static void
leave(void *ctx, const weft_reply *reply)
{
    weft_reply left = {.err = WEFT_ECLOSED, .detail = "it leaves its cluster"};

    left.number = reply->number;
    asked(ctx, &left);
}

weft_err
__wrap_wf_client_submit_as(weft_client *client, const struct wf_client_as *as,
                           const weft_request *request, weft_reply_fn *fn,
                           void *ctx, struct wf_request **out_request)
{
    if (atomic_exchange(&is_leaving, false)) {
        asked = fn;
        fn = leave;
    }
    return __real_wf_client_submit_as(client, as, request, fn, ctx,
                                      out_request);
}

TEST(gateway, a_client_says_hello_and_is_served)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

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
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, nothing_is_taken_before_hello)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "bye 0 code=hello text=nothing of this connection "
                         "was taken so far");
    dealer_say(&dealer, "start", 2, "counter", "a", NULL);
    dealer_say(&dealer, "ping", 3, NULL, NULL, NULL);
    dealer_greet(&dealer, 1); // and nothing between: once a second is enough
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, what_is_wrong_is_named)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);
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
    dealer_greet(&dealer, 1);
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
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, a_number_that_was_answered_is_answered_the_same)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 2");
    dealer_close(&dealer);
    gateway_rig_close(&rig);
    gateway_rig_open(&rig); // over the end of the process, too
    dealer_open(&dealer, &rig, 0);
    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 2");
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 1);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, a_number_that_comes_again_meanwhile_is_answered_once)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    dealer_say(&dealer, "terminate", 3, "counter", "a", NULL);
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1);
    CHECK_EQ(strlen(dealer_hear(&dealer)) > 0, 1);
    dealer_say(&dealer, "ping", 4, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 4");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, the_newest_connection_of_a_client_is_the_one)
{
    struct dealer older;
    struct dealer newer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &older);

    dealer_greet_and_start(&older);
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
    gateway_rig_end_with(&rig, &newer);
}

// The slow kind's turn takes half a second, so its answers come after hello.
TEST(gateway, what_was_asked_before_a_connection_broke_is_answered_after_it)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "slow", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "signal", 2, "slow", "a", "go");
    CHECK_HEARS(&dealer, "ok 2");
    dealer_say(&dealer, "signal", 3, "slow", "a", "go"); // behind that turn
    GATEWAY_UNTIL(&rig, now.requests == 3);
    dealer_close(&dealer);
    dealer_open(&dealer, &rig, 0);
    dealer_greet(&dealer, 1);
    CHECK_HEARS(&dealer, "ok 3"); // of itself
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, waits_end_with_their_connection)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    for (uint64_t i = 2; i < 102; i++) {
        dealer_say(&dealer, "result", i, "counter", "a", NULL);
    }
    GATEWAY_UNTIL(&rig, now.requests_open == 100);
    dealer_close(&dealer);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    dealer_open(&dealer, &rig, 0);
    dealer_greet(&dealer, 1);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_OK(weft_client_terminate(rig.node.client,
                                   (weft_target){"counter", "a"}, "enough"));
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_ETERMINATED class=FINAL");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, who_says_hello_as_another_one_waits_for_nothing_more)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    dealer_greet(&dealer, 2);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, what_was_asked_in_another_namespace_is_not_answered_here)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    dealer_hello_in(&dealer, 1, "shop");
    CHECK_HEARS_LIKE(&dealer, "ok 0 version=1 server=weft 0.1.0 "
                              "namespace=shop ");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    CHECK_OK(weft_client_terminate(rig.node.client,
                                   (weft_target){"counter", "a"}, "enough"));
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_ENOTFOUND");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, a_wait_may_have_an_end)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);
    struct wf_wire_writer *writer;

    dealer_greet_and_start(&dealer);
    writer = dealer_begin(&dealer, "result", 2);
    wf_wire_put_text(writer, "kind", "counter");
    wf_wire_put_text(writer, "id", "a");
    wf_wire_put_uint(writer, "wait_ms", 1);
    dealer_end(&dealer);
    CHECK_HEARS(&dealer, "error 2 code=WEFT_ETIMEDOUT class=UNKNOWN "
                         "text=wait_ms: it has nothing to say yet");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, what_is_no_message_is_told_and_cut_off)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);
    const char *heard = "";

    dealer_greet(&dealer, 1);
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
    dealer_greet(&dealer, 1);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, who_is_connected_is_told_of_the_end)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "result", 2, "counter", "a", NULL);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    CHECK_OK(weft_server_drain(rig.server, 5000));
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=closing");
    CHECK_OK(weft_server_drain(rig.server, 5000));
    weft_server_close(rig.server);
    rig.server = NULL;
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=closing");
    gateway_rig_end_with(&rig, &dealer);
}

// Another node may have done it, or do it yet: the client asks there.
TEST(gateway, who_asks_a_node_that_leaves_is_sent_away)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    atomic_store(&is_leaving, true);
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS(&dealer, "bye 0 code=closing text=it leaves its cluster");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, code_of_a_turn_does_not_end_it)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    wf_inside_begin(); // as if this were a handler
    CHECK_ERR(weft_server_drain(rig.server, 10), WEFT_EINVAL);
    weft_server_close(rig.server);
    CHECK_EQ(strstr(weft_err_detail(), "weft_server_close") != NULL, 1);
    wf_inside_end();
    dealer_greet(&dealer, 1);
    gateway_rig_end_with(&rig, &dealer);
}

// What was asked may be answered, and freed, in the very moment of the close;
// asan says who looks into it then.
TEST(gateway, who_closes_leaves_alone_what_the_node_has)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    rig.options.endpoints = rig.endpoints;
    for (uint8_t round = 1; round <= 5; round++) {
        dealer_greet(&dealer, round);
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
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway, options_that_are_not_safe_or_mean_nothing_are_refused)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    const char *any[] = {"tcp://0.0.0.0:*"};
    const char *other[] = {"tcp://localhost.example:7000"};
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
    rig.options.endpoints = other;
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
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
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
    gateway_rig_end_with(&rig, &dealer);
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
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet(&dealer, 1);
    dealer_say(&dealer, "signal", 1, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 1");
    dealer_close(&dealer);
    gateway_rig_close(&rig);
    rig.node.options.memory_bytes = 1;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    dealer_greet(&dealer, 1);
    dealer_say(&dealer, "signal", 2, "counter", "a", "add");
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_EBUSY");
    add_again(&dealer, 1);
    CHECK_HEARS(&dealer, "ok 1");
    gateway_rig_end_with(&rig, &dealer);
}
