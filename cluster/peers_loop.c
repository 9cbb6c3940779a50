// SPDX-License-Identifier: Apache-2.0
//
// peers_loop.c - the thread of peers: sleep, take what this node sends, hear
// what others say, say what is to be said.

#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "base/trace.h"
#include "cluster/peers_impl.h"
#include "transport/auth.h"

enum {
    POSTS_PER_ROUND = 1024,
    FULL_MS = 5,      // until ZeroMQ is asked again whether it takes more
    REOPEN_MS = 1000, // after a socket that could not be made, or was refused
    HEARTBEAT_MS = 500,
    REFUSED_MS = 1000,     // between hellos that are refused
    DOWN_BYTES = 1U << 20, // of frames that wait for a link to be up
};

void
wf_peers_note(const struct wf_peers *peers, bool is_warning, const char *who,
              const char *verb, const char *text)
{
    struct wf_clock clock = peers->options.clock;

    if (peers->options.trace != NULL) {
        wf_trace_emit(peers->options.trace,
                      is_warning ? WF_TRACE_WARNING : WF_TRACE_NOTE,
                      clock.wall_ms(clock.self), who, verb, "%s", text);
    }
}

void
wf_peers_begin_message(const struct wf_peers *peers,
                       enum wf_peer_message_type type,
                       struct wf_peer_message *out_message)
{
    *out_message = (struct wf_peer_message){
        .type = type,
        .incarnation = peers->incarnation,
    };
    memcpy(out_message->cluster_id, peers->cluster_id,
           sizeof(out_message->cluster_id));
}

bool
wf_peers_add(struct wf_peers_peer *peer, const struct wf_peer_item *item)
{
    struct wf_buf bytes = {0};
    bool has_room;

    wf_peer_item_encode(item, &bytes);
    has_room = wf_peer_link_has_room(&peer->link, bytes.len);
    if (has_room) {
        wf_peer_link_add(&peer->link, wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
    return has_room;
}

void
wf_peers_add_anyway(struct wf_peers_peer *peer, const struct wf_peer_item *item)
{
    struct wf_buf bytes = {0};

    wf_peer_item_encode(item, &bytes);
    wf_peer_link_add(&peer->link, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

// Sockets. --------------------------------------------------------------------

void
wf_peers_close_socket(struct wf_peers *peers, struct wf_peers_peer *peer,
                      uint32_t pause_ms)
{
    wf_socket_destroy(peer->socket);
    peer->socket = NULL;
    peer->open_ms = peers->now_ms + pause_ms;
    peer->is_full = false;
    wf_peer_link_disconnected(&peer->link);
}

static void
open_socket(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .message_max = WF_PEER_MESSAGE_BYTES_MAX,
        .heartbeat_ms = HEARTBEAT_MS,
        .secret_key = peers->secret_key,
        .public_key = peers->public_key,
        .server_key = peer->key,
    };
    weft_err err = wf_socket_create(peers->context, &options, &peer->socket);

    if (err == WEFT_OK) {
        err = wf_socket_connect(peer->socket, peer->endpoint);
    }
    if (err != WEFT_OK) {
        wf_peers_note(peers, true, peer->id, "link", weft_err_detail());
        wf_peers_close_socket(peers, peer, REOPEN_MS);
    }
}

static bool
wants_socket(const struct wf_peers_peer *peer)
{
    return peer->socket == NULL && (peer->is_wanted || peer->link.bytes > 0);
}

// What this node sends. -------------------------------------------------------

static void
take_frame(struct wf_peers *peers, struct wf_peers_post *post)
{
    int32_t owner = peers->owners[post->partition];
    struct wf_peer_item item = {
        .type = WF_PEER_ITEM_FRAME,
        .partition = post->partition,
        .bytes = wf_buf_bytes(&post->frame),
    };
    struct wf_peers_peer *peer;

    atomic_fetch_sub(&peers->inbox_bytes, post->frame.len);
    if (owner == WF_PEERS_SELF) {
        peers->options.deliver(peers->options.ctx, post->partition, item.bytes);
    }
    if (owner < 0) {
        return;
    }
    peer = peers->peers[owner];
    if (peer->link.state == WF_PEER_LINK_UP || peer->link.bytes < DOWN_BYTES) {
        (void)wf_peers_add(peer, &item);
    }
}

static void
nudge(struct wf_peers *peers)
{
    struct wf_peer_item item = {.type = WF_PEER_ITEM_CHANGED};

    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (peers->peers[i]->link.bytes < DOWN_BYTES) {
            (void)wf_peers_add(peers->peers[i], &item);
        }
    }
#ifdef WF_NEXT
    item.type = WF_PEER_ITEM_NEXT;
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (peers->peers[i]->link.state == WF_PEER_LINK_UP &&
            peers->peers[i]->protocol >= 2) {
            (void)wf_peers_add(peers->peers[i], &item);
        }
    }
#endif
}

static void
take_post(struct wf_peers *peers, struct wf_peers_post *post)
{
    switch (post->type) {
    case WF_PEERS_FRAME:
        take_frame(peers, post);
        break;
    case WF_PEERS_MAP:
        wf_peers_take_map(peers, &post->map);
        break;
    case WF_PEERS_NUDGE:
        nudge(peers);
        break;
    case WF_PEERS_LEAVE:
        wf_forward_leave(peers->forward);
        break;
    case WF_PEERS_FORWARD:
        wf_forward_ask(peers->forward, post->request, post->is_admitted);
        break;
    case WF_PEERS_WITHDRAW:
        wf_forward_withdraw(peers->forward, post);
        break;
    case WF_PEERS_SERVED:
        wf_serving_done(peers->serving, post->request);
        break;
    }
    wf_peers_free_post(post);
}

static bool
take_posts(struct wf_peers *peers)
{
    for (int i = 0; i < POSTS_PER_ROUND; i++) {
        struct wf_mpsc_node *node = wf_mpsc_pop(&peers->inbox);

        if (node == NULL) {
            return false;
        }
        take_post(peers, WF_CONTAINER(node, struct wf_peers_post, queue));
    }
    return true;
}

static bool
send_message(struct wf_peers_peer *peer, const struct wf_peer_message *message)
{
    struct wf_buf bytes = {0};
    bool is_sent;

    wf_peer_message_encode(message, &bytes);
    is_sent = wf_socket_send(peer->socket, NULL, &bytes, NULL) == WF_SENT;
    wf_buf_fini(&bytes);
    return is_sent;
}

static void
say_hello(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    struct wf_peer_message hello;

    wf_peers_begin_message(peers, WF_PEER_MESSAGE_HELLO, &hello);
    hello.session = peer->link.session;
    hello.round = peer->link.round;
    hello.protocol_min = peers->options.protocol_min;
    hello.protocol_max = peers->options.protocol_max;
    hello.record_max = peers->options.record_max;
    hello.node = weft_text(peers->node_id);
    hello.to_node = weft_text(peer->id);
    hello.to_incarnation = peer->incarnation;
    (void)send_message(peer, &hello);
    wf_peer_link_greeted(&peer->link, peers->now_ms,
                         peer->refusal == WF_PEER_REFUSAL_NONE
                             ? WF_PEER_LINK_HELLO_MS
                             : REFUSED_MS);
}

static void
say_data(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    struct wf_peer_message data;

    wf_peers_begin_message(peers, WF_PEER_MESSAGE_DATA, &data);
    data.session = peer->link.session;
    peer->is_full = false;
    while (wf_peer_link_next(&peer->link, &data.seq, &data.items)) {
        uint64_t resent = peer->link.resent;

        if (!send_message(peer, &data)) {
            peer->is_full = true;
            return;
        }
        wf_peer_link_sent(&peer->link, peers->now_ms);
        wf_counter_add(&peers->sent, 1);
        wf_counter_add(&peers->sent_bytes, data.items.len);
        wf_counter_add(&peers->resent, peer->link.resent - resent);
    }
}

static void
say(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    wf_serving_answer(peer);
    wf_peer_link_seal(&peer->link);
    if (wants_socket(peer) && peers->now_ms >= peer->open_ms) {
        open_socket(peers, peer);
    }
    if (peer->socket == NULL) {
        return;
    }
    wf_peer_link_tick(&peer->link, peers->now_ms);
    if (peer->link.is_hello_due) {
        say_hello(peers, peer);
    }
    say_data(peers, peer);
}

// The thread. -----------------------------------------------------------------

static uint64_t
due_of(const struct wf_peers_peer *peer, uint64_t now_ms)
{
    uint64_t due_ms = peer->link.due_ms;

    if (wants_socket(peer)) {
        return peer->open_ms;
    }
    return peer->is_full && due_ms > now_ms + FULL_MS ? now_ms + FULL_MS
                                                      : due_ms;
}

static int
pause_ms(const struct wf_peers *peers)
{
    uint64_t due_ms = peers->forward_ms;

    for (uint32_t i = 0; i < peers->peers_count; i++) {
        uint64_t due = due_of(peers->peers[i], peers->now_ms);

        due_ms = due < due_ms ? due : due_ms;
    }
    if (due_ms == UINT64_MAX) {
        return -1;
    }
    due_ms = due_ms < peers->now_ms ? 0 : due_ms - peers->now_ms;
    return due_ms > REOPEN_MS ? REOPEN_MS : (int)due_ms;
}

static void
sleep_until_something(struct wf_peers *peers, int timeout_ms)
{
    struct wf_socket **sockets =
        wf_alloc((peers->peers_count + 1) * sizeof(struct wf_socket *));
    int fds[2] = {peers->inbox.fd, -1};
    size_t count = 0;
    bool may_sleep = wf_mpsc_start_wait(&peers->inbox);

    sockets[count++] = peers->router;
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (peers->peers[i]->socket != NULL) {
            sockets[count++] = peers->peers[i]->socket;
        }
    }
    if (peers->auth != NULL) {
        fds[1] = wf_auth_fd(peers->auth);
    }
    wf_socket_wait_any(sockets, count, fds, peers->auth == NULL ? 1 : 2,
                       may_sleep ? timeout_ms : 0);
    if (may_sleep) {
        wf_mpsc_stop_wait(&peers->inbox);
    }
    wf_free(sockets);
}

static void
look_at_clock(struct wf_peers *peers)
{
    struct wf_clock clock = peers->options.clock;

    peers->now_ms = clock.mono_ns(clock.self) / 1000000;
}

static void
tell_links(struct wf_peers *peers)
{
    uint64_t up = 0;
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < peers->peers_count; i++) {
        up += peers->peers[i]->link.state == WF_PEER_LINK_UP;
        bytes += peers->peers[i]->link.bytes;
    }
    atomic_store_explicit(&peers->up, up, memory_order_relaxed);
    atomic_store_explicit(&peers->waiting_bytes, bytes, memory_order_relaxed);
}

void *
wf_peers_run(void *arg)
{
    struct wf_peers *peers = arg;
    bool is_more = false;

    wf_thread_name("weft-peers");
    look_at_clock(peers);
    while (!atomic_load(&peers->is_stopping)) {
        sleep_until_something(peers, is_more ? 0 : pause_ms(peers));
        look_at_clock(peers);
        is_more = take_posts(peers);
        if (peers->auth != NULL) {
            wf_auth_step(peers->auth);
        }
        is_more |= wf_peers_hear_router(peers);
        for (uint32_t i = 0; i < peers->peers_count; i++) {
            wf_peers_hear_peer(peers, peers->peers[i]);
        }
        peers->forward_ms = wf_forward_step(peers->forward);
        for (uint32_t i = 0; i < peers->peers_count; i++) {
            say(peers, peers->peers[i]);
        }
        wf_peers_send_acks(peers);
        tell_links(peers);
    }
    return NULL;
}
