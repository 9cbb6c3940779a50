// SPDX-License-Identifier: Apache-2.0
//
// test_ways.c - a client of a cluster: which node it asks. The test plays two
// of them, on one socket: "a", its home, and "b" at another endpoint.
//
// There is one partition. How long the client takes for anything is not known,
// so what is checked is what must hold of each message whenever it comes.

#include <stdio.h>
#include <string.h>

#include "transport/line.h"
#include "unit/wire_rig.h"

#define LOOK_MS 20

enum where { HOME, OTHER, NOWHERE };

static const struct wire_hello home_hello = {
    .node = "a", .name_space = "default", .principal = "ada", .partitions = 1};
static const struct wire_hello other_hello = {
    .node = "b", .name_space = "default", .principal = "ada", .partitions = 1};

static struct ways {
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1]; // of b
    struct wf_peer peers[2];
    int fds[2];
    uint64_t map; // number of the question for one; 0: none
    uint64_t version;
    const struct wire_hello *hello; // what b answers; NULL: a refusal
    uint32_t hellos;                // that b heard

    uint64_t open[64]; // signals without an answer, in order
    enum where from[64];
    size_t count;
    uint64_t newest; // signal that came, of those that came once
    size_t taken[2]; // signals, by where
} ways;

// Messages. -------------------------------------------------------------------

static void
speak_to(enum where where)
{
    wire_rig.peer = ways.peers[where];
    wire_rig.fd = ways.fds[where];
}

static enum where
came_from(void)
{
    for (int i = 0; i < 2; i++) {
        if (ways.peers[i].len == wire_rig.peer.len &&
            memcmp(ways.peers[i].bytes, wire_rig.peer.bytes,
                   wire_rig.peer.len) == 0) {
            return (enum where)i;
        }
    }
    return NOWHERE;
}

static void
note_peer(enum where where)
{
    ways.peers[where] = wire_rig.peer;
    ways.fds[where] = wire_rig.fd;
}

// The partition is at that node; NULL: at none.
static void
tell_map(const char *node, const char *endpoint, uint64_t partition)
{
    struct wf_wire_writer writer;
    struct wf_buf frame = {0};

    CHECK(ways.map != 0);
    speak_to(HOME);
    wf_wire_begin(&writer, &frame, "ok", ways.map);
    wf_wire_put_uint(&writer, "after", ++ways.version);
    wf_wire_open_array(&writer, "nodes");
    if (node != NULL) {
        wf_wire_open_map(&writer, NULL);
        wf_wire_put_text(&writer, "node", node);
        wf_wire_put_text(&writer, "endpoint", endpoint);
        wf_wire_open_array(&writer, "partitions");
        wf_wire_put_uint(&writer, NULL, partition);
        wf_wire_close(&writer);
        wf_wire_close(&writer);
    }
    wf_wire_close(&writer);
    wf_wire_end(&writer);
    wire_raw(frame.data, frame.len);
    wf_buf_fini(&frame);
    ways.map = 0;
}

static void
take_hello(void)
{
    if (wire_text_is("node", NULL)) {
        note_peer(HOME);
        wire_welcome(&home_hello);
        return;
    }
    CHECK(wire_text_is("node", "b"));
    CHECK(wire_text_is("namespace", "default"));
    ways.hellos++;
    if (ways.hello == NULL) {
        wire_error(0, "WEFT_ENOTFOUND", "FINAL", "this is node a, and not b");
        return;
    }
    note_peer(OTHER);
    wire_welcome(ways.hello);
}

// What holds always: it comes where everything came that has no answer, unless
// it comes again, which is in order as well.
static void
take_signal(void)
{
    uint64_t number = wire_rig.wire.number;
    enum where where = came_from();
    size_t at = 0;

    CHECK(where != NOWHERE);
    ways.taken[where]++;
    while (at < ways.count && ways.open[at] != number) {
        at++;
    }
    for (size_t i = 0; i < at; i++) {
        CHECK_EQ(ways.from[i], where);
    }
    if (at == ways.count) {
        CHECK(number > ways.newest);
        ways.newest = number;
        ways.open[ways.count++] = number;
    }
    ways.from[at] = where;
}

// The next message, of whatever; "": none came.
static const char *
take(void)
{
    if (!wire_take_soon(LOOK_MS)) {
        return "";
    }
    if (wf_wire_is(&wire_rig.wire, "hello")) {
        take_hello();
        return "hello";
    }
    if (wf_wire_is(&wire_rig.wire, "map")) {
        CHECK_EQ(wire_uint("after"), ways.version);
        ways.map = wire_rig.wire.number;
        return "map";
    }
    CHECK(wf_wire_is(&wire_rig.wire, "signal"));
    take_signal();
    return "signal";
}

#define TAKE_UNTIL(condition)                                                  \
    do {                                                                       \
        for (int i_ = 0; !(condition); i_++) {                                 \
            CHECK(i_ < 3000);                                                  \
            (void)take();                                                      \
        }                                                                      \
    } while (0)

static void
answer_first(void)
{
    uint64_t number = ways.open[0];

    speak_to(ways.from[0]);
    ways.count--;
    memmove(ways.open, ways.open + 1, ways.count * sizeof(ways.open[0]));
    memmove(ways.from, ways.from + 1, ways.count * sizeof(ways.from[0]));
    wire_ok(number);
}

static void
answer_all(void)
{
    while (ways.count > 0) {
        answer_first();
    }
}

// One signal, from asking to answer.
static enum where
ask_one(void)
{
    enum where where;

    (void)wire_submit("pay");
    TAKE_UNTIL(ways.count == 1);
    where = ways.from[0];
    answer_first();
    wire_dispatch(wire_rig.replies_count + 1);
    return where;
}

#define ASK_UNTIL(where)                                                       \
    do {                                                                       \
        for (int i_ = 0; ask_one() != (where); i_++) {                         \
            CHECK(i_ < 3000);                                                  \
            (void)take();                                                      \
        }                                                                      \
    } while (0)

static void
begin(const struct wire_hello *hello)
{
    ways = (struct ways){.hello = hello};
    wire_open();
    CHECK_OK(
        wf_socket_bind(wire_rig.router, "tcp://127.0.0.1:*", ways.endpoint));
    wire_connect();
    TAKE_UNTIL(ways.map != 0);
}

// Tests. ----------------------------------------------------------------------

TEST(ways, what_is_elsewhere_is_asked_there)
{
    begin(&other_hello);
    CHECK_EQ(ask_one(), HOME);
    tell_map("b", ways.endpoint, 0);
    ASK_UNTIL(OTHER);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ask_one(), OTHER); // and nothing is asked at home any more
    }
    CHECK_EQ(ways.hellos, 1);
    wire_close();
}

// Several are always under way, and the partition is at one node, and then at
// the other, over and over.
TEST(ways, order_holds_while_a_partition_moves)
{
    uint32_t moves = 0;
    size_t asked = 0;

    begin(&other_hello);
    for (int i = 0; i < 20000 && moves < 12; i++) {
        while (asked < wire_rig.replies_count + 4) {
            (void)wire_submit("pay");
            asked++;
        }
        (void)take();
        if (ways.count > 1 || (ways.count == 1 && i % 3 > 0)) {
            answer_first();
        }
        weft_client_dispatch(wire_rig.client, 100);
        if (ways.map != 0 && asked % 50 == 0) {
            tell_map(moves++ % 2 == 0 ? "b" : NULL, ways.endpoint, 0);
        }
    }
    CHECK_EQ(moves, 12);
    CHECK(ways.taken[HOME] > 0);
    CHECK(ways.taken[OTHER] > 0);
    wire_close();
}

TEST(ways, what_was_asked_on_a_way_that_breaks_is_asked_at_home_in_order)
{
    begin(&other_hello);
    tell_map("b", ways.endpoint, 0);
    ASK_UNTIL(OTHER);
    for (size_t i = 1; i <= 4; i++) {
        (void)wire_submit("pay");
        TAKE_UNTIL(ways.count == i);
        CHECK_EQ(ways.from[i - 1], OTHER);
    }
    ways.taken[HOME] = 0;
    speak_to(OTHER);
    wire_cut();
    TAKE_UNTIL(ways.taken[HOME] == 4);
    (void)wire_submit("pay"); // and so is what is asked meanwhile
    TAKE_UNTIL(ways.count == 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(ways.from[i], HOME);
    }
    answer_all();
    wire_dispatch(wire_rig.replies_count + 5);
    ASK_UNTIL(OTHER); // it came back
    wire_close();
}

TEST(ways, a_way_that_is_ended_is_no_way)
{
    static const char *const codes[] = {"closing", "replaced", "revoked",
                                        "slow"};

    begin(&other_hello);
    tell_map("b", ways.endpoint, 0);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        ASK_UNTIL(OTHER);
        (void)wire_submit("pay");
        TAKE_UNTIL(ways.count == 1);
        ways.taken[HOME] = 0;
        speak_to(OTHER);
        wire_bye(codes[i]);
        TAKE_UNTIL(ways.taken[HOME] == 1);
        answer_all();
        wire_dispatch(wire_rig.replies_count + 1);
    }
    wire_close();
}

// Who it says it is, and as whom it knows the client.
TEST(ways, who_is_not_what_the_map_said_is_not_asked)
{
    static const struct wire_hello lies[] = {
        {.node = "c",
         .name_space = "default",
         .principal = "ada",
         .partitions = 1},
        {.name_space = "default", .principal = "ada"},
        {.node = "b",
         .name_space = "shop",
         .principal = "ada",
         .partitions = 1},
        {.node = "b",
         .name_space = "default",
         .principal = "eve",
         .partitions = 1},
        {.node = "b",
         .name_space = "default",
         .principal = "ada",
         .partitions = 2},
    };

    for (size_t i = 0; i <= sizeof(lies) / sizeof(lies[0]); i++) {
        bool is_refused = i == sizeof(lies) / sizeof(lies[0]);

        begin(is_refused ? NULL : &lies[i]);
        tell_map("b", ways.endpoint, 0);
        while (ways.hellos < 3) {
            CHECK_EQ(ask_one(), HOME);
            (void)take();
        }
        CHECK_EQ(ask_one(), HOME);
        wire_close();
    }
}

TEST(ways, a_map_that_lies_costs_nothing)
{
    begin(NULL);
    tell_map("b", wire_rig.endpoint, 0); // that is home
    while (ways.hellos < 2) {
        CHECK_EQ(ask_one(), HOME);
        (void)take();
    }
    TAKE_UNTIL(ways.map != 0);
    tell_map("b", "tcp://127.0.0.1:1", 0); // nobody
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ask_one(), HOME);
    }
    TAKE_UNTIL(ways.map != 0);
    tell_map("b", "tcp://256.1.1.1:1", 0); // nowhere
    CHECK_EQ(ask_one(), HOME);
    TAKE_UNTIL(ways.map != 0);
    tell_map("b", ways.endpoint, 1); // there is no such partition
    ways.hellos = 0;
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ask_one(), HOME);
    }
    CHECK_EQ(ways.hellos, 0);
    wire_close();
}

// Home is another node after it broke: the one that there was a way to.
TEST(ways, home_may_become_the_node_that_was_asked)
{
    begin(&other_hello);
    tell_map("b", ways.endpoint, 0);
    ASK_UNTIL(OTHER);
    (void)wire_submit("pay");
    TAKE_UNTIL(ways.count == 1);
    speak_to(HOME);
    wire_cut();
    ways.taken[HOME] = 0;
    TAKE_UNTIL(wf_wire_is(&wire_rig.wire, "hello") &&
               wire_text_is("node", NULL));
    // take_hello has said that it is a; the next one is b's.
    speak_to(HOME);
    wire_cut();
    for (int i = 0; i < 3000; i++) {
        if (wire_take_soon(LOOK_MS) && wf_wire_is(&wire_rig.wire, "hello") &&
            wire_text_is("node", NULL)) {
            break;
        }
    }
    note_peer(HOME);
    wire_welcome(&other_hello);
    ways.version = 0; // it may ask for any
    for (int i = 0; ways.taken[HOME] == 0; i++) {
        CHECK(i < 3000);
        if (wire_take_soon(LOOK_MS) && wf_wire_is(&wire_rig.wire, "signal")) {
            take_signal();
        }
    }
    CHECK_EQ(ways.from[0], HOME);
    answer_all();
    wire_dispatch(wire_rig.replies_count + 1);
    wire_close();
}

// The question was lost with its connection; and what answers it all the same
// is of before.
TEST(ways, who_comes_home_again_asks_for_the_map_again)
{
    uint64_t lost;
    uint64_t asked;

    begin(&other_hello);
    lost = ways.map;
    ways.map = 0;
    speak_to(HOME);
    wire_cut();
    TAKE_UNTIL(ways.map != 0);
    asked = ways.map;
    CHECK(asked != lost);
    ways.map = lost;
    tell_map("b", ways.endpoint, 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ask_one(), HOME);
        (void)take();
    }
    CHECK_EQ(ways.hellos, 0);
    ways.map = asked;
    tell_map("b", ways.endpoint, 0);
    ASK_UNTIL(OTHER);
    wire_close();
}

TEST(ways, who_keeps_to_its_endpoints_asks_for_no_map)
{
    weft_connect_options options;

    ways = (struct ways){.hello = &other_hello};
    wire_open();
    options = wire_options();
    options.keep_to_endpoints = 1;
    CHECK_OK(weft_client_connect(&options, &wire_rig.client));
    TAKE_UNTIL(ways.peers[HOME].len > 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ask_one(), HOME);
    }
    CHECK_EQ(ways.map, 0);
    wire_close();
}
