// SPDX-License-Identifier: Apache-2.0
//
// test_connect.c - a client over the wire, against a node that misbehaves in
// every way a node, or what is in between, can.

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit/wire_rig.h"

// Calls and answers. ----------------------------------------------------------

TEST(connect, a_connection_begins_with_hello)
{
    static const uint8_t id[16] = {1, 2, 3};
    weft_connect_options options;
    struct wf_wire_walk walk;
    struct wf_wire_field field;
    uint64_t number;
    bool has_client = false;

    wire_open();
    options = wire_options();
    options.name_space = "shop";
    options.label = "till 3";
    memcpy(options.client_id, id, sizeof(id));
    CHECK_OK(weft_client_connect(&options, &wire_rig.client));
    number = wire_submit("pay");
    CHECK(number > 1ULL << 40); // such an id may have been used before
    wire_hello(NULL);
    CHECK(wire_text_is("namespace", "shop"));
    CHECK(wire_text_is("label", "till 3"));
    walk = wf_wire_fields(&wire_rig.wire);
    while (wf_wire_next(&walk, &field)) {
        has_client = has_client ||
                     (wf_wire_field_is(&field, "client") &&
                      field.item.as.bytes.len == sizeof(id) &&
                      memcmp(field.item.as.bytes.data, id, sizeof(id)) == 0);
    }
    CHECK(has_client);
    wire_take_call("signal", number, false);
    CHECK(wire_text_is("name", "pay"));
    CHECK(wire_text_is("kind", "order"));
    CHECK(wire_text_is("id", "17"));
    CHECK_EQ(wire_uint("confirmed"), number);
    wire_ok(number);
    wire_dispatch(1);
    CHECK_ERR(wire_rig.errs[0], WEFT_OK);
    CHECK_EQ(wire_rig.numbers[0], number);
    wire_close();
}

TEST(connect, answers_may_come_in_any_order_and_twice)
{
    wire_open();
    wire_connect();
    wire_hello(NULL);
    for (uint64_t i = 1; i <= 3; i++) {
        wire_submit("pay");
        wire_take_call("signal", i, false);
        CHECK_EQ(wire_uint("confirmed"), 1);
    }
    wire_ok(3);
    wire_ok(3);
    wire_ok(77);
    wire_error(1, "WEFT_EFINISHED", "FINAL", "17: it has finished");
    wire_dispatch(2);
    CHECK_EQ(wire_rig.numbers[0], 3);
    CHECK_EQ(wire_rig.numbers[1], 1);
    CHECK_ERR(wire_rig.errs[1], WEFT_EFINISHED);
    CHECK_STR(wire_rig.detail, "17: it has finished");
    wire_submit("pay");
    wire_take_call("signal", 4, false);
    CHECK_EQ(wire_uint("confirmed"), 2);
    wire_close();
    CHECK_EQ(wire_rig.replies_count, 4); // the client was closed
    CHECK_ERR(wire_rig.errs[3], WEFT_ECLOSED);
}

static void *
call_result(void *arg)
{
    weft_reply *reply = NULL;

    *(weft_err *)arg =
        weft_client_result(wire_rig.client, wire_order, 100, &reply);
    weft_reply_free(reply);
    return NULL;
}

TEST(connect, a_late_answer_is_dropped)
{
    weft_err err = WEFT_OK;
    pthread_t thread;

    wire_open();
    wire_connect();
    wire_hello(NULL);
    CHECK_EQ(pthread_create(&thread, NULL, call_result, &err), 0);
    wire_take_call("result", 1, false);
    CHECK_EQ(wire_uint("wait_ms"), 1100); // longer than the caller waits
    pthread_join(thread, NULL);
    CHECK_ERR(err, WEFT_ETIMEDOUT);
    wire_ok(1);
    wire_submit("pay");
    wire_take_call("signal", 2, false);
    wire_ok(2);
    wire_dispatch(1);
    wire_close();
}

TEST(connect, what_nobody_waits_for_is_not_sent)
{
    weft_err err = WEFT_OK;
    pthread_t thread;

    wire_open();
    wire_connect();
    CHECK_EQ(pthread_create(&thread, NULL, call_result, &err), 0);
    pthread_join(thread, NULL);
    CHECK_ERR(err, WEFT_ETIMEDOUT);
    wire_submit("pay");
    wire_hello(NULL);
    wire_take_call("signal", 2, false);
    wire_close();
}

TEST(connect, one_number_is_asked_once_at_a_time)
{
    weft_request request = WEFT_REQUEST_INIT;

    wire_open();
    wire_connect();
    wire_hello(NULL);
    wire_submit("pay");
    wire_take_call("signal", 1, false);
    request.verb = WEFT_VERB_SIGNAL;
    request.target = wire_order;
    request.name = "pay";
    request.number = 1;
    wire_submit_request(&request);
    wire_submit("ship");
    wire_take_call("signal", 2, false);
    wire_ok(1);
    wire_take_call("signal", 1, true);
    wire_ok(1);
    wire_ok(2);
    wire_dispatch(3);
    wire_close();
}

// Connections. ----------------------------------------------------------------

// Four calls of which the second is answered.
static void
begin_four(void)
{
    wire_open();
    wire_connect();
    wire_hello(NULL);
    for (uint64_t i = 1; i <= 4; i++) {
        wire_submit("pay");
        wire_take_call("signal", i, false);
    }
    wire_ok(2);
    wire_dispatch(1);
}

static void
take_rest_again(void)
{
    static const uint64_t numbers[] = {1, 3, 4};

    for (size_t i = 0; i < 3; i++) {
        wire_take_call("signal", numbers[i], true);
    }
    wire_submit("ship");
    wire_take_call("signal", 5, false);
    CHECK_EQ(wire_uint("confirmed"), 1);
    wire_ok(3);
    wire_ok(5);
    wire_ok(4);
    wire_ok(1);
    wire_dispatch(5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_ERR(wire_rig.errs[i], WEFT_OK);
    }
    wire_close();
}

TEST(connect, after_a_cut_all_that_has_no_answer_is_sent_again_in_order)
{
    begin_four();
    wire_cut();
    wire_hello(NULL);
    take_rest_again();
}

TEST(connect, a_hello_that_is_cut_is_said_again)
{
    begin_four();
    for (int i = 0; i < 3; i++) {
        wire_cut();
        wire_take("hello");
    }
    wire_cut();
    wire_hello(NULL);
    take_rest_again();
}

TEST(connect, a_node_that_misses_hello_gets_one)
{
    begin_four();
    wire_bye("hello");
    wire_hello(NULL);
    take_rest_again();
}

TEST(connect, a_node_that_closes_is_connected_again)
{
    begin_four();
    wire_bye("closing");
    wire_hello(NULL);
    take_rest_again();
}

TEST(connect, garbage_ends_the_connection)
{
    begin_four();
    wire_raw("\x93\xa2ok", 4);
    wire_hello(NULL);
    take_rest_again();
}

TEST(connect, hello_may_be_refused_for_a_while)
{
    begin_four();
    wire_cut();
    wire_take("hello");
    wire_error(0, "WEFT_EBUSY", "RETRY", "too many connections");
    wire_hello(NULL);
    take_rest_again();
}

TEST(connect, what_a_later_version_says_is_skipped)
{
    begin_four();
    wire_raw("\x93\xa4news\x00\x80", 8);
    wire_bye("hello");
    wire_hello(NULL);
    take_rest_again();
}

// "ok" with a number where an instance belongs.
TEST(connect, an_answer_that_is_none_is_asked_for_three_times)
{
    weft_request request = WEFT_REQUEST_INIT;

    wire_open();
    wire_connect();
    wire_hello(NULL);
    request.verb = WEFT_VERB_DESCRIBE;
    request.target = wire_order;
    wire_submit_request(&request);
    wire_take_call("describe", 1, false);
    for (int i = 0; i < 3; i++) {
        wire_raw("\x93\xa2ok\x01\x81\xa8instance\x07", 16);
        wire_hello(NULL);
        if (i < 2) {
            wire_take_call("describe", 1, true);
        }
    }
    wire_dispatch(1);
    CHECK_ERR(wire_rig.errs[0], WEFT_ECORRUPT);
    wire_close();
}

TEST(connect, several_endpoints_are_tried_in_turn)
{
    weft_connect_options options;

    wire_open();
    options = wire_options();
    wire_rig.endpoints[0] = "tcp://127.0.0.1:1"; // nobody is there
    wire_rig.endpoints[1] = wire_rig.endpoint;
    options.endpoints_count = 2;
    CHECK_OK(weft_client_connect(&options, &wire_rig.client));
    wire_submit("pay");
    wire_hello(NULL);
    wire_take_call("signal", 1, false);
    wire_close();
}

TEST(connect, who_waits_pings)
{
    wire_open();
    wire_connect();
    wire_hello(&(struct wire_hello){.keepalive_ms = 100});
    wire_submit("pay");
    wire_take_call("signal", 1, false);
    wire_take_pings(2);
    wire_ok(1);
    wire_dispatch(1);
    wire_close();
}

TEST(connect, who_waits_for_nothing_pings_as_often_as_it_was_told)
{
    wire_open();
    wire_connect();
    wire_hello(&(struct wire_hello){.keepalive_ms = 100});
    wire_take_pings(3);
    wire_close();
}

// Not an answer to what an earlier connection asked.
TEST(connect, who_says_hello_is_welcomed_by_the_answer_to_that)
{
    wire_open();
    wire_connect();
    wire_take("hello");
    wire_ok(5);
    wire_welcome(&(struct wire_hello){.credit = 3});
    for (uint64_t i = 1; i <= 3; i++) {
        wire_submit("pay");
        wire_take_call("signal", i, false);
    }
    for (uint64_t i = 1; i <= 3; i++) {
        wire_ok(i);
    }
    wire_dispatch(3);
    wire_close();
}

// A slow start. ---------------------------------------------------------------

static void
submit_many(int count)
{
    for (int i = 0; i < count; i++) {
        wire_submit("pay");
    }
}

static void
take_calls(uint64_t first, uint64_t last, bool is_again)
{
    for (uint64_t i = first; i <= last; i++) {
        wire_take_call("signal", i, is_again);
    }
}

TEST(connect, a_connection_begins_with_a_few_and_doubles)
{
    wire_open();
    wire_connect();
    submit_many(64);
    wire_hello(NULL);
    take_calls(1, 4, false);
    wire_ok(2);
    take_calls(5, 6, false);
    wire_ok(1);
    take_calls(7, 8, false);
    wire_cut();
    wire_hello(NULL);
    take_calls(3, 6, true);
    wire_ok(6);
    take_calls(7, 8, true);
    wire_ok(3);
    take_calls(9, 10, false);
    wire_close();
}

TEST(connect, what_is_not_answered_for_long_holds_up_nobody_for_long)
{
    size_t pings;

    wire_open();
    wire_connect();
    submit_many(40);
    wire_hello(&(struct wire_hello){.credit = 30});
    take_calls(1, 4, false);
    wire_take_pings(1); // and nothing else
    take_calls(5, 8, false);
    wire_take_pings(2);
    take_calls(9, 16, false);
    wire_take_pings(3);
    take_calls(17, 30, false);
    pings = wire_rig.pings;
    wire_ok(7);
    take_calls(31, 31, false);
    CHECK(wire_rig.pings <= pings + 1); // of the seconds that it waits
    wire_close();
}

// Signals that a node took, of which each connection lets so much through.
enum { BREAKING_SIGNALS = 64, BREAKING_BYTES = 5000, BREAKING_MAX = 20 };

struct breaking {
    uint64_t open[BREAKING_SIGNALS];
    size_t count;
    size_t bytes;
    int connections;
};

static void
take_breaking(struct breaking *breaking)
{
    if (wf_wire_is(&wire_rig.wire, "hello")) {
        CHECK(++breaking->connections < BREAKING_MAX);
        breaking->count = 0;
        breaking->bytes = 0;
        wire_welcome(NULL);
    } else if (breaking->bytes < BREAKING_BYTES) {
        breaking->open[breaking->count++] = wire_rig.wire.number;
        breaking->bytes += wire_rig.message.frame.len;
        if (breaking->bytes >= BREAKING_BYTES) {
            wire_cut();
            breaking->count = 0; // nothing is answered any more
        }
    }
}

// The node answers when no more comes for a while. That is after a connection
// has broken, if all is sent at once.
TEST(connect, connections_that_break_early_get_everything_through)
{
    static char bytes[60];
    struct breaking breaking = {0};
    weft_request request = WEFT_REQUEST_INIT;

    wire_open();
    wire_connect();
    request.verb = WEFT_VERB_SIGNAL;
    request.target = wire_order;
    request.name = "pay";
    request.data = weft_bytes_of(bytes, sizeof(bytes));
    for (int i = 0; i < BREAKING_SIGNALS; i++) {
        wire_submit_request(&request);
    }
    while (wire_rig.replies_count < BREAKING_SIGNALS) {
        if (wire_take_soon(20)) {
            take_breaking(&breaking);
            continue;
        }
        while (breaking.count > 0) {
            wire_ok(breaking.open[--breaking.count]);
        }
        weft_client_dispatch(wire_rig.client, BREAKING_SIGNALS);
    }
    CHECK(breaking.connections > 1);
    wire_close();
}

// Credit. ---------------------------------------------------------------------

TEST(connect, what_is_over_the_credit_waits)
{
    wire_open();
    wire_connect();
    for (int i = 0; i < 5; i++) {
        wire_submit("pay");
    }
    wire_hello(&(struct wire_hello){.credit = 2});
    wire_take_call("signal", 1, false);
    wire_take_call("signal", 2, false);
    wire_ok(2);
    wire_take_call("signal", 3, false);
    wire_ok(3);
    wire_take_call("signal", 4, false);
    wire_nothing();
    wire_cut();
    // The credit of another connection is another.
    wire_hello(&(struct wire_hello){.credit = 3});
    wire_take_call("signal", 1, true);
    wire_take_call("signal", 4, true);
    wire_take_call("signal", 5, false);
    wire_close();
}

TEST(connect, waits_wait_for_each_other_and_nobody_else_does)
{
    weft_request request = WEFT_REQUEST_INIT;

    wire_open();
    wire_connect();
    request.verb = WEFT_VERB_RESULT;
    request.target = wire_order;
    wire_submit_request(&request);
    wire_submit_request(&request);
    wire_submit("pay");
    wire_hello(&(struct wire_hello){.waits = 1});
    wire_take_call("result", 1, false);
    CHECK_EQ(wire_uint("wait_ms"), 0);
    wire_take_call("signal", 3, false);
    wire_ok(1);
    wire_take_call("result", 2, false);
    wire_close();
}

static void
submit_large(void)
{
    static char bytes[2000];
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = wire_order;
    request.name = "pay";
    request.data = weft_bytes_of(bytes, sizeof(bytes));
    wire_submit_request(&request);
}

TEST(connect, large_ones_wait_for_bytes)
{
    wire_open();
    wire_connect();
    for (int i = 0; i < 3; i++) {
        submit_large();
    }
    wire_hello(&(struct wire_hello){.credit_bytes = 4500});
    wire_take_call("signal", 1, false);
    wire_take_call("signal", 2, false);
    wire_ok(1);
    wire_take_call("signal", 3, false);
    wire_cut();
    // Less than one: they go one by one.
    wire_hello(&(struct wire_hello){.credit_bytes = 100});
    wire_take_call("signal", 2, true);
    wire_ok(2);
    wire_take_call("signal", 3, true);
    wire_close();
}

TEST(connect, what_is_larger_than_a_message_is_refused_here)
{
    wire_open();
    wire_connect();
    submit_large();
    wire_submit("pay");
    wire_hello(&(struct wire_hello){.message_max = 1000});
    wire_take_call("signal", 2, false);
    wire_dispatch(1);
    CHECK_ERR(wire_rig.errs[0], WEFT_ETOOBIG);
    CHECK_STR(wire_rig.detail, "the message has 2055 bytes, the node takes "
                               "1000");
    wire_close();
}

// Refusals. -------------------------------------------------------------------

TEST(connect, a_refused_hello_fails_the_calls_until_one_is_not)
{
    wire_open();
    wire_connect();
    wire_submit("pay");
    wire_take("hello");
    wire_error(0, "WEFT_EDENIED", "CALLER", "shop is not for this key");
    wire_dispatch(1);
    CHECK_ERR(wire_rig.errs[0], WEFT_EDENIED);
    CHECK_STR(wire_rig.detail, "shop is not for this key");
    wire_hello(NULL);
    wire_submit("pay");
    wire_take_call("signal", 2, false);
    // What was sent may have been done.
    wire_bye("revoked");
    wire_dispatch(2);
    CHECK_ERR(wire_rig.errs[1], WEFT_EIO);
    CHECK_STR(wire_rig.detail, "the key of this client was revoked; whether "
                               "it was done is not known");
    wire_close();
}

TEST(connect, two_of_one_id_do_not_fight_for_ever)
{
    weft_request request = WEFT_REQUEST_INIT;

    wire_open();
    wire_connect();
    wire_submit("pay");
    for (int i = 0; i < 3; i++) {
        wire_hello(NULL);
        wire_take_call("signal", 1, i > 0);
        wire_bye("replaced");
    }
    wire_dispatch(1);
    CHECK_ERR(wire_rig.errs[0], WEFT_EIO);
    wire_submit("pay");
    wire_dispatch(2);
    CHECK_ERR(wire_rig.errs[1], WEFT_EBUSY);
    // It was not sent now, but before: that it was done is not known still.
    request.verb = WEFT_VERB_SIGNAL;
    request.target = wire_order;
    request.name = "pay";
    request.number = 1;
    wire_submit_request(&request);
    wire_dispatch(3);
    CHECK_ERR(wire_rig.errs[2], WEFT_EIO);
    wire_close();
}

struct connecting {
    weft_connect_options options;
    weft_err err;
    char detail[256];
};

static void *
connect_and_wait(void *arg)
{
    struct connecting *connecting = arg;

    connecting->err =
        weft_client_connect(&connecting->options, &wire_rig.client);
    (void)snprintf(connecting->detail, sizeof(connecting->detail), "%s",
                   weft_err_detail());
    return NULL;
}

TEST(connect, it_waits_for_the_node_if_asked_to)
{
    struct connecting connecting;
    pthread_t thread;

    wire_open();
    connecting.options = wire_options();
    connecting.options.wait_for_node = 1;
    CHECK_EQ(pthread_create(&thread, NULL, connect_and_wait, &connecting), 0);
    wire_take("hello");
    wire_error(0, "WEFT_EFORMAT", "FINAL", "there is version 2");
    pthread_join(thread, NULL);
    CHECK_ERR(connecting.err, WEFT_EFORMAT);
    CHECK_STR(connecting.detail, "there is version 2");
    CHECK(wire_rig.client == NULL);

    CHECK_EQ(pthread_create(&thread, NULL, connect_and_wait, &connecting), 0);
    wire_hello(NULL);
    pthread_join(thread, NULL);
    CHECK_OK(connecting.err);
    weft_client_close(wire_rig.client);
    wire_rig.client = NULL;

    connecting.options.timeout_ms = 50;
    CHECK_ERR(weft_client_connect(&connecting.options, &wire_rig.client),
              WEFT_ETIMEDOUT);
    CHECK(wire_rig.client == NULL);
    wire_close();
}

TEST(connect, options_are_checked)
{
    static const char *const odd[] = {"udp://127.0.0.1:1"};
    static const char *const no_port[] = {"tcp://127.0.0.1"};
    static const char *const good[] = {"tcp://127.0.0.1:1"};
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    weft_client *client = NULL;

    CHECK_ERR(weft_client_connect(NULL, &client), WEFT_EINVAL);
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_EINVAL);
    options.endpoints = good;
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_EINVAL);
    options.endpoints = odd;
    options.endpoints_count = 1;
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_EINVAL);
    options.endpoints = no_port;
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_EINVAL);
    options.endpoints = good;
    options.name_space = "";
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_EINVAL);
    options.name_space = NULL;
    options.key_file = "/nowhere/at/all";
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_EINVAL);
    options.server_key = options.key_file;
    CHECK_ERR(weft_client_connect(&options, &client), WEFT_ENOTFOUND);
    CHECK(client == NULL);
}
