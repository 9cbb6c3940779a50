// SPDX-License-Identifier: Apache-2.0
//
// test_connect_bundle.c - a client and a node that takes several messages in
// one frame, or does not.

#include <stdio.h>
#include <string.h>

#include "unit/wire_rig.h"

// The first four of a connection go out at once, the rest with their answers.
static void
open_with(const struct wire_hello *hello)
{
    wire_open();
    wire_connect();
    for (int i = 0; i < 4; i++) {
        wire_submit("pay");
    }
    wire_hello(hello);
}

static void
take(uint64_t first, uint64_t last, bool is_again)
{
    for (uint64_t number = first; number <= last; number++) {
        wire_take_call("signal", number, is_again);
    }
}

// In how many frames the four come; they may be answered in one all the same.
static void
check_frames(uint64_t bundle_max, size_t expected)
{
    size_t frames;

    open_with(&(struct wire_hello){.bundle_max = bundle_max});
    frames = wire_rig.frames;
    take(1, 4, false);
    CHECK_EQ(wire_rig.frames - frames, expected);
    wire_oks(1, 4);
    wire_dispatch(4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(wire_rig.numbers[i], i + 1);
        CHECK_ERR(wire_rig.errs[i], WEFT_OK);
    }
    wire_close();
}

TEST(connect_bundle, what_is_asked_together_goes_in_one_frame)
{
    (void)t;
    check_frames(256, 1);
}

TEST(connect_bundle, a_node_that_does_not_say_so_gets_each_in_its_own)
{
    (void)t;
    check_frames(0, 4);
}

TEST(connect_bundle, no_more_go_in_a_frame_than_the_node_takes)
{
    (void)t;
    check_frames(3, 2);
}

TEST(connect_bundle, messages_of_one_frame_take_credit_each)
{
    (void)t;
    open_with(&(struct wire_hello){.bundle_max = 256, .credit = 2});
    take(1, 2, false);
    wire_nothing();
    wire_ok(1);
    take(3, 3, false);
    wire_nothing();
    wire_oks(2, 3);
    take(4, 4, false);
    wire_ok(4);
    wire_dispatch(4);
    wire_close();
}

// 40 KB each: a frame of several has 64 KiB.
TEST(connect_bundle, large_requests_go_alone)
{
    static char data[40000];
    weft_request request = WEFT_REQUEST_INIT;
    size_t frames;

    (void)t;
    wire_open();
    wire_connect();
    request.verb = WEFT_VERB_SIGNAL;
    request.target = wire_order;
    request.name = "pay";
    request.data = weft_bytes_of(data, sizeof(data));
    for (int i = 0; i < 3; i++) {
        wire_submit_request(&request);
    }
    wire_hello(&(struct wire_hello){.bundle_max = 256});
    frames = wire_rig.frames;
    take(1, 3, false);
    CHECK_EQ(wire_rig.frames - frames, 3);
    wire_oks(1, 3);
    wire_dispatch(3);
    wire_close();
}

// Of four in one frame two are answered when the connection ends.
TEST(connect_bundle, what_has_no_answer_is_sent_again_and_nothing_else)
{
    (void)t;
    open_with(&(struct wire_hello){.bundle_max = 256});
    take(1, 4, false);
    wire_oks(1, 2);
    wire_dispatch(2);
    wire_cut();
    wire_hello(&(struct wire_hello){.bundle_max = 256});
    take(3, 4, true);
    wire_oks(3, 4);
    wire_dispatch(4);
    wire_close();
}

// An answer, and then what makes no sense: the answer counts.
TEST(connect_bundle, answers_before_garbage_are_taken)
{
    static const uint8_t bytes[] = {0x93, 0xa2, 'o', 'k', 0x01, 0x80, 0xc1};

    (void)t;
    open_with(&(struct wire_hello){.bundle_max = 256});
    take(1, 4, false);
    wire_raw(bytes, sizeof(bytes));
    wire_dispatch(1);
    CHECK_EQ(wire_rig.numbers[0], 1);
    wire_hello(&(struct wire_hello){.bundle_max = 256});
    take(2, 4, true);
    wire_oks(2, 4);
    wire_dispatch(4);
    wire_close();
}
