// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_bundle.c - several messages in one frame, to a server and back.

#include <stdio.h>
#include <string.h>

#include "unit/gateway_rig.h"
#include "weft/operate.h"

static struct gateway_rig
begin(struct test *t, struct dealer *dealer)
{
    struct gateway_rig rig = gateway_rig_begin_with(t, dealer);

    dealer_greet(dealer, 1);
    return rig;
}

// Behind what is in the frame already.
static void
put(struct dealer *dealer, const char *verb, uint64_t number, const char *name)
{
    struct wf_wire_writer *writer = &dealer->writer;

    wf_wire_begin(writer, &dealer->out, verb, number);
    if (strcmp(verb, "ping") != 0) {
        wf_wire_put_text(writer, "kind", "counter");
        wf_wire_put_text(writer, "id", "a");
    }
    if (name != NULL) {
        wf_wire_put_text(writer, "name", name);
    }
    wf_wire_end(writer);
}

TEST(gateway_bundle, messages_of_one_frame_are_as_if_each_came_in_its_own)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    put(&dealer, "start", 1, NULL);
    put(&dealer, "signal", 2, "add");
    put(&dealer, "signal", 3, "add");
    put(&dealer, "query", 4, "number");
    dealer_send(&dealer);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    CHECK_HEARS(&dealer, "ok 2");
    CHECK_HEARS(&dealer, "ok 3");
    CHECK_HEARS(&dealer, "ok 4 data=(8)");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_bundle, who_sends_them_is_answered_in_them)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    uint32_t frames = dealer.frames;

    put(&dealer, "start", 1, NULL);
    for (uint64_t i = 2; i <= 200; i++) {
        put(&dealer, "signal", i, "add");
    }
    dealer_send(&dealer);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    for (unsigned i = 2; i <= 200; i++) {
        char expected[16];

        (void)snprintf(expected, sizeof(expected), "ok %u", i);
        CHECK_HEARS(&dealer, expected);
    }
    CHECK(dealer.frames - frames < 100);
    gateway_rig_end_with(&rig, &dealer);
}

// Another client may not be able to read them.
TEST(gateway_bundle, who_sends_none_gets_none)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);
    uint32_t frames = dealer.frames;

    put(&dealer, "start", 1, NULL);
    dealer_send(&dealer);
    for (uint64_t i = 2; i <= 50; i++) {
        put(&dealer, "signal", i, "add");
        dealer_send(&dealer);
    }
    for (unsigned i = 1; i <= 50; i++) {
        CHECK_HEARS_LIKE(&dealer, "ok ");
    }
    CHECK_EQ(dealer.frames - frames, 50);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_bundle, what_comes_before_garbage_is_taken)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    put(&dealer, "ping", 1, NULL);
    put(&dealer, "ping", 2, NULL);
    wf_buf_put(&dealer.out, "\xc1", 1);
    dealer_send(&dealer);
    CHECK_HEARS(&dealer, "pong 1");
    CHECK_HEARS(&dealer, "pong 2");
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=malformed text=message 3 of a frame, "
                              "from byte 16 on: ");
    GATEWAY_UNTIL(&rig, now.malformed == 1 && now.disconnected == 1);
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_bundle, too_many_messages_in_a_frame_are_malformed)
{
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    for (uint64_t i = 1; i <= 257; i++) {
        put(&dealer, "ping", i, NULL);
    }
    dealer_send(&dealer);
    for (int i = 0; i < 256; i++) {
        CHECK_HEARS_LIKE(&dealer, "pong ");
    }
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=malformed text=a frame has over 256");
    gateway_rig_end_with(&rig, &dealer);
}

// It has said no hello: nothing of the frame is taken, and that is said once.
TEST(gateway_bundle, without_a_hello_nothing_of_a_frame_is_taken)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin(t);

    gateway_rig_open(&rig);
    dealer_open(&dealer, &rig, 0);
    put(&dealer, "start", 1, NULL);
    put(&dealer, "signal", 2, "add");
    dealer_send(&dealer);
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=hello");
    dealer_hello(&dealer, 1);
    CHECK_HEARS_LIKE(&dealer, "ok 0 version=1");
    put(&dealer, "start", 1, NULL);
    dealer_send(&dealer);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    gateway_rig_end_with(&rig, &dealer);
}

// A value that is larger than a bundle may be goes alone, behind what was to be
// sent before it.
TEST(gateway_bundle, large_answers_keep_their_place)
{
    static uint8_t large[100000];
    weft_operator by = {.who = "test", .why = "to have it"};
    weft_target target = {"counter", "a"};
    struct dealer dealer;
    struct gateway_rig rig = begin(t, &dealer);

    put(&dealer, "start", 1, NULL);
    dealer_send(&dealer);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    CHECK_OK(weft_operate_publish(rig.node.client, target, "large",
                                  weft_bytes_of(large, sizeof(large)), &by));
    for (uint64_t i = 2; i <= 60; i += 2) {
        put(&dealer, "query", i, "number");
        put(&dealer, "query", i + 1, "large");
    }
    dealer_send(&dealer);
    for (unsigned i = 2; i <= 61; i++) {
        char expected[32];

        (void)snprintf(expected, sizeof(expected), "ok %u data=(%u)", i,
                       i % 2 == 0 ? 8 : 100000);
        CHECK_HEARS(&dealer, expected);
    }
    gateway_rig_end_with(&rig, &dealer);
}
