// SPDX-License-Identifier: Apache-2.0
//
// calls.c - calls by number: a table of all, heaps of those not yet sent.
//
// A call that was sent keeps its credit until it is answered, also when its
// caller has left: the node counts it too. See calls.h.

#include "remote/calls.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "remote/codec.h"
#include "runtime/client_port.h"
#include "runtime/request.h"
#include "transport/wire.h"

enum {
    SPOILT_MAX = 3,
    PACE_MIN = 4, // of a new connection
};

struct wf_calls_call {
    struct wf_heap_node order; // while it is not sent; due is the number
    struct wf_request *request;
    struct wf_calls_call *next;     // of the same number, asked later
    struct wf_calls_call *appended; // the one before it, in the same frame
    uint64_t bytes;                 // of its message, when it was sent
    uint32_t spoilt;
    bool is_sent;  // on this connection
    bool was_sent; // on any
};

void
wf_calls_init(struct wf_calls *calls)
{
    *calls = (struct wf_calls){0};
    wf_table_init(&calls->by_number);
    wf_heap_init(&calls->unsent);
    wf_heap_init(&calls->unsent_wait);
}

void
wf_calls_fini(struct wf_calls *calls)
{
    WF_ASSERT(!wf_calls_has_any(calls));
    wf_table_fini(&calls->by_number);
    wf_heap_fini(&calls->unsent);
    wf_heap_fini(&calls->unsent_wait);
}

static bool
has_number(const void *item, const void *key)
{
    const struct wf_calls_call *call = item;

    return call->request->number == *(const uint64_t *)key;
}

static uint64_t
hash_of(uint64_t number)
{
    return wf_hash64(&number, sizeof(number), 0);
}

static struct wf_calls_call *
find(const struct wf_calls *calls, uint64_t number)
{
    return wf_table_find(&calls->by_number, hash_of(number), has_number,
                         &number);
}

static bool
is_wait(const struct wf_calls_call *call)
{
    return wf_request_is_wait(call->request);
}

static struct wf_heap *
heap_of(struct wf_calls *calls, const struct wf_calls_call *call)
{
    return is_wait(call) ? &calls->unsent_wait : &calls->unsent;
}

// The first of its number.
static void
enter(struct wf_calls *calls, struct wf_calls_call *call)
{
    uint64_t number = call->request->number;

    wf_table_add(&calls->by_number, hash_of(number), call);
    wf_heap_add(heap_of(calls, call), &call->order, number);
}

// Behind those of its number.
static void
add(struct wf_calls *calls, struct wf_calls_call *call)
{
    struct wf_calls_call *same = find(calls, call->request->number);

    if (same == NULL) {
        enter(calls, call);
        return;
    }
    while (same->next != NULL) {
        same = same->next;
    }
    same->next = call;
}

void
wf_calls_add(struct wf_calls *calls, struct wf_request *request)
{
    struct wf_calls_call *call = wf_calloc(sizeof(*call));

    call->request = request;
    add(calls, call);
}

static void
unsend(struct wf_calls *calls, struct wf_calls_call *call)
{
    calls->used.requests--;
    calls->used.bytes -= call->bytes;
    calls->used.waits -= is_wait(call);
    call->is_sent = false;
}

// It is to be sent again, or after all.
static void
put_back(struct wf_calls *calls, struct wf_calls_call *call)
{
    unsend(calls, call);
    wf_heap_add(heap_of(calls, call), &call->order, call->request->number);
}

// The first of its number has ended; the next one is it now.
static struct wf_request *
leave(struct wf_calls *calls, struct wf_calls_call *call)
{
    struct wf_request *request = call->request;

    if (call->is_sent) {
        unsend(calls, call);
    } else {
        wf_heap_remove(heap_of(calls, call), &call->order);
    }
    wf_table_remove(&calls->by_number, hash_of(request->number), call);
    if (call->next != NULL) {
        enter(calls, call->next);
    }
    wf_free(call);
    if (calls->over != NULL) {
        calls->over(calls->over_ctx, request);
    }
    return request;
}

static void
answer(struct wf_calls *calls, struct wf_calls_call *call, weft_err err,
       const char *detail)
{
    struct wf_request *request = leave(calls, call);

    wf_request_answer(request, err, detail);
    request->done(request);
}

// Sending. ------------------------------------------------------------------

static struct wf_calls_call *
first_of(const struct wf_heap *heap)
{
    struct wf_heap_node *node = wf_heap_first(heap);

    return node == NULL ? NULL
                        : WF_CONTAINER(node, struct wf_calls_call, order);
}

// The one that is to be sent next, if there were credit enough.
static struct wf_calls_call *
first(const struct wf_calls *calls)
{
    struct wf_calls_call *call = first_of(&calls->unsent);
    struct wf_calls_call *wait = first_of(&calls->unsent_wait);

    if (wait == NULL || calls->used.waits >= calls->credit.waits) {
        return call;
    }
    return call == NULL || wait->order.due < call->order.due ? wait : call;
}

static void
put_message(const struct wf_calls_call *call, struct wf_buf *out_frame)
{
    const struct wf_request *request = call->request;
    struct wf_wire_writer writer;

    wf_wire_begin(&writer, out_frame, wf_codec_verb_name(request->verb),
                  request->number);
    wf_wire_put_entries(&writer, request->data);
    if (request->confirmed > 0) {
        wf_wire_put_uint(&writer, "confirmed", request->confirmed);
    }
    if (request->is_repeat || call->was_sent) {
        wf_wire_put_bool(&writer, "again", true);
    }
    if (is_wait(call) && request->wait_ms > 0) {
        wf_wire_put_uint(&writer, "wait_ms", request->wait_ms);
    }
    wf_wire_end(&writer);
}

bool
wf_calls_is_paced(const struct wf_calls *calls)
{
    return calls->used.requests >= calls->pace &&
           calls->used.requests < calls->credit.requests &&
           first(calls) != NULL;
}

// One that is larger than all credit is sent alone: the node says what it
// thinks of it.
static bool
has_credit(const struct wf_calls *calls, size_t bytes)
{
    return calls->used.requests == 0 ||
           (calls->used.requests < calls->credit.requests &&
            calls->used.requests < calls->pace &&
            calls->used.bytes + bytes <= calls->credit.bytes);
}

static void
refuse_size(struct wf_calls *calls, struct wf_calls_call *call, size_t bytes)
{
    char text[128];

    (void)snprintf(text, sizeof(text),
                   "the message has %zu bytes, the node takes %llu", bytes,
                   (unsigned long long)calls->credit.message_max);
    answer(calls, call, WEFT_ETOOBIG, text);
}

// It counts as sent from now on.
static void
append(struct wf_calls *calls, struct wf_calls_call *call, size_t bytes)
{
    wf_heap_remove(heap_of(calls, call), &call->order);
    call->bytes = bytes;
    call->is_sent = true;
    call->appended = calls->appended;
    calls->appended = call;
    calls->used.requests++;
    calls->used.bytes += bytes;
    calls->used.waits += is_wait(call);
}

bool
wf_calls_next(struct wf_calls *calls, struct wf_buf *out_frame,
              size_t bytes_max)
{
    struct wf_calls_call *call;

    while ((call = first(calls)) != NULL) {
        size_t before = out_frame->len;
        size_t bytes;

        if (wf_client_is_left(call->request)) {
            answer(calls, call, WEFT_ETIMEDOUT, NULL);
            continue;
        }
        if (call->request->data.len > bytes_max ||
            !has_credit(calls, call->request->data.len)) {
            return false;
        }
        put_message(call, out_frame);
        bytes = out_frame->len - before;
        if (bytes <= calls->credit.message_max) {
            if (bytes <= bytes_max && has_credit(calls, bytes)) {
                append(calls, call, bytes);
                return true;
            }
            wf_buf_truncate(out_frame, before);
            return false;
        }
        wf_buf_truncate(out_frame, before);
        refuse_size(calls, call, bytes);
    }
    return false;
}

void
wf_calls_sent(struct wf_calls *calls, bool are_taken)
{
    struct wf_calls_call *call;

    while ((call = calls->appended) != NULL) {
        calls->appended = call->appended;
        if (are_taken) {
            call->was_sent = true;
        } else {
            put_back(calls, call);
        }
    }
}

// Answers. ------------------------------------------------------------------

struct wf_request *
wf_calls_find(const struct wf_calls *calls, uint64_t number)
{
    const struct wf_calls_call *call = find(calls, number);

    return call == NULL || !call->is_sent ? NULL : call->request;
}

void
wf_calls_done(struct wf_calls *calls, uint64_t number)
{
    struct wf_request *request = leave(calls, find(calls, number));

    if (calls->pace < calls->credit.requests) {
        calls->pace++;
    }
    request->done(request);
}

void
wf_calls_arrived(struct wf_calls *calls)
{
    if (wf_calls_is_paced(calls)) {
        calls->pace *= 2;
    }
}

void
wf_calls_spoil(struct wf_calls *calls, uint64_t number, const char *why)
{
    struct wf_calls_call *call = find(calls, number);

    if (call == NULL || !call->is_sent) {
        return;
    }
    call->spoilt++;
    if (call->spoilt == SPOILT_MAX) {
        answer(calls, call, WEFT_ECORRUPT, why);
    }
}

// All of them, in no order; for those who add or remove some. Owned.
static struct wf_calls_call **
list_all(const struct wf_calls *calls)
{
    struct wf_calls_call **list =
        wf_alloc((calls->by_number.count + 1) * sizeof(*list));
    struct wf_calls_call *call;
    size_t cursor = 0;
    size_t count = 0;

    while ((call = wf_table_next(&calls->by_number, &cursor)) != NULL) {
        list[count++] = call;
    }
    list[count] = NULL;
    return list;
}

void
wf_calls_again(struct wf_calls *calls, const struct wf_calls_credit *credit)
{
    struct wf_calls_call **list = list_all(calls);

    calls->credit = *credit;
    calls->pace = PACE_MIN;
    for (size_t i = 0; list[i] != NULL; i++) {
        if (list[i]->is_sent) {
            put_back(calls, list[i]);
        }
    }
    wf_free(list);
    WF_ASSERT(calls->used.requests == 0 && calls->used.bytes == 0);
}

void
wf_calls_move(struct wf_calls *from, struct wf_calls *to)
{
    struct wf_calls_call **list = list_all(from);

    for (size_t i = 0; list[i] != NULL; i++) {
        struct wf_calls_call *call = list[i];

        if (call->is_sent) {
            unsend(from, call);
        } else {
            wf_heap_remove(heap_of(from, call), &call->order);
        }
        wf_table_remove(&from->by_number, hash_of(call->request->number), call);
        add(to, call);
    }
    wf_free(list);
}

void
wf_calls_each(const struct wf_calls *calls,
              void (*see)(void *ctx, struct wf_request *request), void *ctx)
{
    struct wf_calls_call *call;
    size_t cursor = 0;

    while ((call = wf_table_next(&calls->by_number, &cursor)) != NULL) {
        for (; call != NULL; call = call->next) {
            see(ctx, call->request);
        }
    }
}

void
wf_calls_drop_left(struct wf_calls *calls)
{
    struct wf_calls_call **list = list_all(calls);

    for (size_t i = 0; list[i] != NULL; i++) {
        if (!list[i]->is_sent && wf_client_is_left(list[i]->request)) {
            answer(calls, list[i], WEFT_ETIMEDOUT, NULL);
        }
    }
    wf_free(list);
}

static void
fail(struct wf_calls *calls, struct wf_calls_call *call, weft_err err,
     const char *detail)
{
    char text[512];

    if (!call->was_sent && !call->request->is_repeat) {
        answer(calls, call, err, detail);
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "%.400s; whether it was done is not known", detail);
    answer(calls, call, WEFT_EIO, text);
}

void
wf_calls_fail(struct wf_calls *calls, weft_err err, const char *detail)
{
    while (wf_calls_has_any(calls)) { // again, for those of the same number
        struct wf_calls_call **list = list_all(calls);

        for (size_t i = 0; list[i] != NULL; i++) {
            fail(calls, list[i], err, detail);
        }
        wf_free(list);
    }
}
