// SPDX-License-Identifier: Apache-2.0
//
// test_connection.c - a client's connection whose clock is the test's, and a
// node that is a socket: what comes after seconds, minutes and hours.

#include "remote/connection.h"

#include <string.h>

#include "remote/codec.h"
#include "remote/codec_session.h"
#include "support/test.h"

enum { ROUNDS = 6000 }; // of 10 ms, until something that must come is missing

struct scene {
    struct wf_context *context;
    struct wf_socket *router;
    struct wf_peer peer; // who said hello last
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
    char *endpoints[1];
    struct wf_connection_options options;
    struct wf_connection connection;
    uint64_t now_ms;
};

static void
begin(struct scene *scene)
{
    struct wf_socket_options router = {.type = WF_SOCKET_ROUTER};

    *scene = (struct scene){.context = wf_context_create(), .now_ms = 1000000};
    CHECK_OK(wf_socket_create(scene->context, &router, &scene->router));
    CHECK_OK(
        wf_socket_bind(scene->router, "tcp://127.0.0.1:*", scene->endpoint));
    scene->endpoints[0] = scene->endpoint;
    scene->options = (struct wf_connection_options){
        .endpoints = scene->endpoints,
        .endpoints_count = 1,
        .label = "",
        .socket = {.type = WF_SOCKET_DEALER},
    };
    wf_connection_init(&scene->connection, &scene->options, scene->context);
    CHECK_OK(wf_connection_open(&scene->connection, scene->now_ms));
}

static void
end(struct scene *scene)
{
    wf_connection_fini(&scene->connection);
    wf_socket_destroy(scene->router);
    wf_context_destroy(scene->context);
}

static enum wf_connection_news
step(struct scene *scene, enum wf_connection_wait wait)
{
    struct wf_wire_message message;

    return wf_connection_next(&scene->connection, wait, scene->now_ms,
                              &message);
}

// Until there are news, or it is in that state. The clock stands still.
static enum wf_connection_news
await(struct scene *scene, enum wf_connection_state state)
{
    enum wf_connection_news news = step(scene, WF_CONNECTION_IDLE);

    for (int i = 0; i < ROUNDS && news == WF_CONNECTION_NOTHING &&
                    scene->connection.state != state;
         i++) {
        wf_socket_wait(scene->connection.socket, NULL, 0, 10);
        news = step(scene, WF_CONNECTION_IDLE);
    }
    return news;
}

static void
say(struct scene *scene, struct wf_buf *frame)
{
    CHECK_EQ(wf_socket_send(scene->router, &scene->peer, frame, NULL), WF_SENT);
    wf_buf_fini(frame);
}

static void
hear_hello(struct scene *scene)
{
    struct wf_wire_message hello;
    struct wf_message message;
    bool is_heard = false;

    for (int i = 0; i < ROUNDS && !is_heard; i++) {
        CHECK_EQ(step(scene, WF_CONNECTION_IDLE), WF_CONNECTION_NOTHING);
        is_heard = wf_socket_receive(scene->router, &message);
        if (!is_heard) {
            wf_socket_wait(scene->router, NULL, 0, 10);
        }
    }
    CHECK(is_heard);
    CHECK_OK(wf_wire_read(message.frame, &hello));
    CHECK(wf_wire_is(&hello, "hello"));
    scene->peer = message.peer;
    wf_message_fini(&message);
}

static void
welcome(struct scene *scene)
{
    struct wf_codec_welcome welcome = {
        .version = WF_WIRE_VERSION,
        .server = "test",
        .name_space = "default",
        .principal = "",
        .keepalive_ms = 10000,
        .node = "",
    };
    struct wf_buf frame = {0};

    hear_hello(scene);
    wf_codec_welcome_encode(&welcome, 0, &frame);
    say(scene, &frame);
    CHECK_EQ(await(scene, WF_CONNECTION_READY), WF_CONNECTION_BEGAN);
    CHECK_EQ(scene->connection.state, WF_CONNECTION_READY);
}

static void
take_over(struct scene *scene)
{
    struct wf_buf frame = {0};

    welcome(scene);
    wf_codec_bye_encode(WF_CODEC_BYE_REPLACED, "", &frame);
    say(scene, &frame);
}

// A process that is started anew does it once each time.
TEST(connection, one_that_is_taken_over_seldom_comes_back)
{
    struct scene scene;

    begin(&scene);
    for (int i = 0; i < 5; i++) {
        take_over(&scene);
        CHECK_EQ(await(&scene, WF_CONNECTION_DOWN), WF_CONNECTION_NOTHING);
        CHECK_EQ(scene.connection.state, WF_CONNECTION_DOWN);
        scene.now_ms += 20000;
    }
    for (int i = 0; i < 2; i++) {
        take_over(&scene);
        CHECK_EQ(await(&scene, WF_CONNECTION_DOWN), WF_CONNECTION_NOTHING);
        scene.now_ms += 4000;
    }
    take_over(&scene);
    CHECK_EQ(await(&scene, WF_CONNECTION_TAKEN), WF_CONNECTION_FAILED);
    CHECK_EQ(scene.connection.state, WF_CONNECTION_TAKEN);
    end(&scene);
}

TEST(connection, silence_counts_from_when_something_is_awaited)
{
    struct scene scene;

    begin(&scene);
    welcome(&scene);
    scene.now_ms += 9000;
    CHECK_EQ(step(&scene, WF_CONNECTION_IDLE), WF_CONNECTION_NOTHING);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(step(&scene, WF_CONNECTION_WAITS), WF_CONNECTION_NOTHING);
        CHECK_EQ(scene.connection.state, WF_CONNECTION_READY);
        scene.now_ms += 1100;
    }
    scene.now_ms += 1000;
    CHECK_EQ(step(&scene, WF_CONNECTION_WAITS), WF_CONNECTION_NOTHING);
    CHECK_EQ(scene.connection.state, WF_CONNECTION_DOWN);
    end(&scene);
}

TEST(connection, a_hello_whose_outcome_is_not_known_is_said_again)
{
    static const weft_err errs[] = {WEFT_EIO, WEFT_EBUSY};
    struct scene scene;

    begin(&scene);
    for (int i = 0; i < 2; i++) {
        struct wf_buf frame = {0};

        hear_hello(&scene);
        wf_codec_error_encode(0, errs[i], "", &frame);
        say(&scene, &frame);
        CHECK_EQ(await(&scene, WF_CONNECTION_DOWN), WF_CONNECTION_NOTHING);
        CHECK_EQ(scene.connection.state, WF_CONNECTION_DOWN);
        scene.now_ms += 5000;
    }
    welcome(&scene);
    end(&scene);
}

// A node of an earlier version does not say them.
TEST(connection, a_credit_that_is_not_said_is_small)
{
    struct scene scene;

    begin(&scene);
    welcome(&scene);
    CHECK_EQ(scene.connection.credit.requests, 1);
    CHECK_EQ(scene.connection.credit.waits, 1);
    CHECK(scene.connection.credit.bytes > 0);
    CHECK(scene.connection.credit.message_max > 0);
    end(&scene);
}
