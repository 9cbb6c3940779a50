// SPDX-License-Identifier: Apache-2.0
//
// client_wait.c - what a caller does: ask, and wait for the answer.
//
// A submitted call is answered by its callback, when some thread dispatches. A
// blocking call sleeps on the call's own state. client.c brings the answer to
// either, and says who frees the request.
//
// Threads: any. pop_lock is held while completions are popped, and never while
// user code runs.

#include "runtime/client_as.h"
#include "runtime/client_impl.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/key.h"
#include "runtime/cipher.h"
#include "runtime/futex.h"
#include "runtime/inside.h"
#include "runtime/interceptor.h"
#include "runtime/request.h"
#include "runtime/versioned.h"

enum { BATCH = 64, GRACE_MS = 1000 };

// Interceptors. -------------------------------------------------------------

static bool
is_watched(const weft_client *client)
{
    return client->interceptors != NULL && client->interceptors->has_reply;
}

static weft_target
target_of(const struct wf_key *key)
{
    weft_target target = {"", ""};

    if (key->len > 0) {
        target = (weft_target){wf_key_kind(key), wf_key_id(key)};
    }
    return target;
}

static void
show_reply(const weft_client *client, weft_verb verb, weft_target target,
           const weft_reply *reply)
{
    if (is_watched(client)) {
        wf_interceptors_reply(client->interceptors, verb, target, reply);
    }
}

static weft_err
make_sealed(weft_client *client, const char *name_space,
            const weft_request *given, struct wf_request **out_made)
{
    struct wf_arena memory = {0};
    weft_request sealed = *given;
    weft_err err = wf_cipher_seal_request(client->cipher, &sealed, &memory);

    if (err == WEFT_OK) {
        err = wf_client_make(client, name_space, &sealed, out_made);
    }
    wf_arena_fini(&memory);
    return err;
}

static void
open_reply(const weft_client *client, struct wf_request *request)
{
    if (client->cipher != NULL) {
        wf_cipher_open_reply(client->cipher, request);
    }
}

// What is asked, when the interceptors have seen it.
static weft_err
make_request(weft_client *client, const char *name_space,
             const weft_request *request, weft_request *out_given,
             struct wf_request **out_made)
{
    weft_err err = wf_versioned_copy("weft_request", request, out_given,
                                     sizeof(*out_given));

    if (err == WEFT_OK && client->interceptors != NULL) {
        err = wf_interceptors_request(client->interceptors, out_given);
    }
    if (err != WEFT_OK || client->cipher == NULL) {
        return err == WEFT_OK
                   ? wf_client_make(client, name_space, out_given, out_made)
                   : err;
    }
    return make_sealed(client, name_space, out_given, out_made);
}

static void
post(const weft_client *client, struct wf_request *made)
{
    client->port.ops->post(client->port.self, made);
}

// Submitted calls. ----------------------------------------------------------

weft_err
weft_client_submit(weft_client *client, const weft_request *request,
                   weft_reply_fn *fn, void *ctx, uint64_t *out_number)
{
    weft_request given;
    struct wf_request *made;
    struct wf_client_call *call;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(client != NULL);
    WF_REQUIRE(fn != NULL);
    err = make_request(client, client->name_space, request, &given, &made);
    if (err != WEFT_OK) {
        return err;
    }
    err = wf_client_begin(client, made, given.number, fn, ctx, &call);
    if (err != WEFT_OK) {
        return err;
    }
    if (out_number != NULL) {
        *out_number = call->number;
    }
    post(client, made);
    return WEFT_OK;
}

weft_err
wf_client_submit_as(weft_client *client, const struct wf_client_as *as,
                    const weft_request *request, weft_reply_fn *fn, void *ctx,
                    struct wf_request **out_request)
{
    weft_request given;
    struct wf_request *made;
    struct wf_client_call *call;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(as->number > 0);
    err = make_request(client, as->name_space, request, &given, &made);
    if (err != WEFT_OK) {
        return err;
    }
    memcpy(made->client, as->client_id, sizeof(made->client));
    made->number = as->number;
    made->confirmed = as->confirmed;
    made->is_repeat = as->is_again;
    err = wf_client_begin(client, made, 0, fn, ctx, &call);
    if (err != WEFT_OK) {
        return err;
    }
    call->answers_bytes_max = as->answers_bytes_max;
    *out_request = made;
    post(client, made);
    return WEFT_OK;
}

int
weft_client_fd(const weft_client *client)
{
    if (client == NULL) {
        (void)wf_error(WEFT_EINVAL, "weft_client_fd: the client is NULL");
        return -1;
    }
    return client->completions.fd;
}

// Pop up to count_max answered requests, and leave the descriptor readable
// exactly if there are more.
static size_t
pop_answers(weft_client *client, struct wf_request **out_requests,
            size_t count_max)
{
    struct wf_mpsc_node *node;
    size_t count = 0;

    pthread_mutex_lock(&client->pop_lock);
    wf_mpsc_stop_wait(&client->completions);
    while (count < count_max &&
           (node = wf_mpsc_pop(&client->completions)) != NULL) {
        out_requests[count++] = WF_CONTAINER(node, struct wf_request, queue);
    }
    if (!wf_mpsc_start_wait(&client->completions)) {
        wf_mpsc_wake(&client->completions);
    }
    pthread_mutex_unlock(&client->pop_lock);
    return count;
}

static void
call_back(struct wf_request *request)
{
    struct wf_client_call *call = request->done_ctx;
    const weft_client *client = call->client;
    weft_reply_fn *fn = call->fn;
    void *ctx = call->ctx;

    if (call->counted_bytes > 0) {
        wf_client_uncount(call);
    }
    open_reply(client, request);
    // First, so that fn can submit one more when the limit was reached.
    wf_client_end(call, true);
    show_reply(client, request->verb, target_of(&request->key),
               &request->reply);
    fn(ctx, &request->reply);
    wf_request_destroy(request);
}

size_t
weft_client_dispatch(weft_client *client, size_t max_count)
{
    struct wf_request *requests[BATCH];
    size_t total = 0;
    size_t wanted;
    size_t count;

    if (client == NULL) {
        (void)wf_error(WEFT_EINVAL, "weft_client_dispatch: the client is NULL");
        return 0;
    }
    do {
        wanted = max_count - total < BATCH ? max_count - total : BATCH;
        count = pop_answers(client, requests, wanted);
        for (size_t i = 0; i < count; i++) {
            call_back(requests[i]);
        }
        total += count;
    } while (count == wanted && total < max_count);
    return total;
}

// Blocking calls. -----------------------------------------------------------

static bool
is_answered(void *arg)
{
    const struct wf_client_call *call = arg;

    return atomic_load(&call->state) == WF_CLIENT_CALL_DONE;
}

// Give the call up. False: it is answered meanwhile.
static bool
give_up(struct wf_client_call *call, uint32_t state)
{
    return atomic_compare_exchange_strong(&call->state, &state,
                                          WF_CLIENT_CALL_LEFT);
}

// Sleep until the call is answered. False: it was not in time, and done() will
// free the request.
static bool
wait_for(struct wf_client_call *call, uint32_t timeout_ms)
{
    const struct wf_client_port *port = &call->client->port;
    const struct wf_clock *clock = &call->client->clock;
    uint64_t begun_ns = clock->mono_ns(clock->self);
    uint64_t timeout_ns = (uint64_t)timeout_ms * 1000000;
    uint32_t state = WF_CLIENT_CALL_OPEN;

    if (port->ops->wait(port->self, is_answered, call, timeout_ms)) {
        return !give_up(call, WF_CLIENT_CALL_OPEN);
    }
    atomic_compare_exchange_strong(&call->state, &state,
                                   WF_CLIENT_CALL_SLEEPING);
    while (atomic_load(&call->state) == WF_CLIENT_CALL_SLEEPING) {
        uint64_t waited_ns = clock->mono_ns(clock->self) - begun_ns;

        if (timeout_ms == UINT32_MAX) {
            wf_futex_wait(&call->state, WF_CLIENT_CALL_SLEEPING,
                          WF_FUTEX_FOREVER);
        } else if (waited_ns < timeout_ns) {
            wf_futex_wait(&call->state, WF_CLIENT_CALL_SLEEPING,
                          timeout_ns - waited_ns);
        } else {
            return !give_up(call, WF_CLIENT_CALL_SLEEPING);
        }
    }
    return true;
}

// A node far away is told a little more, so that it gives up second.
static uint64_t
patience(const weft_client *client, uint32_t timeout_ms)
{
    timeout_ms = timeout_ms == 0 ? client->timeout_ms : timeout_ms;
    return timeout_ms == UINT32_MAX ? 0 : (uint64_t)timeout_ms + GRACE_MS;
}

weft_err
wf_client_send(weft_client *client, const weft_request *request,
               uint32_t timeout_ms, struct wf_client_call **out_call)
{
    weft_request given;
    struct wf_request *made;
    weft_err err;

    err = make_request(client, client->name_space, request, &given, &made);
    if (err == WEFT_OK) {
        made->wait_ms = patience(client, timeout_ms);
        err = wf_client_begin(client, made, given.number, NULL, NULL, out_call);
    }
    if (err == WEFT_OK) {
        post(client, made);
    }
    return err;
}

static weft_err
receive(struct wf_client_call *call, uint32_t timeout_ms,
        weft_reply **out_reply)
{
    const weft_client *client = call->client;
    uint64_t number = call->number;
    struct wf_request *request = call->request;
    weft_err err;

    if (timeout_ms == 0) {
        timeout_ms = client->timeout_ms;
    }
    if (!wait_for(call, timeout_ms)) {
        return wf_error(WEFT_ETIMEDOUT,
                        "no answer to request %llu within %u ms",
                        (unsigned long long)number, timeout_ms);
    }
    open_reply(client, request);
    wf_client_end(call, true);
    err = request->reply.err;
    if (err != WEFT_OK) {
        (void)wf_error(err, "%s", request->reply.detail);
    }
    *out_reply = &request->reply;
    return err;
}

weft_err
wf_client_receive(struct wf_client_call *call, uint32_t timeout_ms,
                  weft_reply **out_reply)
{
    const weft_client *client = call->client;
    weft_verb verb = call->request->verb;
    struct wf_key key;
    weft_reply *reply = NULL;
    weft_err err;

    if (!is_watched(client)) {
        return receive(call, timeout_ms, out_reply);
    }
    key = wf_key_copy(&call->request->key); // the request may be left behind
    err = receive(call, timeout_ms, &reply);
    show_reply(client, verb, target_of(&key), reply);
    wf_key_fini(&key);
    if (reply == NULL) {
        return err;
    }
    *out_reply = reply;
    return err == WEFT_OK ? err : wf_error(err, "%s", reply->detail);
}

weft_err
weft_client_call(weft_client *client, const weft_request *request,
                 uint32_t timeout_ms, weft_reply **out_reply)
{
    struct wf_client_call *call;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(client != NULL);
    WF_REQUIRE(out_reply != NULL);
    *out_reply = NULL;
    err = wf_inside_check("weft_client_call");
    if (err == WEFT_OK) {
        err = wf_client_send(client, request, timeout_ms, &call);
    }
    return err != WEFT_OK ? err
                          : wf_client_receive(call, timeout_ms, out_reply);
}
