// SPDX-License-Identifier: Apache-2.0
//
// gateway_lease.c - see gateway_lease.h.
//
// A lease is kept for a connection, and not for its client: who comes back may
// be a process that was started again, or one that never heard of a task that
// was sent to it, and knows nothing of what it has. So it says what it has, by
// `renew`. Nothing is lost meanwhile: a lease lasts longer than that takes.
//
// Each lease falls due every third of its time, and is renewed then if anything
// was heard from its connection since the last time; else it is looked at again
// after a sixth. So it lasts at most one and a half of its time longer than its
// worker.

#include "remote/gateway_lease.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "remote/codec_task.h"
#include "remote/gateway_ask.h"
#include "runtime/request.h"
#include "weft/worker.h"

enum { RENEW_TOKENS_MAX = 1000 };

struct wf_gateway_lease {
    struct wf_gateway_session *session;
    struct wf_heap_node due; // in the server's renewals
    uint64_t lease_ms;
    uint64_t renewed_ms;
    bool is_asking; // then it outlives being forgotten, with no session
    char worker[WF_GATEWAY_WORKER_CHARS];
    char token[]; // with its NUL
};

static uint64_t
hash_token(const char *token)
{
    return wf_hash64(token, strlen(token), 0);
}

static bool
is_lease(const void *item, const void *key)
{
    const struct wf_gateway_lease *lease = item;

    return strcmp(lease->token, key) == 0;
}

static struct wf_gateway_lease *
find_lease(const struct wf_gateway_session *session, const char *token)
{
    return wf_table_find(&session->leases, hash_token(token), is_lease, token);
}

static void
forget(weft_server *server, struct wf_gateway_lease *lease)
{
    wf_heap_remove(&server->renewals, &lease->due);
    wf_table_remove(&lease->session->leases, hash_token(lease->token), lease);
    lease->session = NULL;
    if (!lease->is_asking) {
        wf_free(lease);
    }
}

static void
look_again(weft_server *server, struct wf_gateway_lease *lease, uint64_t in_ms)
{
    wf_heap_remove(&server->renewals, &lease->due);
    wf_heap_add(&server->renewals, &lease->due, server->now_ms + in_ms);
}

void
wf_gateway_lease_worker(const struct wf_gateway_session *session,
                        const char *name,
                        char out_worker[WF_GATEWAY_WORKER_CHARS])
{
    char id[2 * sizeof(session->id) + 1];
    int room = WF_WORKER_BYTES_MAX - (int)sizeof(id);

    for (size_t i = 0; i < sizeof(session->id); i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", session->id[i]);
    }
    (void)snprintf(out_worker, WF_GATEWAY_WORKER_CHARS, "%.*s@%s", room,
                   name == NULL ? session->label : name, id);
}

void
wf_gateway_lease_keep(weft_server *server, struct wf_gateway_session *session,
                      const char *token, const char *worker, uint64_t lease_ms)
{
    struct wf_gateway_lease *lease = find_lease(session, token);

    if (lease == NULL) {
        lease = wf_calloc(sizeof(*lease) + strlen(token) + 1);
        memcpy(lease->token, token, strlen(token) + 1);
        lease->session = session;
        wf_table_add(&session->leases, hash_token(token), lease);
        wf_heap_add(&server->renewals, &lease->due, server->now_ms);
    }
    memcpy(lease->worker, worker, strlen(worker) + 1);
    lease->lease_ms = lease_ms;
    lease->renewed_ms = server->now_ms;
    look_again(server, lease, lease_ms / 3);
}

bool
wf_gateway_lease_has(const struct wf_gateway_session *session,
                     const char *token)
{
    return find_lease(session, token) != NULL;
}

static void
on_given_back(void *ctx, const weft_reply *reply)
{
    (void)ctx;
    (void)reply; // if it was not, it is lost as those are of one who dies
}

void
wf_gateway_lease_give_back(weft_server *server, const char *name_space,
                           const char *token, const char *worker)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RELEASE;
    request.token = token;
    request.worker = worker;
    (void)wf_gateway_ask(server, name_space, &request, on_given_back, NULL,
                         NULL);
}

void
wf_gateway_lease_forget_all(weft_server *server,
                            struct wf_gateway_session *session)
{
    struct wf_gateway_lease *lease;
    size_t cursor = 0;

    while ((lease = wf_table_next(&session->leases, &cursor)) != NULL) {
        forget(server, lease); // and another one may be in its place
        cursor--;
    }
}

// Requests by token. --------------------------------------------------------

void
wf_gateway_lease_name(const struct wf_gateway_session *session,
                      weft_request *request,
                      char worker[WF_GATEWAY_WORKER_CHARS])
{
    const struct wf_gateway_lease *lease;
    bool is_of_lease =
        request->verb == WEFT_VERB_LEASE || request->verb == WEFT_VERB_RENEW ||
        request->verb == WEFT_VERB_RELEASE || request->verb == WEFT_VERB_DEFER;

    if (!is_of_lease || request->token == NULL) {
        return;
    }
    lease = find_lease(session, request->token);
    if (lease != NULL) {
        memcpy(worker, lease->worker, sizeof(lease->worker));
    } else if (request->worker == NULL) {
        wf_gateway_lease_worker(session, NULL, worker);
    } else {
        return; // leased one by one, under its own name
    }
    request->worker = worker;
}

void
wf_gateway_lease_answered(weft_server *server,
                          struct wf_gateway_session *session,
                          const struct wf_request *request, weft_err err)
{
    char token[WEFT_TOKEN_CHARS_MAX];
    struct wf_gateway_lease *lease;
    bool ends = request->verb == WEFT_VERB_COMPLETE ||
                request->verb == WEFT_VERB_FAIL ||
                request->verb == WEFT_VERB_RELEASE ||
                request->verb == WEFT_VERB_DEFER;

    if (!ends || session->leases.count == 0 ||
        (err != WEFT_OK && err != WEFT_ENOTFOUND)) {
        return;
    }
    wf_token_encode(&request->key, &request->token, token);
    lease = find_lease(session, token);
    if (lease != NULL) {
        forget(server, lease);
    }
}

// The verb renew. -----------------------------------------------------------

struct renewal {
    struct wf_gateway_call *call;
    struct wf_arena memory; // of the message
    char worker[WF_GATEWAY_WORKER_CHARS];
    size_t under_way;
    const char **cancelled; // each ends with NULL
    const char **gone;
    size_t cancelled_count, gone_count;
    bool is_refused; // some may be kept later
};

// One token of it.
struct renewed {
    struct renewal *renewal;
    const char *token; // in its memory
    char worker[WF_GATEWAY_WORKER_CHARS];
};

static void
destroy_renewal(struct renewal *renewal)
{
    wf_free((void *)renewal->cancelled);
    wf_free((void *)renewal->gone);
    wf_arena_fini(&renewal->memory);
    wf_free(renewal);
}

static void
answer_renewal(struct renewal *renewal)
{
    struct wf_gateway_call *call = renewal->call;
    struct wf_codec_renewed answer = {
        .cancelled = renewal->cancelled_count == 0 ? NULL : renewal->cancelled,
        .gone = renewal->gone_count == 0 ? NULL : renewal->gone,
    };

    if (renewal->is_refused) {
        (void)wf_error(WEFT_EBUSY, "not all of them could be renewed now");
        wf_gateway_call_end(call, WEFT_EBUSY);
        return;
    }
    if (wf_gateway_call_is_heard(call)) {
        wf_codec_renewed_encode(&answer, call->number, &call->server->out);
    }
    wf_gateway_call_end(call, WEFT_OK);
}

static void
on_renewed(void *ctx, const weft_reply *reply)
{
    struct renewed *one = ctx;
    struct renewal *renewal = one->renewal;
    struct wf_gateway_call *call = renewal->call;

    if (wf_gateway_call_is_heard(call) && reply->lease != NULL) {
        wf_gateway_lease_keep(call->server, call->session, one->token,
                              one->worker, reply->lease->lease_ms);
    }
    if (reply->err == WEFT_ECANCELLED) {
        renewal->cancelled[renewal->cancelled_count++] = one->token;
    } else if (reply->err == WEFT_ENOTFOUND || reply->err == WEFT_EINVAL) {
        renewal->gone[renewal->gone_count++] = one->token;
    } else if (reply->err != WEFT_OK) {
        renewal->is_refused = true;
    }
    wf_free(one);
    if (--renewal->under_way == 0) {
        answer_renewal(renewal);
        destroy_renewal(renewal);
    }
}

static void
ask_one(struct renewal *renewal, const char *token)
{
    struct wf_gateway_call *call = renewal->call;
    struct wf_gateway_lease *lease = find_lease(call->session, token);
    struct renewed *one = wf_alloc(sizeof(*one));
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply refused = {0};

    one->renewal = renewal;
    one->token = token;
    memcpy(one->worker, lease == NULL ? renewal->worker : lease->worker,
           sizeof(one->worker));
    request.verb = WEFT_VERB_RENEW;
    request.token = token;
    request.worker = one->worker;
    renewal->under_way++;
    refused.err = wf_gateway_ask(call->server, call->space->name, &request,
                                 on_renewed, one, NULL);
    if (refused.err != WEFT_OK) {
        on_renewed(one, &refused);
    }
}

weft_err
wf_gateway_lease_renew(struct wf_gateway_call *call,
                       const struct wf_wire_message *message)
{
    struct renewal *renewal = wf_calloc(sizeof(*renewal));
    struct wf_codec_renew asked;
    size_t count = 0;
    weft_err err = wf_codec_renew_decode(message, &renewal->memory, &asked);

    renewal->call = call;
    while (err == WEFT_OK && asked.tokens[count] != NULL) {
        count++;
    }
    if (err == WEFT_OK && count > RENEW_TOKENS_MAX) {
        err = wf_error(WEFT_ETOOBIG, "tokens: over %d", RENEW_TOKENS_MAX);
    }
    if (err == WEFT_OK) {
        err = wf_gateway_call_room(call->server, 0, count);
    }
    if (err != WEFT_OK) {
        destroy_renewal(renewal);
        return err;
    }
    wf_gateway_lease_worker(call->session, asked.worker, renewal->worker);
    renewal->cancelled = wf_calloc((count + 1) * sizeof(char *));
    renewal->gone = wf_calloc((count + 1) * sizeof(char *));
    renewal->under_way = 1; // so that it ends below at the earliest
    for (size_t i = 0; i < count; i++) {
        ask_one(renewal, asked.tokens[i]);
    }
    if (--renewal->under_way == 0) {
        answer_renewal(renewal);
        destroy_renewal(renewal);
    }
    return WEFT_OK;
}

// Time. ---------------------------------------------------------------------

static void
on_kept(void *ctx, const weft_reply *reply)
{
    struct wf_gateway_lease *lease = ctx;
    weft_server *server;

    lease->is_asking = false;
    if (lease->session == NULL) {
        wf_free(lease);
        return;
    }
    server = lease->session->server;
    if (reply->err == WEFT_ENOTFOUND) {
        forget(server, lease);
    } else if (reply->err == WEFT_OK || reply->err == WEFT_ECANCELLED) {
        lease->renewed_ms = server->now_ms;
    }
}

static void
keep(weft_server *server, struct wf_gateway_lease *lease)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RENEW;
    request.token = lease->token;
    request.worker = lease->worker;
    lease->is_asking =
        wf_gateway_ask(server, lease->session->space->name, &request, on_kept,
                       lease, NULL) == WEFT_OK;
}

void
wf_gateway_lease_tick(weft_server *server)
{
    struct wf_heap_node *first;

    while ((first = wf_heap_first(&server->renewals)) != NULL &&
           first->due <= server->now_ms) {
        struct wf_gateway_lease *lease =
            WF_CONTAINER(first, struct wf_gateway_lease, due);
        bool is_alive = lease->session->peer->heard_ms > lease->renewed_ms;

        if (is_alive && !lease->is_asking) {
            keep(server, lease);
        }
        look_again(server, lease, lease->lease_ms / (is_alive ? 3 : 6));
    }
}
