// SPDX-License-Identifier: Apache-2.0
//
// gateway_call.c - what clients asked and have no answer to yet.
//
// An answer goes to the connection that its client has then, and a number that
// comes again meanwhile is not asked again.
//
// Waits are different: they may last for months, so they end with their
// connection. So do questions, for who is asked may want to know whether there
// is still somebody to answer to. One that was withdrawn is the node's until it
// comes back; its session knows it no more, and may ask again under the same
// number.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "remote/codec.h"
#include "remote/gateway_batch.h"
#include "remote/gateway_impl.h"
#include "remote/gateway_lease.h"
#include "remote/gateway_poll.h"
#include "remote/gateway_stats.h"
#include "remote/gateway_watch.h"
#include "runtime/client_as.h"
#include "runtime/node.h"
#include "runtime/request.h"

enum {
    RETRY_AFTER_MS = 100,
    LARGE_ANSWER_BYTES = 4096,
    CALL_BYTES = 1024, // what a request costs besides its bytes
};

static bool
is_call(const void *item, const void *key)
{
    const struct wf_gateway_call *call = item;
    const uint64_t *number = key;

    return call->number == *number;
}

static uint64_t
hash_number(const weft_server *server, uint64_t number)
{
    return wf_hash64(&number, sizeof(number), server->hash_seed);
}

struct wf_gateway_call *
wf_gateway_call_find(const struct wf_gateway_session *session, uint64_t number)
{
    return wf_table_find(&session->calls, hash_number(session->server, number),
                         is_call, &number);
}

// Its session gets no answer of it any more.
static void
detach(struct wf_gateway_call *call)
{
    struct wf_gateway_session *session = call->session;
    weft_server *server = call->server;

    if (wf_heap_has(&call->expiry)) {
        wf_heap_remove(&server->expiries, &call->expiry);
    }
    if (session == NULL) {
        return;
    }
    wf_table_remove(&session->calls, hash_number(server, call->number), call);
    session->bytes -= call->bytes;
    if (wf_list_has(&call->wait)) {
        wf_list_remove(&session->waits, &call->wait);
    }
    call->session = NULL;
}

static void
withdraw(struct wf_gateway_call *call)
{
    if (call->ops != NULL && call->ops->withdrawn != NULL) {
        call->ops->withdrawn(call);
        return;
    }
    detach(call);
    call->server->withdrawn++;
    if (call->request != NULL) {
        wf_node_withdraw(call->server->node, call->request);
    }
}

void
wf_gateway_call_withdraw_waits(struct wf_gateway_session *session)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&session->waits)) != NULL) {
        withdraw(WF_CONTAINER(node, struct wf_gateway_call, wait));
    }
}

void
wf_gateway_call_withdraw_heard(struct wf_gateway_session *session)
{
    struct wf_gateway_call *call;
    size_t cursor = 0;

    wf_gateway_call_withdraw_waits(session);
    while ((call = wf_table_next(&session->calls, &cursor)) != NULL) {
        if (call->verb == WEFT_VERB_ASK) {
            withdraw(call); // and another one may be in its place
            cursor--;
        }
    }
}

void
wf_gateway_call_withdraw_all(struct wf_gateway_session *session)
{
    struct wf_gateway_call *call;
    size_t cursor = 0;

    while ((call = wf_table_next(&session->calls, &cursor)) != NULL) {
        withdraw(call); // and another one may be in its place
        cursor--;
    }
}

void
wf_gateway_call_destroy(struct wf_gateway_call *call)
{
    weft_server *server = call->server;

    server->withdrawn -= call->session == NULL ? 1 : 0;
    detach(call);
    wf_access_record_end(server->access, call->record, call->err);
    server->calls--;
    server->bytes -= call->bytes;
    call->space->calls--;
    wf_gateway_space_leave(server, call->space);
    wf_free(call);
}

void
wf_gateway_call_refuse(weft_server *server, struct wf_gateway_peer *peer,
                       uint64_t number, weft_err err)
{
    wf_codec_error_encode(number, err, weft_err_detail(), &server->out);
    wf_gateway_peer_send(server, peer);
}

// It reads, and what it read is large, and nobody takes it: it may ask later.
static bool
must_wait(const struct wf_gateway_call *call, const weft_reply *reply)
{
    return wf_request_is_read(call->request) &&
           (reply->data.len > LARGE_ANSWER_BYTES || reply->items_count > 0) &&
           wf_gateway_peer_is_choked(call->server, call->session->peer);
}

static void
answer(struct wf_gateway_call *call, const weft_reply *reply)
{
    weft_server *server = call->server;
    weft_reply later = {
        .err = WEFT_EBUSY,
        .detail = "answers that were not taken are in the way",
        .number = call->number,
        .retry_after_ms = RETRY_AFTER_MS,
    };

    if (must_wait(call, reply)) {
        wf_counter_add(&server->tally.refused, 1);
        reply = &later;
    }
    wf_codec_reply_encode(call->verb, reply, &server->out);
    wf_gateway_peer_send(server, call->session->peer);
}

// The node does nothing any more, or has no part in its cluster: whoever asks
// another one gets an answer.
static void
turn_away(struct wf_gateway_call *call, const weft_reply *reply)
{
    weft_server *server = call->server;
    struct wf_gateway_peer *peer = call->session->peer;

    wf_gateway_call_destroy(call);
    wf_gateway_peer_end(server, peer, WF_CODEC_BYE_CLOSING, reply->detail);
}

static void
on_reply(void *ctx, const weft_reply *reply)
{
    struct wf_gateway_call *call = ctx;

    call->err = reply->err;
    // Else the server may be closing, and the node may still have, or free,
    // the request.
    if (wf_gateway_call_is_heard(call) && reply->err == WEFT_ECLOSED) {
        turn_away(call, reply);
        return;
    }
    if (wf_gateway_call_is_heard(call)) {
        wf_gateway_lease_answered(call->server, call->session, call->request,
                                  reply->err);
        answer(call, reply);
    }
    wf_gateway_call_destroy(call);
}

bool
wf_gateway_call_is_heard(const struct wf_gateway_call *call)
{
    return call->session != NULL && call->session->peer != NULL &&
           wf_gateway_mode(call->server) != WF_GATEWAY_CLOSING;
}

void
wf_gateway_call_end(struct wf_gateway_call *call, weft_err err)
{
    weft_server *server = call->server;
    bool is_heard = wf_gateway_call_is_heard(call);
    struct wf_gateway_peer *peer = is_heard ? call->session->peer : NULL;
    uint64_t number = call->number;

    call->err = err;
    wf_gateway_call_destroy(call);
    if (is_heard && err != WEFT_OK) {
        wf_gateway_call_refuse(server, peer, number, err);
    } else if (is_heard) {
        wf_gateway_peer_send(server, peer);
    }
    wf_buf_reset(&server->out);
}

void
wf_gateway_call_grow(struct wf_gateway_call *call, size_t bytes)
{
    call->bytes += (uint32_t)bytes;
    call->session->bytes += bytes;
    call->server->bytes += bytes;
}

// Requests. -----------------------------------------------------------------

weft_err
wf_gateway_call_room(const weft_server *server, size_t bytes, size_t requests)
{
    uint64_t under_way = server->calls + server->asks + (uint64_t)requests;

    return server->bytes + bytes + under_way * CALL_BYTES >
                   server->options.bytes_max
               ? wf_error(WEFT_EBUSY, "the node has too much under way")
               : WEFT_OK;
}

// Is there room for one more? Else why not.
static weft_err
admit(const weft_server *server, const struct wf_gateway_session *session,
      size_t bytes)
{
    const weft_server_options *options = &server->options;

    if (session->calls.count >= options->credit) {
        return wf_error(WEFT_EBUSY, "credit: %u requests have no answer yet",
                        options->credit);
    }
    if (session->bytes + bytes > options->credit_bytes) {
        return wf_error(WEFT_EBUSY, "credit_bytes: over %llu have no answer",
                        (unsigned long long)options->credit_bytes);
    }
    if (session->space->calls >= options->namespace_requests_max) {
        return wf_error(WEFT_EBUSY,
                        "%u requests of this namespace have no answer yet",
                        options->namespace_requests_max);
    }
    if (wf_gateway_peer_is_choked(server, session->peer)) {
        return wf_error(WEFT_EBUSY, "answers that were not taken are in the "
                                    "way");
    }
    return wf_gateway_call_room(server, bytes, 1);
}

static bool
is_wait(weft_verb verb)
{
    return verb == WEFT_VERB_RESULT || verb == WEFT_VERB_WATCH;
}

static weft_err
admit_wait(const weft_server *server, const struct wf_gateway_session *session)
{
    if (session->waits.count >= server->options.waits_max) {
        return wf_error(WEFT_EBUSY, "waits: %u requests wait already",
                        server->options.waits_max);
    }
    return WEFT_OK;
}

weft_err
wf_gateway_call_wait(struct wf_gateway_call *call, uint64_t wait_ms)
{
    weft_server *server = call->server;
    weft_err err = admit_wait(server, call->session);

    if (err != WEFT_OK) {
        return err;
    }
    wf_list_push_back(&call->session->waits, &call->wait);
    if (wait_ms != 0 && wait_ms < WF_NEVER_MS / 2) {
        wf_heap_add(&server->expiries, &call->expiry, server->now_ms + wait_ms);
    }
    return WEFT_OK;
}

static void
add_call(struct wf_gateway_call *call)
{
    weft_server *server = call->server;
    struct wf_gateway_session *session = call->session;

    wf_table_add(&session->calls, hash_number(server, call->number), call);
    session->bytes += call->bytes;
    server->calls++;
    server->bytes += call->bytes;
    call->space->calls++;
    call->space->users++;
    wf_counter_add(&server->tally.requests, 1);
}

static struct wf_gateway_call *
create_call(weft_server *server, struct wf_gateway_session *session,
            uint64_t number, weft_verb verb, size_t bytes)
{
    struct wf_gateway_call *call = wf_calloc(sizeof(*call));

    call->server = server;
    call->session = session;
    call->space = session->space;
    call->number = number;
    call->bytes = (uint32_t)bytes;
    call->verb = verb;
    return call;
}

static struct wf_access_record *
begin_record(const weft_server *server,
             const struct wf_gateway_session *session,
             const struct wf_access_request *request)
{
    return wf_access_record_begin(server->access, &session->peer->guest,
                                  request);
}

static weft_err
submit(weft_server *server, struct wf_gateway_session *session,
       const struct wf_codec_request *request,
       const struct wf_access_request *account, size_t bytes)
{
    const weft_request *asked = &request->request;
    struct wf_gateway_call *call =
        create_call(server, session, asked->number, asked->verb, bytes);
    struct wf_client_as as = {
        .name_space = session->space->name,
        .number = asked->number,
        .confirmed = request->confirmed,
        .is_again = request->is_again,
        .answers_bytes_max = server->options.answers_bytes_max,
    };
    weft_err err;

    memcpy(as.client_id, session->id, sizeof(as.client_id));
    err = wf_client_submit_as(server->client, &as, asked, on_reply, call,
                              &call->request);
    call->record = begin_record(server, session, account);
    if (err != WEFT_OK) {
        wf_access_record_end(server->access, call->record, err);
        wf_free(call);
        return err;
    }
    add_call(call);
    return is_wait(call->verb) ? wf_gateway_call_wait(call, request->wait_ms)
                               : WEFT_OK;
}

// What is asked, for those who allow it and keep account of it.
static struct wf_access_request
access_to(const struct wf_wire_message *message, const weft_request *asked)
{
    const weft_operator *by = asked->by;

    return (struct wf_access_request){
        .verb = message->verb,
        .kind = asked->target.kind,
        .id = asked->target.id,
        .who = by == NULL ? NULL : by->who,
        .why = by == NULL ? NULL : by->why,
    };
}

static weft_err
take_request(weft_server *server, struct wf_gateway_session *session,
             const struct wf_wire_message *message, size_t bytes)
{
    const struct wf_access_guest *guest = &session->peer->guest;
    struct wf_codec_request request;
    struct wf_access_request access;
    char worker[WF_GATEWAY_WORKER_CHARS];
    char who[WF_NAME_BYTES_MAX + 1];
    weft_err err = wf_codec_request_decode(message, &request);

    if (err == WEFT_OK) {
        access = access_to(message, &request.request);
        err = wf_access_check(server->access, session->peer->user, guest,
                              &access);
    }
    if (err == WEFT_OK && is_wait(request.request.verb)) {
        err = admit_wait(server, session);
    }
    if (err == WEFT_OK) {
        wf_access_who(guest, request.by.who == NULL ? "" : request.by.who, who);
        request.by.who = who;
        wf_gateway_lease_name(session, &request.request, worker);
        err = submit(server, session, &request, &access, bytes);
    }
    wf_codec_request_fini(&request);
    return err;
}

// What is no single request of the node.
static const struct other {
    const char *verb;
    weft_err (*begin)(struct wf_gateway_call *call,
                      const struct wf_wire_message *message);
} others[] = {
    {"batch", wf_gateway_batch_begin},
    {"poll", wf_gateway_poll_begin},
    {"renew", wf_gateway_lease_renew},
    {"stats", wf_gateway_stats_begin},
    {"subscribe", wf_gateway_watch_subscribe},
    {"unsubscribe", wf_gateway_watch_unsubscribe},
};

static const struct other *
find_other(const struct wf_wire_message *message)
{
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (wf_wire_is(message, others[i].verb)) {
            return &others[i];
        }
    }
    return NULL;
}

static weft_err
take_other(weft_server *server, struct wf_gateway_session *session,
           const struct wf_wire_message *message, size_t bytes,
           const struct other *other)
{
    struct wf_gateway_call *call =
        create_call(server, session, message->number, WEFT_VERB_COUNT, bytes);
    struct wf_access_request access = {.verb = message->verb};
    weft_err err = wf_access_check(server->access, session->peer->user,
                                   &session->peer->guest, &access);

    add_call(call);
    if (err == WEFT_OK && message->number == 0) {
        err = wf_error(WEFT_EINVAL, "the number of a request is 0");
    }
    if (err == WEFT_OK) {
        call->record = begin_record(server, session, &access);
        err = other->begin(call, message);
    }
    if (err != WEFT_OK) {
        call->err = err;
        wf_gateway_call_destroy(call);
    }
    return err;
}

static bool
may_be_done(const struct wf_codec_request *request)
{
    const struct wf_request probe = {.verb = request->request.verb};

    return request->is_again && !wf_request_is_read(&probe);
}

// A refusal says that nothing has happened, and its client asks under another
// number. Of what is sent again nobody knows that here.
static weft_err
doubt(const struct wf_wire_message *message, weft_err refusal)
{
    struct wf_codec_request request;
    char why[256];

    (void)snprintf(why, sizeof(why), "%s", weft_err_detail());
    if (wf_codec_request_decode(message, &request) == WEFT_OK &&
        may_be_done(&request)) {
        refusal = wf_error(WEFT_EIO,
                           "%s; whether it was done before is not known", why);
    } else {
        (void)wf_error(refusal, "%s", why);
    }
    wf_codec_request_fini(&request);
    return refusal;
}

void
wf_gateway_call_take(weft_server *server, struct wf_gateway_peer *peer,
                     const struct wf_wire_message *message, size_t bytes)
{
    struct wf_gateway_session *session = peer->session;
    const struct other *other = find_other(message);
    weft_err err;

    if (wf_gateway_call_find(session, message->number) != NULL) {
        return; // its answer will come
    }
    err = admit(server, session, bytes);
    if (err == WEFT_OK && other != NULL) {
        err = take_other(server, session, message, bytes, other);
    } else if (err == WEFT_OK) {
        err = take_request(server, session, message, bytes);
    }
    if (err != WEFT_OK) {
        wf_counter_add(&server->tally.refused, err == WEFT_EBUSY);
        err = strcmp(weft_err_class(err), "RETRY") == 0 && other == NULL
                  ? doubt(message, err)
                  : err;
        wf_gateway_call_refuse(server, peer, message->number, err);
    }
}

// Time. ---------------------------------------------------------------------

static void
expire(struct wf_gateway_call *call)
{
    weft_server *server = call->server;
    struct wf_gateway_peer *peer = call->session->peer;
    uint64_t number = call->number;

    if (call->ops != NULL && call->ops->expired != NULL) {
        call->ops->expired(call);
        return;
    }
    withdraw(call);
    (void)wf_error(WEFT_ETIMEDOUT, "wait_ms: it has nothing to say yet");
    wf_gateway_call_refuse(server, peer, number, WEFT_ETIMEDOUT);
}

void
wf_gateway_call_tick(weft_server *server)
{
    struct wf_heap_node *first;

    while ((first = wf_heap_first(&server->expiries)) != NULL &&
           first->due <= server->now_ms) {
        wf_heap_remove(&server->expiries, first);
        expire(WF_CONTAINER(first, struct wf_gateway_call, expiry));
    }
}
