// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_map.c - what a server tells of the cluster of its node. The node
// is told a map by the test.

#include <string.h>

#include "runtime/node.h"
#include "runtime/routes.h"
#include "unit/gateway_rig.h"

static struct gateway_rig
begin(struct test *t, struct dealer *dealer, const char *name)
{
    struct gateway_rig rig = gateway_rig_begin(t);

    rig.node.name = name;
    gateway_rig_open(&rig);
    dealer_open(dealer, &rig, 0);
    return rig;
}

static void
ask(struct dealer *dealer, uint64_t number, uint64_t after)
{
    wf_wire_put_uint(dealer_begin(dealer, "map", number), "after", after);
    dealer_end(dealer);
}

static uint64_t
set_routes(struct gateway_rig *rig, const char *owner)
{
    struct wf_routes routes;

    wf_routes_init(&routes, 8);
    wf_routes_add(&routes, 3, owner, "tcp://127.0.0.1:7400");
    wf_routes_seal(&routes);
    wf_node_set_routes(rig->node.node, &routes);
    return wf_node_routes_version(rig->node.node);
}

TEST(gateway_map, a_node_alone_has_none)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer, NULL);

    dealer_hello(&dealer, 1);
    CHECK_HEARS_LIKE(&dealer, "ok 0 version=1");
    ask(&dealer, 1, 0);
    CHECK_HEARS_LIKE(&dealer, "error 1 code=WEFT_ENOTFOUND");
    gateway_rig_end_with(&rig, &dealer);
}

static void
greet(struct dealer *dealer)
{
    const char *welcome;

    dealer_hello(dealer, 1);
    welcome = dealer_hear(dealer);
    CHECK(strstr(welcome, " node=a partitions=8") != NULL);
}

TEST(gateway_map, each_map_is_told_once)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer, "a");
    uint64_t version;

    greet(&dealer);
    ask(&dealer, 1, 0);
    dealer_say(&dealer, "ping", 2, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 2"); // and no map: there is none
    version = set_routes(&rig, "a");
    CHECK_HEARS_LIKE(&dealer, "ok 1 after=");
    ask(&dealer, 3, 0); // one that has none is told at once
    CHECK_HEARS_LIKE(&dealer, "ok 3 after=");
    ask(&dealer, 4, version);
    (void)set_routes(&rig, "a"); // the same
    dealer_say(&dealer, "start", 5, "counter", "x", NULL);
    CHECK_HEARS(&dealer, "ok 5 is_created=true"); // 4 was taken before
    (void)set_routes(&rig, "b");
    CHECK_HEARS_LIKE(&dealer, "ok 4 after=");
    (void)set_routes(&rig, "c"); // nobody asks
    dealer_say(&dealer, "ping", 6, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 6");
    CHECK_EQ(gateway_rig_stats(&rig).requests, 1); // maps are none
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_map, of_two_questions_the_newer_is_answered)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer, "a");
    uint64_t version = set_routes(&rig, "a");

    greet(&dealer);
    ask(&dealer, 1, version);
    ask(&dealer, 2, version);
    dealer_say(&dealer, "ping", 3, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 3");
    (void)set_routes(&rig, "b");
    CHECK_HEARS_LIKE(&dealer, "ok 2 after=");
    dealer_say(&dealer, "ping", 4, NULL, NULL, NULL);
    CHECK_HEARS(&dealer, "pong 4");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_map, a_question_with_another_field_names_it)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer, "a");

    greet(&dealer);
    dealer_say(&dealer, "map", 1, "counter", "x", NULL);
    CHECK_HEARS_LIKE(&dealer, "error 1 code=WEFT_EINVAL");
    gateway_rig_end_with(&rig, &dealer);
}

// The connection is nobody's then, and its client's older one is left alone.
TEST(gateway_map, a_hello_for_another_node_is_refused)
{
    uint8_t id[16] = {1};
    struct dealer dealer;
    struct dealer other;
    struct gateway_rig rig = begin(t, &dealer, "a");
    struct wf_wire_writer *writer;

    greet(&dealer);
    dealer_open(&other, &rig, 0);
    writer = dealer_begin(&other, "hello", 0);
    wf_wire_put_uint(writer, "version", 1);
    wf_wire_put_bytes(writer, "client", weft_bytes_of(id, sizeof(id)));
    wf_wire_put_text(writer, "node", "b");
    dealer_end(&other);
    CHECK_HEARS_LIKE(&other, "error 0 code=WEFT_ENOTFOUND class=FINAL "
                             "text=this is node a, and not b");
    dealer_say(&other, "start", 1, "counter", "x", NULL);
    CHECK_HEARS_LIKE(&other, "bye 0 code=hello");
    dealer_say(&dealer, "start", 1, "counter", "x", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_close(&other);
    gateway_rig_end_with(&rig, &dealer);
}
