// SPDX-License-Identifier: Apache-2.0
//
// client.c - a client, and the pool of its calls.
//
//     caller                          port
//     make, take a number  --post-->  node
//                                       |  answers in place
//     sleeps on the call   <--wake--  done()        a blocking call
//     dispatch             <--queue-- done()        a submitted one
//
// What the caller does is in client_wait.c; how the node is reached, behind
// client_port.h.
//
// A call is a slot in the client's pool; its request is what travels. done()
// runs on a thread of the node or port, and does one exchange and one push or
// wake.
//
// Who frees the request, when the caller may give up (timeout, close) in the
// very moment the answer comes? Both sides change call->state, atomically, and
// the second one frees: done() that finds LEFT, the caller that finds DONE.
//
// Closing. Requests still with the node may stay there for months, waiting for
// a workflow to end. So close does not wait for them: it marks them LEFT,
// answers their callbacks, and leaves. What they share, the client, is freed
// by the last of them that comes back. It waits only for threads that are in
// done() at that moment, since those may still touch the queue.
//
// Threads: any, except close (client.h). `lock` is held for a few instructions
// at a time and never while user code runs.

#include "runtime/client_impl.h"

#include <sched.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/futex.h"
#include "runtime/inside.h"
#include "runtime/request.h"
#include "runtime/versioned.h"

enum {
    CHUNK_CALLS = 64,
    TIMEOUT_MS_DEFAULT = 30000,
    LARGE_BYTES = 4096, // an answer
    ITEM_BYTES = 1024,  // of a list, about
};

struct wf_client_chunk {
    struct wf_client_chunk *next;
    struct wf_client_call calls[CHUNK_CALLS];
};

// Life. ---------------------------------------------------------------------

weft_err
wf_client_options_read(const weft_client_options *given,
                       weft_client_options *out_options)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_err err;

    if (given != NULL) {
        err = wf_versioned_copy("weft_client_options", given, &options,
                                sizeof(options));
        if (err != WEFT_OK) {
            return err;
        }
    }
    if (options.name_space == NULL) {
        options.name_space = "default";
    }
    if (wf_name_check("name_space", options.name_space,
                      WF_NAMESPACE_BYTES_MAX) != WEFT_OK) {
        return WEFT_EINVAL;
    }
    if (options.timeout_ms == 0) {
        options.timeout_ms = TIMEOUT_MS_DEFAULT;
    }
    *out_options = options;
    return WEFT_OK;
}

bool
wf_client_options_has_id(const weft_client_options *options)
{
    static const uint8_t none[sizeof(options->client_id)];

    return memcmp(options->client_id, none, sizeof(none)) != 0;
}

weft_client *
wf_client_create(const struct wf_client_setup *setup)
{
    const weft_client_options *options = setup->options;
    weft_client *client = wf_calloc(sizeof(*client));

    client->port = setup->port;
    client->interceptors = setup->interceptors;
    client->cipher = options->cipher;
    client->timeout_ms = options->timeout_ms;
    memcpy(client->name_space, options->name_space,
           strlen(options->name_space) + 1);
    memcpy(client->client_id, options->client_id, sizeof(client->client_id));
    wf_client_numbers_init(&client->numbers, setup->first_number);
    // Not the node's: threads that wait, wait in real time.
    client->clock = wf_clock_system();
    wf_mpsc_init(&client->completions);
    pthread_mutex_init(&client->pop_lock, NULL);
    pthread_mutex_init(&client->lock, NULL);
    // Callers poll the descriptor before they ever dispatch.
    WF_ASSERT(wf_mpsc_start_wait(&client->completions));
    return client;
}

static void
destroy(weft_client *client)
{
    struct wf_client_chunk *chunk = client->chunks;

    while (chunk != NULL) {
        struct wf_client_chunk *next = chunk->next;

        wf_free(chunk);
        chunk = next;
    }
    wf_mpsc_fini(&client->completions);
    pthread_mutex_destroy(&client->pop_lock);
    pthread_mutex_destroy(&client->lock);
    wf_free(client);
}

// Calls. --------------------------------------------------------------------

// Under the lock.
static void
add_chunk(weft_client *client)
{
    struct wf_client_chunk *chunk = wf_calloc(sizeof(*chunk));

    for (size_t i = 0; i < CHUNK_CALLS; i++) {
        chunk->calls[i].client = client;
        chunk->calls[i].next_free = client->free;
        client->free = &chunk->calls[i];
    }
    chunk->next = client->chunks;
    client->chunks = chunk;
}

// Under the lock: the request's number and what it confirms.
static void
set_number(weft_client *client, struct wf_client_call *call, uint64_t repeated)
{
    struct wf_client_numbers *numbers = &client->numbers;
    struct wf_request *request = call->request;

    if (repeated == 0) {
        call->number = wf_client_numbers_take(numbers);
    } else {
        call->number = repeated;
        wf_client_numbers_reopen(numbers, repeated);
    }
    request->number = call->number;
    request->is_repeat = repeated != 0;
    request->confirmed = wf_client_numbers_confirmed(numbers, call->number);
    // Reads are not remembered by a partition, and one that waits for long
    // must not keep it from forgetting what was.
    call->is_numbered = !wf_request_is_read(request);
    if (!call->is_numbered) {
        wf_client_numbers_close(numbers, call->number);
    }
}

// Under the lock.
static struct wf_client_call *
take_call(weft_client *client)
{
    struct wf_client_call *call;

    if (client->free == NULL) {
        add_chunk(client);
    }
    call = client->free;
    client->free = call->next_free;
    call->is_used = true;
    client->in_use++;
    return call;
}

static void call_done(struct wf_request *request);

weft_err
wf_client_begin(weft_client *client, struct wf_request *request,
                uint64_t repeated, weft_reply_fn *fn, void *ctx,
                struct wf_client_call **out_call)
{
    struct wf_client_call *call;

    pthread_mutex_lock(&client->lock);
    if (client->is_closed || client->in_use >= WF_CLIENT_REQUESTS_MAX) {
        bool is_closed = client->is_closed;

        pthread_mutex_unlock(&client->lock);
        wf_request_destroy(request);
        return is_closed ? wf_error(WEFT_ECLOSED, "the client is closed")
                         : wf_error(WEFT_EBUSY,
                                    "%d requests of this client are under way",
                                    WF_CLIENT_REQUESTS_MAX);
    }
    call = take_call(client);
    call->request = request;
    call->fn = fn;
    call->ctx = ctx;
    call->items_max = request->list_limit;
    call->answers_bytes_max = 0;
    if (request->number == 0) {
        set_number(client, call, repeated);
    } else {
        call->number = request->number;
        call->is_numbered = false;
    }
    atomic_store(&call->state, WF_CLIENT_CALL_OPEN);
    client->undelivered += fn != NULL;
    pthread_mutex_unlock(&client->lock);
    request->done = call_done;
    request->done_ctx = call;
    *out_call = call;
    return WEFT_OK;
}

void
wf_client_end(struct wf_client_call *call, bool is_answered)
{
    weft_client *client = call->client;
    bool is_last;

    pthread_mutex_lock(&client->lock);
    if (is_answered && call->is_numbered) {
        wf_client_numbers_close(&client->numbers, call->number);
    }
    if (is_answered && call->fn != NULL) {
        client->undelivered--;
    }
    call->request = NULL;
    call->is_used = false;
    call->next_free = client->free;
    client->free = call;
    client->in_use--;
    is_last = client->is_gone && client->in_use == 0;
    pthread_mutex_unlock(&client->lock);
    if (is_last) {
        destroy(client);
    }
}

bool
wf_client_is_left(const struct wf_request *request)
{
    const struct wf_client_call *call = request->done_ctx;

    return atomic_load(&call->state) == WF_CLIENT_CALL_LEFT;
}

// About as much memory as an answer takes; small ones do not count.
static uint64_t
large_bytes_of(const weft_reply *reply)
{
    uint64_t items = reply->items_count + reply->activities_count;
    uint64_t bytes = reply->data.len + items * ITEM_BYTES;

    return bytes > LARGE_BYTES ? bytes : 0;
}

// Answers come faster than they are dispatched, and there are very many that
// may come: a read may be asked again later.
static void
count_answer(struct wf_client_call *call, struct wf_request *request)
{
    weft_client *client = call->client;
    uint64_t bytes = large_bytes_of(&request->reply);

    if (bytes == 0 || !wf_request_is_read(request)) {
        return;
    }
    if (atomic_fetch_add(&client->answers_bytes, bytes) <
        call->answers_bytes_max) {
        call->counted_bytes = bytes;
        return;
    }
    atomic_fetch_sub(&client->answers_bytes, bytes);
    wf_request_reset(request);
    wf_request_answer(request, WEFT_EBUSY,
                      "answers that were not taken are in the way");
    request->reply.number = request->number;
}

void
wf_client_uncount(struct wf_client_call *call)
{
    atomic_fetch_sub(&call->client->answers_bytes, call->counted_bytes);
    call->counted_bytes = 0;
}

// The request comes back.
static void
call_done(struct wf_request *request)
{
    struct wf_client_call *call = request->done_ctx;
    weft_client *client = call->client;
    bool is_submitted = call->fn != NULL;
    uint32_t before;

    // The client stays while this is not 0, also when the caller is quicker
    // with the answer than we are with leaving here.
    atomic_fetch_add(&client->finishing, 1);
    if (client->port.ops->goes_on(client->port.self, request)) {
        atomic_fetch_sub(&client->finishing, 1);
        return;
    }
    request->reply.number = request->number;
    before = atomic_exchange(&call->state, WF_CLIENT_CALL_DONE);
    if (before == WF_CLIENT_CALL_LEFT) {
        // The call is in use until end, and keeps the client by that.
        atomic_fetch_sub(&client->finishing, 1);
        wf_request_destroy(request);
        wf_client_end(call, false);
        return;
    }
    if (is_submitted) {
        if (call->answers_bytes_max > 0) {
            count_answer(call, request);
        }
        wf_mpsc_push(&client->completions, &request->queue);
    } else if (before == WF_CLIENT_CALL_SLEEPING) {
        wf_futex_wake(&call->state);
    }
    atomic_fetch_sub(&client->finishing, 1);
}

// Closing. ------------------------------------------------------------------

// Leave the call if it is submitted and not answered, and say whom to tell.
static bool
leave(struct wf_client_call *call, weft_reply_fn **out_fn, void **out_ctx,
      uint64_t *out_number)
{
    weft_client *client = call->client;
    uint32_t state = WF_CLIENT_CALL_OPEN;
    bool is_left = false;

    pthread_mutex_lock(&client->lock);
    if (call->is_used && call->fn != NULL) {
        // Read before the exchange: after it the call may end at any time,
        // though not be used again, for the client is closed.
        *out_fn = call->fn;
        *out_ctx = call->ctx;
        *out_number = call->number;
        is_left = atomic_compare_exchange_strong(&call->state, &state,
                                                 WF_CLIENT_CALL_LEFT);
        client->undelivered -= is_left;
    }
    pthread_mutex_unlock(&client->lock);
    return is_left;
}

static void
leave_all(weft_client *client)
{
    weft_reply reply = {
        .err = WEFT_ECLOSED,
        .detail = "the client was closed before the answer came",
        .failure = {.name = "", .message = ""},
    };

    for (struct wf_client_chunk *chunk = client->chunks; chunk != NULL;
         chunk = chunk->next) {
        for (size_t i = 0; i < CHUNK_CALLS; i++) {
            weft_reply_fn *fn;
            void *ctx;

            if (leave(&chunk->calls[i], &fn, &ctx, &reply.number)) {
                fn(ctx, &reply);
            }
        }
    }
}

static uint32_t
undelivered(weft_client *client)
{
    uint32_t count;

    pthread_mutex_lock(&client->lock);
    count = client->undelivered;
    pthread_mutex_unlock(&client->lock);
    return count;
}

void
weft_client_close(weft_client *client)
{
    bool is_last;

    if (client == NULL || wf_inside_check("weft_client_close") != WEFT_OK) {
        return;
    }
    pthread_mutex_lock(&client->lock);
    client->is_closed = true;
    pthread_mutex_unlock(&client->lock);
    leave_all(client);
    // What is left was answered; its push is under way at worst.
    while (weft_client_dispatch(client, SIZE_MAX) > 0 ||
           undelivered(client) > 0) {
        sched_yield();
    }
    while (atomic_load(&client->finishing) > 0) {
        sched_yield();
    }
    client->port.ops->close(client->port.self);
    pthread_mutex_lock(&client->lock);
    client->is_gone = true;
    is_last = client->in_use == 0;
    pthread_mutex_unlock(&client->lock);
    if (is_last) {
        destroy(client);
    }
}
