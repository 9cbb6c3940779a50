// SPDX-License-Identifier: Apache-2.0
//
// gateway_queue.c - see gateway_queue.h; weft/worker.h has what queues are
// asked.
//
//     polls that wait --ask--> the actor --offers--> leased, one each, from the
//     poll that waits longest; then asked again, with those that were taken
//
// The next ask waits until all that came is leased, or found to be over, so
// that it can say so; but no longer than a second. What came and is wanted by
// nobody any more, and what the node refuses to lease for now, goes back by
// `bye`, which forgets this server as a poller: others get it at once. The same
// is said when nobody waits here any more.

#include "remote/gateway_queue.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "remote/gateway_ask.h"
#include "weft/payload.h"
#include "weft/worker.h"

enum {
    ASK_CREDIT_MAX = 1000,
    ASK_WAIT_MS = 20000,
    LEASING_MS = 1000,       // how long an ask waits for what is being leased
    PAUSE_MS = 500,          // after the node refused
    SPACE_QUEUES_MAX = 1000, // at a time, of a namespace
    QUEUES_MAX = 10000,      // of all
};

struct wf_gateway_queue {
    weft_server *server;
    struct wf_gateway_space *space;
    struct wf_list polls; // that take more, the longest first
    uint64_t wanted;      // what they take, together
    uint32_t polls_count; // also those that do not
    struct wf_list asks;  // at the actor
    uint32_t leasing;     // offers that are being leased
    uint64_t leasing_ms;  // since when
    uint64_t pause_ms;    // nothing is asked until then
    struct wf_buf taken;  // ids of offers, to be told
    bool is_known;        // the actor has heard of us since the last bye
    bool must_bye;        // it has given us what we do not take
    char name[];          // with its NUL
};

struct ask {
    struct wf_gateway_queue *queue;
    struct wf_list_node node; // in its asks
    bool is_bye;
    bool is_void; // what comes was given back already
};

struct offer {
    struct wf_gateway_queue *queue;
    struct wf_gateway_poll *poll; // NULL: gone
    struct wf_list_node node;     // in its offers
    uint64_t id;
    char worker[WF_GATEWAY_WORKER_CHARS];
    char token[WEFT_TOKEN_CHARS_MAX];
};

static void step(struct wf_gateway_queue *queue, bool is_tick);

// Coming and going. ---------------------------------------------------------

struct place {
    const struct wf_gateway_space *space;
    const char *name;
};

static bool
is_queue(const void *item, const void *key)
{
    const struct wf_gateway_queue *queue = item;
    const struct place *place = key;

    return queue->space == place->space &&
           strcmp(queue->name, place->name) == 0;
}

static uint64_t
hash_name(const weft_server *server, const char *name)
{
    return wf_hash64(name, strlen(name), server->hash_seed);
}

weft_err
wf_gateway_queue_admit(const weft_server *server,
                       const struct wf_gateway_space *space, const char *name)
{
    struct place place = {space, name};

    if (wf_table_find(&server->queues, hash_name(server, name), is_queue,
                      &place) != NULL) {
        return WEFT_OK;
    }
    return space->queues >= SPACE_QUEUES_MAX ||
                   server->queues.count >= QUEUES_MAX
               ? wf_error(WEFT_EBUSY,
                          "queue: %d of a namespace, and %d of all, are polled "
                          "at a time",
                          SPACE_QUEUES_MAX, QUEUES_MAX)
               : WEFT_OK;
}

struct wf_gateway_queue *
wf_gateway_queue_get(weft_server *server, struct wf_gateway_space *space,
                     const char *name)
{
    struct place place = {space, name};
    struct wf_gateway_queue *queue = wf_table_find(
        &server->queues, hash_name(server, name), is_queue, &place);

    if (queue == NULL) {
        queue = wf_calloc(sizeof(*queue) + strlen(name) + 1);
        memcpy(queue->name, name, strlen(name) + 1);
        queue->server = server;
        queue->space = space;
        space->users++;
        space->queues++;
        wf_list_init(&queue->polls);
        wf_list_init(&queue->asks);
        wf_table_add(&server->queues, hash_name(server, name), queue);
    }
    queue->polls_count++;
    return queue;
}

static void
destroy_queue(struct wf_gateway_queue *queue)
{
    weft_server *server = queue->server;

    wf_table_remove(&server->queues, hash_name(server, queue->name), queue);
    queue->space->queues--;
    wf_gateway_space_leave(server, queue->space);
    wf_buf_fini(&queue->taken);
    wf_free(queue);
}

void
wf_gateway_queue_want(struct wf_gateway_queue *queue,
                      struct wf_gateway_poll *poll, bool is_first)
{
    if (is_first) {
        wf_list_push_front(&queue->polls, &poll->want);
    } else {
        wf_list_push_back(&queue->polls, &poll->want);
    }
    queue->wanted += poll->room;
    step(queue, false);
}

void
wf_gateway_queue_unwant(struct wf_gateway_queue *queue,
                        struct wf_gateway_poll *poll)
{
    if (wf_list_has(&poll->want)) {
        wf_list_remove(&queue->polls, &poll->want);
        queue->wanted -= poll->room;
    }
}

void
wf_gateway_queue_leave(struct wf_gateway_queue *queue,
                       struct wf_gateway_poll *poll)
{
    struct wf_list_node *node;

    wf_gateway_queue_unwant(queue, poll);
    while ((node = wf_list_pop_front(&poll->offers)) != NULL) {
        WF_CONTAINER(node, struct offer, node)->poll = NULL;
    }
    queue->polls_count--;
}

// Leasing. ------------------------------------------------------------------

// Is it known that there is nothing to lease, or that it was?
static bool
is_settled(weft_err err)
{
    return err == WEFT_OK || strcmp(weft_err_class(err), "FINAL") == 0 ||
           strcmp(weft_err_class(err), "CALLER") == 0;
}

static void
end_offer(struct offer *offer, const weft_reply *reply)
{
    struct wf_gateway_queue *queue = offer->queue;
    weft_server *server = queue->server;
    struct wf_gateway_poll *poll = offer->poll;
    // One that was offered once more, although its worker has it.
    bool is_added =
        poll != NULL && wf_gateway_lease_has(poll->call->session, offer->token);

    if (is_settled(reply->err)) {
        wf_buf_put_u64(&queue->taken, offer->id);
    } else {
        queue->must_bye = true;
        queue->pause_ms = server->now_ms + PAUSE_MS;
    }
    if (reply->lease != NULL && poll != NULL && !is_added) {
        is_added = wf_gateway_poll_add(poll, offer->token, reply->lease);
    }
    if (reply->lease != NULL && !is_added) {
        wf_gateway_lease_give_back(server, queue->space->name, offer->token,
                                   offer->worker);
    }
    if (poll != NULL) {
        wf_list_remove(&poll->offers, &offer->node);
        wf_gateway_poll_settle(poll);
    }
}

static void
on_leased(void *ctx, const weft_reply *reply)
{
    struct offer *offer = ctx;
    struct wf_gateway_queue *queue = offer->queue;

    end_offer(offer, reply);
    wf_free(offer);
    queue->leasing--;
    step(queue, false);
}

// For the poll that waits longest.
static void
lease(struct wf_gateway_queue *queue, uint64_t id, weft_bytes token)
{
    struct wf_gateway_poll *poll = WF_CONTAINER(wf_list_first(&queue->polls),
                                                struct wf_gateway_poll, want);
    struct offer *offer = wf_calloc(sizeof(*offer));
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply refused = {0};

    wf_list_remove(&queue->polls, &poll->want);
    queue->wanted--;
    if (--poll->room > 0) {
        wf_list_push_back(&queue->polls, &poll->want);
    }
    offer->queue = queue;
    offer->poll = poll;
    offer->id = id;
    memcpy(offer->worker, poll->worker, sizeof(offer->worker));
    memcpy(offer->token, token.data, token.len);
    wf_list_push_back(&poll->offers, &offer->node);
    request.verb = WEFT_VERB_LEASE;
    request.token = offer->token;
    request.worker = offer->worker;
    request.lease_ms = (uint32_t)poll->lease_ms;
    queue->leasing++;
    refused.err = wf_gateway_ask(queue->server, queue->space->name, &request,
                                 on_leased, offer, NULL);
    if (refused.err != WEFT_OK) {
        on_leased(offer, &refused);
    }
}

static void
take_offers(struct wf_gateway_queue *queue, weft_bytes data)
{
    weft_payload_entries walk;
    weft_bytes entry;
    weft_bytes token;
    uint64_t id;

    if (weft_payload_walk(data, "offers", &walk) != WEFT_OK) {
        return;
    }
    queue->leasing++; // none of them is the last one before all are known
    queue->leasing_ms = queue->server->now_ms;
    while (weft_payload_next(&walk, NULL, &entry)) {
        if (queue->polls.count == 0) {
            queue->must_bye = true;
            break;
        }
        if (weft_payload_get_uint(entry, "id", &id) == WEFT_OK &&
            weft_payload_get_bytes(entry, "token", &token) == WEFT_OK &&
            token.len < WEFT_TOKEN_CHARS_MAX) {
            lease(queue, id, token);
        }
    }
    queue->leasing--;
}

// Asking. -------------------------------------------------------------------

static void
fail_all(struct wf_gateway_queue *queue, weft_err err, const char *detail)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&queue->polls)) != NULL) {
        (void)wf_error(err, "%s", detail);
        wf_gateway_poll_fail(WF_CONTAINER(node, struct wf_gateway_poll, want),
                             err);
    }
}

static void
end_ask(struct ask *ask)
{
    wf_list_remove(&ask->queue->asks, &ask->node);
    wf_free(ask);
}

static void
on_asked(void *ctx, const weft_reply *reply)
{
    struct ask *ask = ctx;
    struct wf_gateway_queue *queue = ask->queue;
    bool is_bye = ask->is_bye;
    bool is_void = ask->is_void || is_bye;

    end_ask(ask);
    if (reply->err == WEFT_OK && !is_void) {
        take_offers(queue, reply->data);
    } else if (is_settled(reply->err) && reply->err != WEFT_OK) {
        fail_all(queue, reply->err, reply->detail);
    } else if (reply->err != WEFT_OK) {
        queue->pause_ms = queue->server->now_ms + PAUSE_MS;
        queue->must_bye = queue->must_bye || is_bye; // it was not heard
    }
    step(queue, false);
}

// What is to be told of offers.
static weft_err
write_ask(struct wf_gateway_queue *queue, bool is_bye, weft_payload *payload)
{
    struct wf_reader taken = wf_reader_of(wf_buf_bytes(&queue->taken));
    uint64_t credit =
        queue->wanted < ASK_CREDIT_MAX ? queue->wanted : ASK_CREDIT_MAX;

    weft_payload_map(payload, 5);
    weft_payload_text(payload, "poller");
    weft_payload_bin(payload, queue->server->client_id,
                     sizeof(queue->server->client_id));
    weft_payload_text(payload, "credit");
    weft_payload_uint(payload, is_bye ? 0 : credit);
    weft_payload_text(payload, "wait_ms");
    weft_payload_uint(payload, is_bye ? 0 : ASK_WAIT_MS);
    weft_payload_text(payload, "bye");
    weft_payload_bool(payload, is_bye);
    weft_payload_text(payload, "taken");
    weft_payload_array(payload, queue->taken.len / sizeof(uint64_t));
    while (wf_reader_left(&taken) > 0) {
        weft_payload_uint(payload, wf_reader_u64(&taken));
    }
    return weft_payload_error(payload);
}

static weft_err
submit_ask(struct wf_gateway_queue *queue, struct ask *ask)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_payload *payload = NULL;
    weft_err err = weft_payload_create(&payload);

    if (err == WEFT_OK) {
        err = write_ask(queue, ask->is_bye, payload);
    }
    if (err == WEFT_OK) {
        request.verb = WEFT_VERB_ASK;
        request.target = (weft_target){WEFT_TASK_QUEUE_KIND, queue->name};
        request.name = "poll";
        request.data = weft_payload_bytes(payload);
        err = wf_gateway_ask(queue->server, queue->space->name, &request,
                             on_asked, ask, NULL);
    }
    weft_payload_destroy(payload);
    return err;
}

static void
ask(struct wf_gateway_queue *queue, bool is_bye)
{
    struct wf_list_node *node = wf_list_first(&queue->asks);
    struct ask *ask = wf_calloc(sizeof(*ask));
    weft_err err;

    for (; node != NULL && is_bye; node = wf_list_next(&queue->asks, node)) {
        WF_CONTAINER(node, struct ask, node)->is_void = true;
    }
    ask->queue = queue;
    ask->is_bye = is_bye;
    wf_list_push_back(&queue->asks, &ask->node);
    err = submit_ask(queue, ask);
    if (err != WEFT_OK) {
        end_ask(ask);
        queue->pause_ms = queue->server->now_ms + PAUSE_MS;
        if (is_settled(err)) {
            queue->is_known = false;
            fail_all(queue, err, weft_err_detail());
        }
        return;
    }
    wf_buf_reset(&queue->taken);
    queue->is_known = !is_bye;
    queue->must_bye = false;
}

// What is there to do? A bye waits for a tick, so that who polls again at once
// finds everything as it was.
static void
step(struct wf_gateway_queue *queue, bool is_tick)
{
    weft_server *server = queue->server;
    bool has_bye = queue->must_bye || (queue->wanted == 0 && queue->is_known);
    bool is_leasing =
        queue->leasing > 0 && server->now_ms - queue->leasing_ms < LEASING_MS;

    if (wf_gateway_mode(server) == WF_GATEWAY_CLOSING || is_leasing ||
        server->now_ms < queue->pause_ms) {
        return;
    }
    if (has_bye) {
        if (is_tick) {
            ask(queue, true);
        }
    } else if (queue->wanted > 0 && queue->asks.count == 0) {
        ask(queue, false);
    }
}

// Time. ---------------------------------------------------------------------

static bool
is_unused(const struct wf_gateway_queue *queue)
{
    return queue->polls_count == 0 && queue->asks.count == 0 &&
           queue->leasing == 0 && !queue->is_known && !queue->must_bye;
}

void
wf_gateway_queue_tick(weft_server *server)
{
    struct wf_gateway_queue *queue;
    size_t cursor = 0;

    while ((queue = wf_table_next(&server->queues, &cursor)) != NULL) {
        step(queue, true);
        if (is_unused(queue)) {
            destroy_queue(queue); // and another one may be in its place
            cursor--;
        }
    }
}

void
wf_gateway_queue_fini(weft_server *server)
{
    struct wf_gateway_queue *queue;
    size_t cursor = 0;

    while ((queue = wf_table_next(&server->queues, &cursor)) != NULL) {
        destroy_queue(queue);
        cursor--;
    }
}
