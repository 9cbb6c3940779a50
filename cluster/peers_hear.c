// SPDX-License-Identifier: Apache-2.0
//
// peers_hear.c - what other nodes say: to the ROUTER what they send, to our
// DEALERs what they say of what we sent.
//
// A connection that has not said hello is nobody's, and nothing is kept of it.

#include <stdio.h>
#include <string.h>

#include "cluster/peers_impl.h"

enum {
    MESSAGES_PER_ROUND = 256,
    WARN_MS = 1000, // between two lines of the same refusal
    REOPEN_MS = 1000,
};

// Once in a while of each kind: anybody may come and be refused.
static void
warn(struct wf_peers *peers, enum wf_peer_refusal refusal, const char *who,
     const char *verb, const char *text)
{
    uint64_t *warned_ms = &peers->warned_ms[refusal];

    if (*warned_ms == 0 || peers->now_ms - *warned_ms >= WARN_MS) {
        *warned_ms = peers->now_ms;
        wf_peers_note(peers, true, who, verb, text);
    }
}

static void
answer(struct wf_peers *peers, const struct wf_peer *name,
       const struct wf_peer_message *message)
{
    struct wf_buf bytes = {0};

    wf_peer_message_encode(message, &bytes);
    // One that does not get it says hello again.
    (void)wf_socket_send(peers->router, name, &bytes, NULL);
    wf_buf_fini(&bytes);
}

static void
refuse(struct wf_peers *peers, const struct wf_message *from,
       enum wf_peer_refusal refusal, uint64_t session)
{
    struct wf_peer_message message;

    wf_peers_begin_message(peers, WF_PEER_MESSAGE_REFUSED, &message);
    message.session = session;
    message.code = refusal;
    message.text = weft_text(wf_peer_refusal_text(refusal));
    answer(peers, &from->peer, &message);
}

// Hellos. ---------------------------------------------------------------------

static uint32_t
protocol_with(const struct wf_peers *peers, const struct wf_peer_message *hello)
{
    uint32_t max = peers->options.protocol_max;
    uint32_t min = peers->options.protocol_min;

    max = hello->protocol_max < max ? hello->protocol_max : max;
    min = hello->protocol_min > min ? hello->protocol_min : min;
    return max >= min ? max : 0;
}

static enum wf_peer_refusal
check_hello(const struct wf_peers *peers, const struct wf_message *from,
            const struct wf_peer_message *hello,
            const struct wf_peers_peer *peer)
{
    if (memcmp(hello->cluster_id, peers->cluster_id,
               sizeof(peers->cluster_id)) != 0) {
        return WF_PEER_REFUSAL_CLUSTER;
    }
    if (!wf_bytes_equal(hello->to_node, weft_text(peers->node_id)) ||
        hello->to_incarnation != peers->incarnation) {
        return WF_PEER_REFUSAL_TARGET;
    }
    if (peer == NULL) {
        return WF_PEER_REFUSAL_NODE;
    }
    if (hello->incarnation != peer->incarnation) {
        return WF_PEER_REFUSAL_INCARNATION;
    }
    if (peers->secret_key != NULL && strcmp(from->user, peer->key) != 0) {
        return WF_PEER_REFUSAL_KEY;
    }
    return protocol_with(peers, hello) == 0 ? WF_PEER_REFUSAL_PROTOCOL
                                            : WF_PEER_REFUSAL_NONE;
}

static void
refuse_hello(struct wf_peers *peers, const struct wf_message *from,
             const struct wf_peer_message *hello, enum wf_peer_refusal refusal)
{
    char who[WF_NODE_ID_CHARS_MAX + 1];
    char text[160];

    (void)snprintf(who, sizeof(who), "%.*s", (int)hello->node.len,
                   (const char *)hello->node.data);
    (void)snprintf(text, sizeof(text), "%s (incarnation %llu, protocol %u-%u)",
                   wf_peer_refusal_text(refusal),
                   (unsigned long long)hello->incarnation, hello->protocol_min,
                   hello->protocol_max);
    warn(peers, refusal, who, "refused", text);
    refuse(peers, from, refusal, hello->session);
    if (refusal == WF_PEER_REFUSAL_NODE ||
        refusal == WF_PEER_REFUSAL_INCARNATION) {
        wf_peers_doubt_map(peers);
    }
}

// What it asked over its connection has nobody there to hear the answer.
static void
end_connection(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    if (peer->is_greeted) {
        peer->is_greeted = false;
        wf_serving_peer_cut(peers->serving, peer);
    }
}

// Which connections to us have ended.
static void
hear_lines(struct wf_peers *peers)
{
    struct wf_socket_event event;

    while (wf_socket_event(peers->router, &event)) {
        for (uint32_t i = 0; i < peers->peers_count; i++) {
            if (event.type == WF_SOCKET_DISCONNECTED &&
                peers->peers[i]->fd == event.fd) {
                end_connection(peers, peers->peers[i]);
            }
        }
    }
}

static bool
is_named(const struct wf_peers_peer *peer, const struct wf_peer *name)
{
    return peer->is_greeted && peer->name.len == name->len &&
           memcmp(peer->name.bytes, name->bytes, name->len) == 0;
}

static void
hear_hello(struct wf_peers *peers, const struct wf_message *from,
           const struct wf_peer_message *hello)
{
    struct wf_peers_peer *peer = wf_peers_find(peers, hello->node);
    enum wf_peer_refusal refusal = check_hello(peers, from, hello, peer);
    struct wf_peer_message welcome;

    if (refusal != WF_PEER_REFUSAL_NONE) {
        refuse_hello(peers, from, hello, refusal);
        return;
    }
    if (peer->session != hello->session) {
        if (peer->session != 0) { // with answers that it had for us, perhaps
            wf_forward_peer_lost(peers->forward, peer);
        }
        peer->session = hello->session;
        peer->seq = 0;
    }
    hear_lines(peers); // so that the descriptor is the one it came from
    if (!is_named(peer, &from->peer)) {
        end_connection(peers, peer); // whose end may be said later
    }
    peer->name = from->peer;
    peer->fd = wf_message_fd(from);
    peer->is_greeted = true;
    peer->is_ack_due = false;
    wf_peers_begin_message(peers, WF_PEER_MESSAGE_WELCOME, &welcome);
    welcome.session = hello->session;
    welcome.seq = peer->seq;
    welcome.round = hello->round;
    welcome.protocol_max = protocol_with(peers, hello);
    welcome.record_max = peers->options.record_max;
    welcome.credit = peers->options.window_bytes;
    answer(peers, &from->peer, &welcome);
}

// Data. -----------------------------------------------------------------------

static struct wf_peers_peer *
peer_of(const struct wf_peers *peers, const struct wf_peer *name)
{
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        struct wf_peers_peer *peer = peers->peers[i];

        if (is_named(peer, name)) {
            return peer;
        }
    }
    return NULL;
}

static void
take_item(struct wf_peers *peers, struct wf_peers_peer *peer,
          const struct wf_peer_item *item)
{
    switch (item->type) {
    case WF_PEER_ITEM_FRAME:
        if (item->partition >= peers->options.partition_count) {
            warn(peers, WF_PEER_REFUSAL_NONE, peer->id, "frame",
                 "it is for a partition that there is not");
            return;
        }
        peers->options.deliver(peers->options.ctx, item->partition,
                               item->bytes);
        break;
    case WF_PEER_ITEM_CHANGED:
        peers->options.changed(peers->options.ctx);
        break;
#ifdef WF_NEXT
    case WF_PEER_ITEM_NEXT:
        wf_peers_note(peers, false, peer->id, "next", "it says so");
        break;
#endif
    default:
        (void)(wf_forward_take(peers->forward, peer, item) ||
               wf_serving_take(peers->serving, peer, item));
        break;
    }
}

static void
hear_data(struct wf_peers *peers, const struct wf_message *from,
          const struct wf_peer_message *data)
{
    struct wf_peers_peer *peer = peer_of(peers, &from->peer);
    struct wf_reader items = wf_reader_of(data->items);
    struct wf_peer_item item;

    // Without a hello it comes again after one.
    if (peer == NULL || data->session != peer->session) {
        return;
    }
    peer->is_ack_due = true;
    if (data->seq != peer->seq + 1) {
        return;
    }
    peer->seq = data->seq;
    wf_counter_add(&peers->received, 1);
    wf_counter_add(&peers->received_bytes, data->items.len);
    while (wf_peer_item_next(&items, &item)) {
        take_item(peers, peer, &item);
    }
}

static void
hear_nonsense(struct wf_peers *peers, const struct wf_message *from)
{
    struct wf_peers_peer *peer = peer_of(peers, &from->peer);

    warn(peers, WF_PEER_REFUSAL_MALFORMED, peer == NULL ? "?" : peer->id,
         "refused",
         from->is_alone ? weft_err_detail() : "it has several parts");
    refuse(peers, from, WF_PEER_REFUSAL_MALFORMED,
           peer == NULL ? 0 : peer->session);
    if (peer != NULL) {
        peer->is_greeted = false;
    }
}

static void
hear(struct wf_peers *peers, const struct wf_message *from)
{
    struct wf_peer_message message;

    if (from->is_self_named) {
        return; // no node does that
    }
    if (!from->is_alone ||
        wf_peer_message_decode(from->frame, &message) != WEFT_OK) {
        hear_nonsense(peers, from);
        return;
    }
    if (message.type == WF_PEER_MESSAGE_HELLO) {
        hear_hello(peers, from, &message);
    } else if (message.type == WF_PEER_MESSAGE_DATA) {
        hear_data(peers, from, &message);
    }
}

bool
wf_peers_hear_router(struct wf_peers *peers)
{
    struct wf_message message;

    hear_lines(peers);
    for (int i = 0; i < MESSAGES_PER_ROUND; i++) {
        if (!wf_socket_receive(peers->router, &message)) {
            return false;
        }
        hear(peers, &message);
        wf_message_fini(&message);
    }
    return true;
}

void
wf_peers_send_acks(struct wf_peers *peers)
{
    struct wf_peer_message ack;

    wf_peers_begin_message(peers, WF_PEER_MESSAGE_ACK, &ack);
    ack.credit = peers->options.window_bytes;
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        struct wf_peers_peer *peer = peers->peers[i];

        if (peer->is_ack_due && peer->is_greeted) {
            ack.session = peer->session;
            ack.seq = peer->seq;
            answer(peers, &peer->name, &ack);
        }
        peer->is_ack_due = false;
    }
}

// What is said of what we sent. -----------------------------------------------

static void
restart(struct wf_peers *peers, struct wf_peers_peer *peer, const char *why)
{
    wf_peers_note(peers, true, peer->id, "link", why);
    wf_forward_peer_lost(peers->forward, peer);
    wf_peer_link_restart(&peer->link, wf_peers_session(peers), peers->now_ms);
}

static void
hear_welcome(struct wf_peers *peers, struct wf_peers_peer *peer,
             const struct wf_peer_message *message)
{
    char text[100];
    bool was_up = peer->link.state == WF_PEER_LINK_UP;

    if (!wf_peer_link_welcome(&peer->link, message->round, message->seq,
                              message->credit, peers->now_ms)) {
        restart(peers, peer, "it has forgotten what it acknowledged");
        return;
    }
    peer->refusal = WF_PEER_REFUSAL_NONE;
    peer->protocol = message->protocol_max;
    if (!was_up && !peer->was_up) {
        peer->was_up = true;
        (void)snprintf(text, sizeof(text),
                       "up: protocol %u, it reads records up to %u",
                       message->protocol_max, message->record_max);
        wf_peers_note(peers, false, peer->id, "link", text);
    }
}

static void
hear_refusal(struct wf_peers *peers, struct wf_peers_peer *peer,
             const struct wf_peer_message *message)
{
    char text[320];

    if (peer->refusal != message->code) {
        (void)snprintf(text, sizeof(text), "it refuses this node: %.*s",
                       (int)message->text.len,
                       (const char *)message->text.data);
        wf_peers_note(peers, true, peer->id, "link", text);
    }
    peer->refusal = message->code;
    if (message->code == WF_PEER_REFUSAL_MALFORMED) {
        restart(peers, peer, "what it could not read is dropped");
    } else if (message->code == WF_PEER_REFUSAL_TARGET) {
        wf_peers_doubt_map(peers);
    }
}

static void
hear_answer(struct wf_peers *peers, struct wf_peers_peer *peer,
            const struct wf_message *from)
{
    struct wf_peer_message message;

    if (!from->is_alone ||
        wf_peer_message_decode(from->frame, &message) != WEFT_OK) {
        warn(peers, WF_PEER_REFUSAL_MALFORMED, peer->id, "link",
             "what it answers is no message");
        return;
    }
    // An answer to an earlier session, or of whoever has its address now.
    if (message.session != peer->link.session) {
        return;
    }
    if (message.type == WF_PEER_MESSAGE_REFUSED) {
        hear_refusal(peers, peer, &message);
        return;
    }
    if (memcmp(message.cluster_id, peers->cluster_id,
               sizeof(peers->cluster_id)) != 0 ||
        message.incarnation != peer->incarnation) {
        return;
    }
    if (message.type == WF_PEER_MESSAGE_WELCOME) {
        hear_welcome(peers, peer, &message);
    } else if (message.type == WF_PEER_MESSAGE_ACK) {
        wf_peer_link_acknowledged(&peer->link, message.seq, message.credit,
                                  peers->now_ms);
    }
}

static void
hear_event(struct wf_peers *peers, struct wf_peers_peer *peer,
           const struct wf_socket_event *event)
{
    switch (event->type) {
    case WF_SOCKET_CONNECTED:
        wf_peer_link_connected(&peer->link);
        break;
    case WF_SOCKET_DISCONNECTED:
        if (peer->was_up) {
            wf_peers_note(peers, false, peer->id, "link", "down");
        }
        peer->was_up = false;
        wf_peer_link_disconnected(&peer->link);
        break;
    case WF_SOCKET_REFUSED:
    case WF_SOCKET_MISMATCHED: // ZeroMQ does not try again
        warn(peers, WF_PEER_REFUSAL_KEY, peer->id, "link",
             "it does not let this node's key in");
        wf_peers_close_socket(peers, peer, REOPEN_MS);
        break;
    default:
        break;
    }
}

void
wf_peers_hear_peer(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    struct wf_socket_event event;
    struct wf_message message;

    while (peer->socket != NULL && wf_socket_event(peer->socket, &event)) {
        hear_event(peers, peer, &event);
    }
    for (int i = 0; peer->socket != NULL && i < MESSAGES_PER_ROUND; i++) {
        if (!wf_socket_receive(peer->socket, &message)) {
            return;
        }
        hear_answer(peers, peer, &message);
        wf_message_fini(&message);
    }
}
