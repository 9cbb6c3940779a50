// SPDX-License-Identifier: Apache-2.0
//
// serving.c - see serving.h.

#include "cluster/serving.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "cluster/forward_codec.h"
#include "cluster/peers_impl.h"
#include "remote/codec.h"
#include "runtime/request.h"

enum {
    CALLS_MAX = 100000,  // of one node
    ANSWER_BYTES = 1024, // what one costs besides its data; what an item does
};

// What outlives peers, until the last request that is served is done.
struct wf_serving {
    pthread_mutex_t lock;
    struct wf_peers *peers; // NULL: they are gone
    uint32_t users;
};

// One that this node serves.
struct served {
    struct wf_list_node node; // in its peer's answers
    struct wf_serving *home;
    struct wf_request *request;
    struct wf_peers_peer *peer; // NULL: it is gone
    uint64_t call;
    uint32_t attempt;
    uint64_t bytes; // of the answer
    bool is_done;
    bool is_back; // not mine any more
    bool is_cut;  // withdrawn, because who asked may be gone
};

static bool
is_served(const void *item, const void *key)
{
    const struct served *served = item;
    const uint64_t *id = key;

    return served->call == *id;
}

static uint64_t
hash_id(uint64_t id)
{
    return wf_hash64(&id, sizeof(id), 0);
}

struct wf_serving *
wf_serving_create(struct wf_peers *peers)
{
    struct wf_serving *serving = wf_calloc(sizeof(*serving));

    (void)pthread_mutex_init(&serving->lock, NULL);
    serving->peers = peers;
    serving->users = 1;
    return serving;
}

// Unlocks it.
static void
leave(struct wf_serving *serving)
{
    bool is_last = --serving->users == 0;

    (void)pthread_mutex_unlock(&serving->lock);
    if (is_last) {
        (void)pthread_mutex_destroy(&serving->lock);
        wf_free(serving);
    }
}

void
wf_serving_destroy(struct wf_serving *serving)
{
    (void)pthread_mutex_lock(&serving->lock);
    serving->peers = NULL;
    leave(serving);
}

static void
free_served(struct served *served)
{
    wf_request_destroy(served->request);
    wf_free(served);
}

// Any thread: it comes back to peers, if they are there.
static void
come_back(struct served *served)
{
    struct wf_serving *home = served->home;

    (void)pthread_mutex_lock(&home->lock);
    if (home->peers != NULL) {
        wf_peers_post_served(home->peers, served->request);
    } else {
        free_served(served);
    }
    leave(home);
}

static void
on_done(struct wf_request *request)
{
    come_back(request->done_ctx);
}

bool
wf_serving_gives_back(struct wf_request *request)
{
    struct served *served = request->done_ctx;

    if (request->done != on_done) {
        return false;
    }
    served->is_back = true;
    come_back(served);
    return true;
}

// A node that closes answers what it has so.
static bool
is_left_behind(const struct served *served)
{
    weft_err err = served->request->reply.err;

    return served->is_back || err == WEFT_ECLOSED ||
           (served->is_cut && err == WEFT_ECANCELLED);
}

// False: there is no room for it now.
static bool
send_served(struct wf_peers_peer *peer, struct served *served)
{
    struct wf_buf message = {0};
    struct wf_peer_item item = {
        .type = WF_PEER_ITEM_BACK,
        .call = served->call,
        .attempt = served->attempt,
    };
    bool is_sent;

    if (is_left_behind(served)) {
        item.is_uncertain =
            !served->is_back || wf_request_may_have_happened(served->request);
    } else {
        item.type = WF_PEER_ITEM_ANSWER;
        wf_forward_codec_answer_encode(served->request, &message, &item.data,
                                       &item.position);
        item.bytes = wf_buf_bytes(&message);
    }
    is_sent = wf_peers_add(peer, &item);
    wf_buf_fini(&message);
    return is_sent;
}

void
wf_serving_answer(struct wf_peers_peer *peer)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&peer->answers)) != NULL) {
        struct served *served = WF_CONTAINER(node, struct served, node);

        if (!send_served(peer, served)) {
            return;
        }
        wf_list_remove(&peer->answers, node);
        peer->answers_bytes -= served->bytes;
        wf_table_remove(&peer->serving, hash_id(served->call), served);
        free_served(served);
    }
}

// About as much memory as the answer takes.
static uint64_t
bytes_of(const weft_reply *reply)
{
    return ANSWER_BYTES + reply->data.len +
           (reply->items_count + reply->activities_count) * ANSWER_BYTES;
}

// Reads of a peer that does not take its answers may be asked again later.
static void
keep_answer(struct wf_serving *serving, struct served *served)
{
    struct wf_peers_peer *peer = served->peer;
    struct wf_request *request = served->request;

    if (peer->answers_bytes > serving->peers->options.window_bytes &&
        wf_request_is_read(request)) {
        wf_request_reset(request);
        wf_request_answer(request, WEFT_EBUSY,
                          "answers that were not taken are in the way");
    }
    served->bytes = bytes_of(&request->reply);
    peer->answers_bytes += served->bytes;
    wf_list_push_back(&peer->answers, &served->node);
}

void
wf_serving_done(struct wf_serving *serving, struct wf_request *request)
{
    struct served *served = request->done_ctx;

    served->is_done = true;
    if (served->peer == NULL) {
        free_served(served);
    } else {
        keep_answer(serving, served);
    }
}

static void
begin_serving(struct wf_serving *serving, struct wf_peers_peer *peer,
              const struct wf_peer_item *item, struct wf_request *request)
{
    struct wf_peers_options *options = &serving->peers->options;
    struct served *served = wf_calloc(sizeof(*served));

    *served = (struct served){
        .home = serving,
        .request = request,
        .peer = peer,
        .call = item->call,
        .attempt = item->attempt,
    };
    request->is_foreign = true;
    request->done = on_done;
    request->done_ctx = served;
    wf_table_add(&peer->serving, hash_id(served->call), served);
    (void)pthread_mutex_lock(&serving->lock);
    serving->users++;
    (void)pthread_mutex_unlock(&serving->lock);
    if (peer->serving.count > CALLS_MAX ||
        !options->serve(options->ctx, request)) {
        (void)wf_serving_gives_back(request);
    }
}

// It was never a request: that is the answer.
static void
refuse(struct wf_serving *serving, struct wf_peers_peer *peer,
       const struct wf_peer_item *item)
{
    struct wf_buf message = {0};
    struct wf_peer_item answer = {
        .type = WF_PEER_ITEM_ANSWER,
        .call = item->call,
        .attempt = item->attempt,
    };

    wf_peers_note(serving->peers, true, peer->id, "request", weft_err_detail());
    wf_codec_error_encode(0, WEFT_EFORMAT, weft_err_detail(), &message);
    answer.bytes = wf_buf_bytes(&message);
    wf_peers_add_anyway(peer, &answer);
    wf_buf_fini(&message);
}

static void
hear_request(struct wf_serving *serving, struct wf_peers_peer *peer,
             const struct wf_peer_item *item)
{
    struct served *served = wf_table_find(&peer->serving, hash_id(item->call),
                                          is_served, &item->call);
    struct wf_request *request;

    if (served != NULL) { // it asks again, and gets the answer once
        served->attempt = item->attempt;
        return;
    }
    if (wf_forward_codec_request_decode(
            item->bytes, item->data, item->partition,
            serving->peers->options.partition_count, &request) != WEFT_OK) {
        refuse(serving, peer, item);
        return;
    }
    begin_serving(serving, peer, item, request);
}

static void
hear_withdraw(struct wf_serving *serving, struct wf_peers_peer *peer,
              uint64_t id)
{
    struct wf_peers_options *options = &serving->peers->options;
    struct served *served =
        wf_table_find(&peer->serving, hash_id(id), is_served, &id);

    if (served != NULL && !served->is_done) {
        options->withdraw(options->ctx, served->request);
    }
}

void
wf_serving_peer_cut(struct wf_serving *serving, struct wf_peers_peer *peer)
{
    struct wf_peers_options *options = &serving->peers->options;
    struct served *served;
    size_t cursor = 0;

    while ((served = wf_table_next(&peer->serving, &cursor)) != NULL) {
        if (!served->is_done && served->request->verb == WEFT_VERB_ASK) {
            served->is_cut = true;
            options->withdraw(options->ctx, served->request);
        }
    }
}

void
wf_serving_peer_gone(struct wf_serving *serving, struct wf_peers_peer *peer)
{
    struct wf_peers_options *options = &serving->peers->options;
    struct served *served;
    size_t cursor = 0;

    while ((served = wf_table_next(&peer->serving, &cursor)) != NULL) {
        served->peer = NULL;
        if (served->is_done) {
            wf_list_remove(&peer->answers, &served->node);
            free_served(served);
        } else {
            options->withdraw(options->ctx, served->request);
        }
    }
    wf_table_fini(&peer->serving);
}

bool
wf_serving_take(struct wf_serving *serving, struct wf_peers_peer *peer,
                const struct wf_peer_item *item)
{
    if (item->type == WF_PEER_ITEM_REQUEST) {
        hear_request(serving, peer, item);
    } else if (item->type == WF_PEER_ITEM_WITHDRAW) {
        hear_withdraw(serving, peer, item->call);
    } else {
        return false;
    }
    return true;
}
