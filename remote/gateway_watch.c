// SPDX-License-Identifier: Apache-2.0
//
// gateway_watch.c - see gateway_watch.h.
//
// A subscription watches (weft/watch.h), tells, and watches again at the next
// tick, if its connection has taken what was told. So it costs one event in a
// tick at most, however fast its instance changes, and a slow client gets fewer
// of them and always the newest.

#include "remote/gateway_watch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "remote/codec_watch.h"
#include "remote/gateway_ask.h"
#include "runtime/node.h"
#include "runtime/request.h"

enum { UNTAKEN_MAX = 16 }; // answers; over it a connection is told nothing new

struct subscription {
    weft_server *server;
    struct wf_gateway_call *call; // NULL: ended; kept until the node answers
    struct wf_list_node due;      // in the server's, to watch at the next tick
    struct wf_request *asked;     // the node's; NULL: none
    struct wf_arena memory;
    weft_target target;
    uint64_t after;
};

static void watch(struct subscription *subscription);

static void
destroy(struct subscription *subscription)
{
    if (wf_list_has(&subscription->due)) {
        wf_list_remove(&subscription->server->subscriptions,
                       &subscription->due);
    }
    wf_arena_fini(&subscription->memory);
    wf_free(subscription);
}

// It has no call any more.
static void
leave(struct subscription *subscription)
{
    subscription->call = NULL;
    if (subscription->asked == NULL) {
        destroy(subscription);
    } else {
        wf_node_withdraw(subscription->server->node, subscription->asked);
    }
}

static void
on_withdrawn(struct wf_gateway_call *call)
{
    leave(call->of);
    wf_gateway_call_destroy(call);
}

static const struct wf_gateway_call_ops subscription_ops = {on_withdrawn, NULL};

// Telling. ------------------------------------------------------------------

static void
tell(struct subscription *subscription, const weft_reply *reply)
{
    struct wf_gateway_call *call = subscription->call;
    weft_server *server = subscription->server;
    struct wf_codec_event event = {
        .instance = reply->items[0],
        .values = reply->data,
        .after = reply->after,
        .is_last = reply->items[0].status != WEFT_STATUS_RUNNING,
    };

    subscription->after = reply->after;
    if (wf_gateway_call_is_heard(call)) {
        wf_codec_event_encode(&event, call->number, &server->out);
    }
    if (event.is_last) {
        destroy(subscription);
        wf_gateway_call_end(call, WEFT_OK);
        return;
    }
    wf_list_push_back(&server->subscriptions, &subscription->due);
    if (wf_gateway_call_is_heard(call)) {
        wf_gateway_peer_send(server, call->session->peer);
    }
}

// False: it is no use to ask again.
static bool
may_ask_again(weft_err err)
{
    return strcmp(weft_err_class(err), "RETRY") == 0 ||
           strcmp(weft_err_class(err), "UNKNOWN") == 0;
}

static void
on_watched(void *ctx, const weft_reply *reply)
{
    struct subscription *subscription = ctx;
    struct wf_gateway_call *call = subscription->call;
    weft_server *server = subscription->server;

    subscription->asked = NULL;
    if (call == NULL) {
        destroy(subscription);
    } else if (reply->err == WEFT_OK && reply->items_count == 1) {
        tell(subscription, reply);
    } else if (may_ask_again(reply->err) &&
               wf_gateway_mode(server) != WF_GATEWAY_CLOSING) {
        wf_list_push_back(&server->subscriptions, &subscription->due);
    } else {
        destroy(subscription);
        (void)wf_error(reply->err, "%s", reply->detail);
        wf_gateway_call_end(call, reply->err);
    }
}

static void
watch(struct subscription *subscription)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_gateway_call *call = subscription->call;
    weft_err err;

    request.verb = WEFT_VERB_WATCH;
    request.target = subscription->target;
    request.after = subscription->after;
    err = wf_gateway_ask(subscription->server, call->space->name, &request,
                         on_watched, subscription, &subscription->asked);
    if (err != WEFT_OK) {
        weft_reply refused = {.err = err, .detail = weft_err_detail()};

        on_watched(subscription, &refused);
    }
}

void
wf_gateway_watch_tick(weft_server *server)
{
    size_t count = server->subscriptions.count;

    while (count-- > 0 && server->subscriptions.count > 0) {
        struct wf_list_node *node = wf_list_pop_front(&server->subscriptions);
        struct subscription *subscription =
            WF_CONTAINER(node, struct subscription, due);
        struct wf_gateway_peer *peer = subscription->call->session->peer;

        if (atomic_load(&peer->flight->messages) > UNTAKEN_MAX ||
            wf_gateway_peer_is_choked(server, peer)) {
            wf_list_push_back(&server->subscriptions, node);
        } else {
            watch(subscription);
        }
    }
}

// The verbs. ----------------------------------------------------------------

weft_err
wf_gateway_watch_subscribe(struct wf_gateway_call *call,
                           const struct wf_wire_message *message)
{
    struct subscription *subscription = wf_calloc(sizeof(*subscription));
    weft_server *server = call->server;
    struct wf_codec_subscribe asked;
    weft_err err =
        wf_codec_subscribe_decode(message, &subscription->memory, &asked);

    subscription->server = server;
    if (err == WEFT_OK) {
        err = wf_gateway_call_wait(call, 0);
    }
    if (err != WEFT_OK) {
        destroy(subscription);
        return err;
    }
    subscription->call = call;
    subscription->target = asked.target;
    subscription->after = asked.after;
    call->ops = &subscription_ops;
    call->of = subscription;
    wf_codec_plain_encode("ok", call->number, &server->out);
    wf_list_push_back(&server->subscriptions, &subscription->due);
    wf_gateway_peer_send(server, call->session->peer);
    return WEFT_OK;
}

weft_err
wf_gateway_watch_unsubscribe(struct wf_gateway_call *call,
                             const struct wf_wire_message *message)
{
    struct wf_arena memory = {0};
    struct wf_codec_unsubscribe asked;
    struct wf_gateway_call *subscribed = NULL;
    weft_err err = wf_codec_unsubscribe_decode(message, &memory, &asked);

    wf_arena_fini(&memory);
    if (err != WEFT_OK) {
        return err;
    }
    subscribed = wf_gateway_call_find(call->session, asked.subscription);
    if (subscribed != NULL && subscribed->ops == &subscription_ops) {
        on_withdrawn(subscribed);
    }
    wf_codec_plain_encode("ok", call->number, &call->server->out);
    wf_gateway_call_end(call, WEFT_OK);
    return WEFT_OK;
}
