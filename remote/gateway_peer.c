// SPDX-License-Identifier: Apache-2.0
//
// gateway_peer.c - connections as ZeroMQ has them: what comes over them, what
// is sent, and how they end.
//
// To end one, it is told bye, and its line is cut a little later: nobody says
// when the last byte has gone out. One that takes nothing is cut at once. What
// it sent before, and is read after, is dropped: it has no answer, so it will
// be sent again.
//
// A peer that has gone is kept for a moment under its name, because what it
// sent may be read after the news of its end.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "remote/codec_session.h"
#include "remote/gateway_impl.h"
#include "remote/gateway_map.h"

enum {
    BYE_PAUSE_MS = 1000,    // between two to the same peer
    LEAVE_MS = 200,         // for bye to go out
    CHOKED_BYTES = 1 << 16, // untaken by one, when there is much of all
};

static bool
is_named(const void *item, const void *key)
{
    const struct wf_gateway_peer *peer = item;
    const struct wf_peer *name = key;

    return peer->name.len == name->len &&
           memcmp(peer->name.bytes, name->bytes, name->len) == 0;
}

static uint64_t
hash_of(const weft_server *server, const struct wf_peer *name)
{
    return wf_hash64(name->bytes, name->len, server->hash_seed);
}

// Does what it sends matter?
static bool
is_there(const struct wf_gateway_peer *peer)
{
    return peer->state < WF_GATEWAY_LEAVING;
}

// Coming and going. ---------------------------------------------------------

// Its first message. What there is to know of connections is read before, so
// that the descriptor is the one that it came from.
static struct wf_gateway_peer *
create_peer(weft_server *server, const struct wf_message *message)
{
    struct wf_gateway_peer *peer = wf_calloc(sizeof(*peer));
    struct wf_gateway_line *line;

    wf_gateway_line_events(server);
    line = wf_gateway_line_find(server, wf_message_fd(message));
    peer->name = message->peer;
    peer->line.fd = -1;
    peer->flight = wf_flight_create(server->flight);
    if (line != NULL && line->peer == NULL) {
        peer->line = line->line;
        line->peer = peer;
    }
    wf_table_add(&server->peers, hash_of(server, &peer->name), peer);
    wf_list_push_back(&server->heard, &peer->heard);
    return peer;
}

static void
drop_bundle(weft_server *server, struct wf_gateway_peer *peer)
{
    if (wf_list_has(&peer->bundled)) {
        wf_list_remove(&server->bundled, &peer->bundled);
        wf_bundle_fini(&peer->bundle);
    }
}

static void
destroy_peer(weft_server *server, struct wf_gateway_peer *peer)
{
    wf_table_remove(&server->peers, hash_of(server, &peer->name), peer);
    wf_list_remove(&server->heard, &peer->heard);
    drop_bundle(server, peer);
    wf_flight_release(peer->flight);
    wf_free(peer);
}

// It takes part no more.
static void
leave(weft_server *server, struct wf_gateway_peer *peer, uint64_t ms)
{
    if (is_there(peer)) {
        server->leaving++;
    }
    drop_bundle(server, peer);
    peer->state = WF_GATEWAY_LEAVING;
    peer->cut_ms = server->now_ms + ms;
    if (peer->session != NULL) {
        struct wf_gateway_session *session = peer->session;

        peer->session = NULL;
        wf_gateway_session_leave(server, session);
    }
}

void
wf_gateway_peer_gone(weft_server *server, struct wf_gateway_peer *peer)
{
    struct wf_gateway_line *line = wf_gateway_line_find(server, peer->line.fd);

    if (line != NULL && line->peer == peer) {
        line->peer = NULL;
    }
    peer->line = (struct wf_line){.fd = -1};
    leave(server, peer, LEAVE_MS);
}

static void
cut(weft_server *server, struct wf_gateway_peer *peer)
{
    (void)wf_line_cut(&peer->line);
    wf_gateway_peer_gone(server, peer);
}

// Sending. ------------------------------------------------------------------

bool
wf_gateway_peer_is_choked(const weft_server *server,
                          const struct wf_gateway_peer *peer)
{
    const weft_server_options *options = &server->options;
    uint64_t bytes = atomic_load(&peer->flight->bytes) + peer->bundle.frame.len;

    return bytes > options->credit_bytes ||
           (bytes > CHOKED_BYTES && atomic_load(&server->flight->bytes) >
                                        options->answers_bytes_max / 2);
}

static void
cut_slow(weft_server *server, struct wf_gateway_peer *peer)
{
    wf_counter_add(&server->tally.slow, 1);
    cut(server, peer);
}

// Too much waits for all of them: who has most of it makes room. What waits for
// those who were cut off already is about to be freed.
static void
cut_slowest(weft_server *server)
{
    struct wf_gateway_peer *slowest = NULL;
    struct wf_list_node *node = wf_list_first(&server->heard);
    uint64_t bytes = 0;

    for (; node != NULL; node = wf_list_next(&server->heard, node)) {
        struct wf_gateway_peer *peer =
            WF_CONTAINER(node, struct wf_gateway_peer, heard);

        if (!is_there(peer)) {
            continue;
        }
        bytes += atomic_load(&peer->flight->bytes);
        if (slowest == NULL || atomic_load(&peer->flight->bytes) >
                                   atomic_load(&slowest->flight->bytes)) {
            slowest = peer;
        }
    }
    if (slowest != NULL && bytes > server->options.answers_bytes_max) {
        cut_slow(server, slowest);
    }
}

static bool
is_slow(const weft_server *server, const struct wf_gateway_peer *peer)
{
    return atomic_load(&peer->flight->messages) >
               2ULL * server->options.credit ||
           atomic_load(&peer->flight->bytes) > 2 * server->options.credit_bytes;
}

// One that is there. It may not be any more then.
static void
send_frame(weft_server *server, struct wf_gateway_peer *peer,
           struct wf_buf *frame)
{
    size_t len = frame->len;
    enum wf_sent sent =
        wf_socket_send(server->socket, &peer->name, frame, peer->flight);

    if (sent == WF_SENT) {
        wf_counter_add(&server->tally.bytes_sent, len);
    }
    if (sent == WF_SENT_GONE) {
        wf_gateway_peer_gone(server, peer);
    } else if (sent == WF_SENT_FULL || is_slow(server, peer)) {
        cut_slow(server, peer);
    }
}

static void
send_bundle(weft_server *server, struct wf_gateway_peer *peer)
{
    struct wf_bundle bundle = peer->bundle;

    if (wf_list_has(&peer->bundled)) {
        wf_list_remove(&server->bundled, &peer->bundled);
        peer->bundle = (struct wf_bundle){0};
        send_frame(server, peer, &bundle.frame);
        wf_bundle_fini(&bundle);
    }
}

void
wf_gateway_peer_send_bundles(weft_server *server)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&server->bundled)) != NULL) {
        send_bundle(server,
                    WF_CONTAINER(node, struct wf_gateway_peer, bundled));
    }
}

static void
bundle(weft_server *server, struct wf_gateway_peer *peer)
{
    const struct wf_buf *out = &server->out;

    if (!wf_list_has(&peer->bundled)) {
        wf_list_push_back(&server->bundled, &peer->bundled);
    }
    wf_buf_put(&peer->bundle.frame, out->data, out->len);
    peer->bundle.count++;
}

void
wf_gateway_peer_send(weft_server *server, struct wf_gateway_peer *peer)
{
    size_t len = server->out.len;

    if (len > wf_bundle_room(&peer->bundle, WF_BUNDLE_MESSAGES_MAX)) {
        send_bundle(server, peer);
    }
    if (is_there(peer) && peer->takes_bundles && len <= WF_BUNDLE_BYTES_MAX) {
        bundle(server, peer);
    } else if (is_there(peer)) {
        send_frame(server, peer, &server->out);
    }
    wf_buf_reset(&server->out);
    if (atomic_load(&server->flight->bytes) >
        server->options.answers_bytes_max) {
        cut_slowest(server);
    }
}

static void
send_bye(weft_server *server, struct wf_gateway_peer *peer,
         enum wf_codec_bye code, const char *text)
{
    wf_codec_bye_encode(code, text, &server->out);
    wf_gateway_peer_send(server, peer);
}

void
wf_gateway_peer_bye(weft_server *server, struct wf_gateway_peer *peer,
                    enum wf_codec_bye code, const char *text)
{
    if (peer->bye_ms != 0 && server->now_ms - peer->bye_ms < BYE_PAUSE_MS) {
        return;
    }
    peer->bye_ms = server->now_ms;
    send_bye(server, peer, code, text);
}

void
wf_gateway_peer_end(weft_server *server, struct wf_gateway_peer *peer,
                    enum wf_codec_bye code, const char *text)
{
    if (is_there(peer)) {
        send_bye(server, peer, code, text);
        send_bundle(server, peer);
    }
    if (is_there(peer)) {
        leave(server, peer, LEAVE_MS);
    }
}

void
wf_gateway_peer_recheck(weft_server *server)
{
    struct wf_list_node *node = wf_list_first(&server->heard);

    for (; node != NULL; node = wf_list_next(&server->heard, node)) {
        struct wf_gateway_peer *peer =
            WF_CONTAINER(node, struct wf_gateway_peer, heard);

        if (peer->state == WF_GATEWAY_GREETED &&
            !wf_access_stays(server->access, peer->user, &peer->guest)) {
            wf_counter_add(&server->tally.revoked, 1);
            wf_gateway_peer_end(server, peer, WF_CODEC_BYE_REVOKED,
                                "the key is no longer allowed here");
        }
    }
}

// Receiving. ----------------------------------------------------------------

static void
end_malformed(weft_server *server, struct wf_gateway_peer *peer,
              const char *text)
{
    wf_counter_add(&server->tally.malformed, 1);
    wf_gateway_peer_end(server, peer, WF_CODEC_BYE_MALFORMED, text);
}

static void
take(weft_server *server, struct wf_gateway_peer *peer,
     const struct wf_wire_message *message, size_t bytes)
{
    if (wf_wire_is(message, "hello")) {
        wf_gateway_session_hello(server, peer, message);
    } else if (peer->state == WF_GATEWAY_REPLACED) {
        wf_gateway_peer_bye(server, peer, WF_CODEC_BYE_REPLACED,
                            "another connection said hello for this client");
    } else if (peer->state == WF_GATEWAY_NEW) {
        wf_gateway_peer_bye(server, peer, WF_CODEC_BYE_HELLO,
                            "nothing of this connection was taken so far");
    } else if (wf_wire_is(message, "ping")) {
        wf_codec_plain_encode("pong", message->number, &server->out);
        wf_gateway_peer_send(server, peer);
    } else if (wf_gateway_mode(server) != WF_GATEWAY_SERVING) {
        wf_gateway_peer_bye(server, peer, WF_CODEC_BYE_CLOSING,
                            "the server closes");
    } else if (wf_wire_is(message, "map")) {
        wf_gateway_map_ask(server, peer, message);
    } else {
        wf_gateway_call_take(server, peer, message, bytes);
    }
}

static void
take_all(weft_server *server, struct wf_gateway_peer *peer, weft_bytes frame)
{
    struct wf_bundle_reader reader = wf_bundle_read(frame, true);
    struct wf_wire_message message;
    size_t bytes;

    while (is_there(peer) && wf_bundle_has_next(&reader)) {
        if (wf_bundle_next(&reader, &message, &bytes) != WEFT_OK) {
            end_malformed(server, peer, weft_err_detail());
            return;
        }
        peer->takes_bundles |= wf_bundle_has_next(&reader);
        take(server, peer, &message, bytes);
    }
}

void
wf_gateway_peer_receive(weft_server *server, const struct wf_message *message)
{
    struct wf_gateway_peer *peer =
        wf_table_find(&server->peers, hash_of(server, &message->peer), is_named,
                      &message->peer);

    wf_counter_add(&server->tally.bytes_received, message->frame.len);
    if (peer == NULL) {
        peer = create_peer(server, message);
    }
    wf_gateway_line_took(server, peer->line.fd, message->frame.len);
    if (!is_there(peer)) {
        return;
    }
    if (strcmp(peer->user, message->user) != 0) {
        (void)snprintf(peer->user, sizeof(peer->user), "%s", message->user);
    }
    peer->heard_ms = server->now_ms;
    wf_list_remove(&server->heard, &peer->heard);
    wf_list_push_back(&server->heard, &peer->heard);
    if (message->is_self_named) {
        end_malformed(server, peer, "a socket here has no identity of its own");
    } else if (!message->is_alone) {
        end_malformed(server, peer, "a message is one frame");
    } else {
        take_all(server, peer, message->frame);
    }
}

// Time. ---------------------------------------------------------------------

static void
cut_leaving(weft_server *server)
{
    struct wf_list_node *node = wf_list_first(&server->heard);

    while (node != NULL && server->leaving > 0) {
        struct wf_gateway_peer *peer =
            WF_CONTAINER(node, struct wf_gateway_peer, heard);

        node = wf_list_next(&server->heard, node);
        if (is_there(peer) || server->now_ms < peer->cut_ms) {
            continue;
        }
        if (peer->line.cookie != 0) {
            cut(server, peer); // and kept for as long again
        } else {
            server->leaving--;
            destroy_peer(server, peer);
        }
    }
}

void
wf_gateway_peer_tick(weft_server *server)
{
    uint64_t silence_ms = 3ULL * server->options.keepalive_ms;
    struct wf_list_node *node = wf_list_first(&server->heard);

    while (node != NULL) {
        struct wf_gateway_peer *peer =
            WF_CONTAINER(node, struct wf_gateway_peer, heard);

        if (server->now_ms - peer->heard_ms < silence_ms) {
            break;
        }
        node = wf_list_next(&server->heard, node);
        if (is_there(peer)) {
            wf_counter_add(&server->tally.silent, 1);
            wf_gateway_peer_end(server, peer, WF_CODEC_BYE_KEEPALIVE,
                                "nothing was heard for too long");
        }
    }
    cut_leaving(server);
}

void
wf_gateway_peer_end_all(weft_server *server)
{
    struct wf_list_node *node = wf_list_first(&server->heard);

    for (; node != NULL; node = wf_list_next(&server->heard, node)) {
        wf_gateway_peer_end(server,
                            WF_CONTAINER(node, struct wf_gateway_peer, heard),
                            WF_CODEC_BYE_CLOSING, "the server closes");
    }
}

void
wf_gateway_peer_fini(weft_server *server)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&server->heard)) != NULL) {
        destroy_peer(server, WF_CONTAINER(node, struct wf_gateway_peer, heard));
    }
}
