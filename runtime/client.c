// SPDX-License-Identifier: Apache-2.0
//
// client.c - calls of a client in the node's own process.
//
//     caller                          node
//     make, take a number  --post-->  partition
//                                         |  answers in place
//     sleeps on the call   <--wake--  done()        a blocking call
//     dispatch             <--queue-- done()        a submitted one
//
// A call is a slot in the client's pool; its request is what travels. done()
// runs on a shard's thread and does one exchange and one push or wake.
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
#include "runtime/definitions.h"
#include "runtime/inside.h"
#include "runtime/interceptor.h"

#include <sched.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/key.h"
#include "runtime/futex.h"
#include "runtime/node.h"
#include "runtime/request.h"
#include "runtime/versioned.h"

enum { CHUNK_CALLS = 64, BATCH = 64, TIMEOUT_MS_DEFAULT = 30000 };

struct wf_client_chunk {
    struct wf_client_chunk *next;
    struct wf_client_call calls[CHUNK_CALLS];
};

// Life. ---------------------------------------------------------------------

static weft_err
read_options(const weft_client_options *given, weft_client_options *out)
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
    *out = options;
    return WEFT_OK;
}

// A random id has used no number yet. One that the caller keeps may have been
// used by an earlier process, whose numbers must not come again: so they begin
// with the time, which leaves 65 million of them for each second.
static void
init_id(weft_client *client, const uint8_t id[16])
{
    static const uint8_t none[16];
    struct wf_clock clock = wf_node_clock(client->node);
    uint64_t first = 1;

    if (memcmp(id, none, sizeof(none)) != 0) {
        memcpy(client->client_id, id, sizeof(client->client_id));
        first = clock.wall_ms(clock.self) << 16 | 1;
    } else {
        uint64_t bits[2] = {wf_node_random(client->node),
                            wf_node_random(client->node)};

        memcpy(client->client_id, bits, sizeof(client->client_id));
    }
    wf_client_numbers_init(&client->numbers, first);
}

weft_err
weft_client_open(weft_node *node, const weft_client_options *options,
                 weft_client **out_client)
{
    weft_client_options full;
    weft_client *client;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    WF_REQUIRE(out_client != NULL);
    err = read_options(options, &full);
    if (err != WEFT_OK) {
        return err;
    }
    client = wf_calloc(sizeof(*client));
    client->node = node;
    client->definitions = wf_node_definitions(node);
    client->partition_count = wf_node_partition_count(node);
    client->timeout_ms = full.timeout_ms;
    memcpy(client->name_space, full.name_space, strlen(full.name_space) + 1);
    // Not the node's: threads that wait, wait in real time.
    client->clock = wf_clock_system();
    init_id(client, full.client_id);
    wf_mpsc_init(&client->completions);
    pthread_mutex_init(&client->pop_lock, NULL);
    pthread_mutex_init(&client->lock, NULL);
    // Callers poll the descriptor before they ever dispatch.
    WF_ASSERT(wf_mpsc_start_wait(&client->completions));
    *out_client = client;
    return WEFT_OK;
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

// Give the request, which it takes, a call and a number.
//
// WEFT_ECLOSED, WEFT_EBUSY   and the request is freed
static weft_err
begin(weft_client *client, struct wf_request *request, uint64_t repeated,
      weft_reply_fn *fn, void *ctx, struct wf_client_call **out_call)
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
    set_number(client, call, repeated);
    atomic_store(&call->state, WF_CLIENT_CALL_OPEN);
    client->undelivered += fn != NULL;
    pthread_mutex_unlock(&client->lock);
    request->done = call_done;
    request->done_ctx = call;
    *out_call = call;
    return WEFT_OK;
}

// The call has ended and its request is somebody else's, or freed. is_answered:
// the answer reaches the caller, so that its number need not come again.
static void
end(struct wf_client_call *call, bool is_answered)
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

// On a shard's thread: the request comes back.
static void
call_done(struct wf_request *request)
{
    struct wf_client_call *call = request->done_ctx;
    weft_client *client = call->client;
    bool is_submitted = call->fn != NULL;
    uint32_t before;

    if (wf_node_asks_again(client->node, request)) {
        return;
    }
    // The client stays while this is not 0, also when the caller is quicker
    // with the answer than we are with leaving here.
    atomic_fetch_add(&client->finishing, 1);
    if (wf_request_is_paged(request) && wf_client_list_goes_on(call)) {
        atomic_fetch_sub(&client->finishing, 1);
        return;
    }
    request->reply.number = request->number;
    before = atomic_exchange(&call->state, WF_CLIENT_CALL_DONE);
    if (before == WF_CLIENT_CALL_LEFT) {
        // The call is in use until end, and keeps the client by that.
        atomic_fetch_sub(&client->finishing, 1);
        wf_request_destroy(request);
        end(call, false);
        return;
    }
    if (is_submitted) {
        wf_mpsc_push(&client->completions, &request->queue);
    } else if (before == WF_CLIENT_CALL_SLEEPING) {
        wf_futex_wake(&call->state);
    }
    atomic_fetch_sub(&client->finishing, 1);
}

// Interceptors. -------------------------------------------------------------

static const struct wf_interceptors *
interceptors_of(const weft_client *client)
{
    return wf_definitions_interceptors(client->definitions);
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
    const struct wf_interceptors *chain = interceptors_of(client);

    if (chain->has_reply) {
        wf_interceptors_reply(chain, verb, target, reply);
    }
}

// What is asked, when the interceptors have seen it.
static weft_err
make_request(weft_client *client, const weft_request *request,
             weft_request *out_given, struct wf_request **out_made)
{
    weft_err err = wf_versioned_copy("weft_request", request, out_given,
                                     sizeof(*out_given));

    if (err == WEFT_OK) {
        err = wf_interceptors_request(interceptors_of(client), out_given);
    }
    return err == WEFT_OK ? wf_client_make(client, out_given, out_made) : err;
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
    err = make_request(client, request, &given, &made);
    if (err != WEFT_OK) {
        return err;
    }
    err = begin(client, made, given.number, fn, ctx, &call);
    if (err != WEFT_OK) {
        return err;
    }
    if (out_number != NULL) {
        *out_number = call->number;
    }
    wf_node_post_request(client->node, made);
    return WEFT_OK;
}

int
weft_client_fd(const weft_client *client)
{
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

    // First, so that fn can submit one more when the limit was reached.
    end(call, true);
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
    const struct wf_clock *clock = &call->client->clock;
    uint64_t begun_ns = clock->mono_ns(clock->self);
    uint64_t timeout_ns = (uint64_t)timeout_ms * 1000000;
    uint32_t state = WF_CLIENT_CALL_OPEN;

    if (wf_node_wait(call->client->node, is_answered, call, timeout_ms)) {
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

weft_err
wf_client_send(weft_client *client, const weft_request *request,
               struct wf_client_call **out_call)
{
    weft_request given;
    struct wf_request *made;
    weft_err err;

    err = make_request(client, request, &given, &made);
    if (err == WEFT_OK) {
        err = begin(client, made, given.number, NULL, NULL, out_call);
    }
    if (err == WEFT_OK) {
        wf_node_post_request(client->node, made);
    }
    return err;
}

static weft_err
receive(struct wf_client_call *call, uint32_t timeout_ms,
        weft_reply **out_reply)
{
    uint64_t number = call->number;
    struct wf_request *request = call->request;
    weft_err err;

    if (timeout_ms == 0) {
        timeout_ms = call->client->timeout_ms;
    }
    if (!wait_for(call, timeout_ms)) {
        return wf_error(WEFT_ETIMEDOUT,
                        "no answer to request %llu within %u ms",
                        (unsigned long long)number, timeout_ms);
    }
    end(call, true);
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

    if (!interceptors_of(client)->has_reply) {
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
        err = wf_client_send(client, request, &call);
    }
    return err != WEFT_OK ? err
                          : wf_client_receive(call, timeout_ms, out_reply);
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

    if (client == NULL) {
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
    pthread_mutex_lock(&client->lock);
    client->is_gone = true;
    is_last = client->in_use == 0;
    pthread_mutex_unlock(&client->lock);
    if (is_last) {
        destroy(client);
    }
}
