// SPDX-License-Identifier: Apache-2.0
//
// stranger.c - see stranger.h.

#include "stranger.h"

#include <string.h>

#include "peers_rig.h"
#include "support/test.h"

enum { STEP_MS = 10 };

static void
create(struct stranger *stranger, enum wf_socket_type type)
{
    struct wf_socket_options options = {.type = type};

    *stranger = (struct stranger){.context = wf_context_create()};
    CHECK_OK(wf_socket_create(stranger->context, &options, &stranger->socket));
    stranger->hello = (struct wf_peer_message){
        .type = WF_PEER_MESSAGE_HELLO,
        .incarnation = 1,
        .session = 99,
        .round = 1,
        .protocol_min = 1,
        .protocol_max = 1,
        .node = weft_text("a"),
        .to_node = weft_text("b"),
        .to_incarnation = 2,
    };
    memcpy(stranger->hello.cluster_id, rig_cluster, 16);
    stranger->incarnation = 2;
}

void
stranger_open(struct stranger *stranger, const char *endpoint)
{
    struct wf_socket_event event;
    bool is_connected = false;

    create(stranger, WF_SOCKET_DEALER);
    CHECK_OK(wf_socket_connect(stranger->socket, endpoint));
    for (int i = 0; i < RIG_WAIT_MS / STEP_MS && !is_connected; i++) {
        wf_socket_wait(stranger->socket, NULL, 0, STEP_MS);
        while (wf_socket_event(stranger->socket, &event)) {
            is_connected |= event.type == WF_SOCKET_CONNECTED;
        }
    }
    CHECK(is_connected);
}

void
stranger_listen(struct stranger *stranger)
{
    create(stranger, WF_SOCKET_ROUTER);
    CHECK_OK(wf_socket_bind(stranger->socket, "tcp://127.0.0.1:*",
                            stranger->endpoint));
}

static void
forget(struct stranger *stranger)
{
    if (stranger->has_message) {
        wf_message_fini(&stranger->message);
    }
    stranger->has_message = false;
}

void
stranger_close(struct stranger *stranger)
{
    forget(stranger);
    wf_socket_destroy(stranger->socket);
    wf_context_destroy(stranger->context);
}

void
stranger_say_bytes(struct stranger *stranger, struct wf_buf *bytes)
{
    CHECK_EQ(
        wf_socket_send(stranger->socket, &stranger->message.peer, bytes, NULL),
        WF_SENT);
    wf_buf_fini(bytes);
}

void
stranger_say(struct stranger *stranger, const struct wf_peer_message *message)
{
    struct wf_buf bytes = {0};

    wf_peer_message_encode(message, &bytes);
    stranger_say_bytes(stranger, &bytes);
}

void
stranger_say_item(struct stranger *stranger, uint64_t seq,
                  const struct wf_peer_item *item)
{
    struct wf_peer_message data = stranger->hello;
    struct wf_buf items = {0};

    data.type = WF_PEER_MESSAGE_DATA;
    data.seq = seq;
    wf_peer_item_encode(item, &items);
    data.items = wf_buf_bytes(&items);
    stranger_say(stranger, &data);
    wf_buf_fini(&items);
}

void
stranger_say_frame(struct stranger *stranger, uint64_t seq, uint32_t partition,
                   const char *text)
{
    stranger_say_item(stranger, seq,
                      &(struct wf_peer_item){
                          .type = WF_PEER_ITEM_FRAME,
                          .partition = partition,
                          .bytes = weft_text(text),
                      });
}

void
stranger_answer(struct stranger *stranger, uint64_t seq)
{
    struct wf_peer_message answer = stranger->hello;

    answer.type = stranger->heard.type == WF_PEER_MESSAGE_HELLO
                      ? WF_PEER_MESSAGE_WELCOME
                      : WF_PEER_MESSAGE_ACK;
    answer.incarnation = stranger->incarnation;
    answer.session = stranger->heard.session;
    answer.round = stranger->heard.round;
    answer.seq = seq;
    answer.credit = 1 << 20;
    stranger->session = stranger->heard.session;
    stranger->acked = seq;
    stranger_say(stranger, &answer);
}

static void
receive(struct stranger *stranger)
{
    struct wf_socket_event passed;

    forget(stranger);
    for (int i = 0; i < RIG_WAIT_MS / STEP_MS && !stranger->has_message; i++) {
        wf_socket_wait(stranger->socket, NULL, 0, STEP_MS);
        while (wf_socket_event(stranger->socket, &passed)) {
        }
        stranger->has_message =
            wf_socket_receive(stranger->socket, &stranger->message);
    }
    CHECK(stranger->has_message);
    CHECK_OK(wf_peer_message_decode(stranger->message.frame, &stranger->heard));
}

static bool
is_news(const struct stranger *stranger)
{
    return stranger->heard.type != WF_PEER_MESSAGE_DATA ||
           (stranger->heard.session == stranger->session &&
            stranger->heard.seq > stranger->acked);
}

void
stranger_hear(struct stranger *stranger, enum wf_peer_message_type type)
{
    do {
        receive(stranger);
        if (stranger->heard.type == WF_PEER_MESSAGE_HELLO &&
            type == WF_PEER_MESSAGE_DATA) {
            stranger_answer(stranger, stranger->acked);
        }
    } while (stranger->heard.type != type || !is_news(stranger));
}

struct wf_peer_item
stranger_item(struct stranger *stranger)
{
    struct wf_reader items = wf_reader_of(stranger->heard.items);
    struct wf_peer_item item = {0};

    CHECK(wf_peer_item_next(&items, &item));
    return item;
}
