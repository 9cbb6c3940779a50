// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_credit.c - how much clients may ask of a server, and how long
// they may be silent or slow: who goes beyond is refused or cut off, and nobody
// else notices.

#include <stdio.h>
#include <string.h>

#include "unit/gateway_rig.h"
#include "weft/connect.h"
#include "weft/operate.h"

TEST(gateway_credit, what_is_over_the_credit_is_refused)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.credit = 3;
    rig.options.waits_max = 2;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    dealer_greet_and_start(&dealer);
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
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_credit, limits_change_while_it_runs)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);
    weft_server_options limits = WEFT_SERVER_OPTIONS_INIT;

    dealer_greet_and_start(&dealer);
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
    gateway_rig_end_with(&rig, &dealer);
}

// Small requests that wait cost the node more than their bytes.
TEST(gateway_credit, all_together_have_a_limit_that_small_requests_reach)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.bytes_max = 20 << 10;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    dealer_greet_and_start(&dealer);
    for (uint64_t i = 2; i < 32; i++) {
        dealer_say(&dealer, "result", i, "counter", "a", NULL);
    }
    GATEWAY_UNTIL(&rig, now.refused >= 10);
    CHECK(gateway_rig_stats(&rig).requests_open < 20);
    CHECK_HEARS_LIKE(&dealer, "error 2");
    gateway_rig_end_with(&rig, &dealer);
}

// However much was asked and answered before.
TEST(gateway_credit, credit_comes_back_with_each_answer)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.credit_bytes = 1000;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    dealer_greet_and_start(&dealer);
    for (uint64_t i = 2; i < 100; i++) {
        char answer[32];

        dealer_say(&dealer, "signal", i, "counter", "a", "add");
        (void)snprintf(answer, sizeof(answer), "ok %d", (int)i);
        CHECK_HEARS(&dealer, answer);
    }
    GATEWAY_UNTIL(&rig, now.request_bytes == 0);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_credit, connections_over_the_limit_are_turned_away)
{
    struct dealer dealer;
    struct dealer more[6];
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.connections_max = 3;
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    dealer_greet(&dealer, 1);
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
    dealer_greet(&more[0], 2); // there is room again
    dealer_close(&more[0]);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_credit, who_says_nothing_is_cut_off)
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
    dealer_greet(&dealer, 1);
    CHECK_HEARS(&dealer,
                "bye 0 code=keepalive text=nothing was heard for too long");
    GATEWAY_UNTIL(&rig, now.disconnected >= 2);
    gateway_rig_end_with(&rig, &dealer);
}

// Who came first and speaks does not hide who came later and does not.
TEST(gateway_credit, who_says_nothing_is_cut_off_beside_who_does)
{
    struct dealer dealer;
    struct dealer mute;
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.options.keepalive_ms = 1000; // a busy machine pauses for less than 3
    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    dealer_hello(&dealer, 1);
    CHECK_HEARS_LIKE(&dealer, "ok 0 version=1");
    dealer_open(&mute, &rig, 0);
    dealer_hello(&mute, 2);
    CHECK_HEARS_LIKE(&mute, "ok 0 version=1");
    for (int i = 0; i < 2000 && gateway_rig_stats(&rig).silent == 0; i++) {
        dealer_say(&dealer, "ping", 0, NULL, NULL, NULL);
        CHECK_HEARS(&dealer, "pong 0");
        gateway_rig_pause();
    }
    CHECK_EQ(gateway_rig_stats(&rig).silent, 1);
    dealer_close(&mute);
    gateway_rig_end_with(&rig, &dealer);
}

// It asks for a value of 100 KB and takes no answer.
TEST(gateway_credit, a_slow_reader_costs_little_and_stops_nobody)
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
    dealer_greet(&slow, 1);
    dealer_greet(&dealer, 2);
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
    gateway_rig_end_with(&rig, &dealer);
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

TEST(gateway_credit,
     a_capsule_larger_than_a_message_passes_beside_the_node_only)
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
