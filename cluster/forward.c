// SPDX-License-Identifier: Apache-2.0
//
// forward.c - see forward.h.

#include "cluster/forward.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "cluster/forward_codec.h"
#include "cluster/peers_impl.h"
#include "runtime/request.h"

enum {
    CALLS_MAX = 100000, // asked by this node, or by one other
    CALL_BYTES = 1024,  // what one costs besides its bytes
    RETRY_MS = 20,      // after "not mine"
    HERE_MS = 2,        // the same, of this node's: others wait behind it
};

static const char left[] = "the node has no part in its cluster any more";
static const char nobody[] = "nobody waits for it";

// One that this node asks.
struct call {
    struct wf_list_node node; // in its lane
    struct wf_request *request;
    uint32_t partition;
    uint32_t attempt; // 0: it was never sent
    uint64_t id;
    uint64_t bytes;
    struct wf_peers_peer *sent_to; // NULL: it waits
};

// Of one partition.
struct lane {
    struct wf_list calls;
    uint32_t waiting; // of them
    uint64_t retry_ms;
    // Has answered since it became the owner, so the partition runs there. It
    // may not yet, though the map says so; then what is sent comes back, until
    // in the middle of it the partition is there, and the rest does not.
    struct wf_peers_peer *sure;
};

struct wf_forward {
    struct wf_peers *peers;
    struct lane *lanes;
    struct wf_table by_id;      // of calls
    struct wf_table by_request; // the same
    uint64_t last_id;
    uint64_t last_request; // number of the newest that was asked of it
    uint32_t waiting;      // calls, in all lanes
    bool has_left;
    _Atomic uint64_t calls;
    _Atomic uint64_t bytes; // of them
};

// Tables. ---------------------------------------------------------------------

static uint64_t
hash_id(uint64_t id)
{
    return wf_hash64(&id, sizeof(id), 0);
}

static uint64_t
hash_pointer(const void *pointer)
{
    return wf_hash64(&pointer, sizeof(pointer), 0);
}

static bool
is_call(const void *item, const void *key)
{
    const struct call *call = item;
    const uint64_t *id = key;

    return call->id == *id;
}

static bool
is_of_request(const void *item, const void *key)
{
    const struct call *call = item;

    return call->request == key;
}

// Life. -----------------------------------------------------------------------

struct wf_forward *
wf_forward_create(struct wf_peers *peers)
{
    struct wf_forward *forward = wf_calloc(sizeof(*forward));
    uint32_t count = peers->options.partition_count;

    forward->peers = peers;
    forward->lanes = wf_calloc(count * sizeof(*forward->lanes));
    for (uint32_t i = 0; i < count; i++) {
        wf_list_init(&forward->lanes[i].calls);
    }
    wf_table_init(&forward->by_id);
    wf_table_init(&forward->by_request);
    return forward;
}

static struct lane *
lane_of(struct wf_forward *forward, const struct call *call)
{
    return &forward->lanes[call->partition];
}

static void
count_out(struct wf_forward *forward, uint64_t bytes)
{
    atomic_fetch_sub(&forward->calls, 1);
    atomic_fetch_sub(&forward->bytes, bytes);
}

// It is over; its request is not looked at, for it may be somebody else's.
static void
drop_call(struct wf_forward *forward, struct call *call)
{
    struct lane *lane = lane_of(forward, call);

    if (call->sent_to == NULL) {
        lane->waiting--;
        forward->waiting--;
    }
    wf_list_remove(&lane->calls, &call->node);
    wf_table_remove(&forward->by_id, hash_id(call->id), call);
    wf_table_remove(&forward->by_request, hash_pointer(call->request), call);
    count_out(forward, call->bytes);
    wf_free(call);
}

static void
end_call(struct wf_forward *forward, struct call *call)
{
    struct wf_request *request = call->request;

    drop_call(forward, call);
    wf_request_is_back(request);
    request->done(request);
}

static void
answer_call(struct wf_forward *forward, struct call *call, weft_err err,
            const char *detail)
{
    wf_request_answer(call->request, err, detail);
    end_call(forward, call);
}

void
wf_forward_leave(struct wf_forward *forward)
{
    uint32_t count = forward->peers->options.partition_count;

    forward->has_left = true;
    for (uint32_t i = 0; i < count; i++) {
        struct wf_list_node *node;

        while ((node = wf_list_first(&forward->lanes[i].calls)) != NULL) {
            answer_call(forward, WF_CONTAINER(node, struct call, node),
                        WEFT_ECLOSED, left);
        }
    }
}

void
wf_forward_destroy(struct wf_forward *forward)
{
    wf_forward_leave(forward);
    wf_table_fini(&forward->by_id);
    wf_table_fini(&forward->by_request);
    wf_free(forward->lanes);
    wf_free(forward);
}

// Asking. ---------------------------------------------------------------------

static uint64_t
bytes_of(const struct wf_request *request)
{
    return CALL_BYTES + request->key.len + request->data.len +
           request->input.len + request->options.len + request->attributes.len;
}

bool
wf_forward_admit(struct wf_forward *forward, const struct wf_request *request)
{
    uint64_t calls = atomic_fetch_add(&forward->calls, 1);
    uint64_t bytes = atomic_fetch_add(&forward->bytes, bytes_of(request));

    // What may have happened is not refused: that would say that it has not.
    if (wf_request_may_have_happened(request) ||
        (calls < CALLS_MAX && bytes < forward->peers->options.window_bytes)) {
        return true;
    }
    count_out(forward, bytes_of(request));
    return false;
}

// One that was here before was given to this node meanwhile, which lost the
// partition again: it goes before what came behind it then.
static void
queue(struct wf_forward *forward, struct call *call)
{
    struct lane *lane = lane_of(forward, call);
    struct wf_list_node *later = NULL;

    if (call->request->forwarded == 0) {
        call->request->forwarded = ++forward->last_request;
    }
    for (struct wf_list_node *node = lane->calls.head.prev;
         node != &lane->calls.head &&
         WF_CONTAINER(node, struct call, node)->request->forwarded >
             call->request->forwarded;
         node = node->prev) {
        later = node;
    }
    wf_list_insert(&lane->calls, later, &call->node);
    lane->waiting++;
    forward->waiting++;
}

void
wf_forward_ask(struct wf_forward *forward, struct wf_request *request,
               bool is_admitted)
{
    struct call *call;

    if (forward->has_left || !is_admitted) {
        // One that was not admitted may be answered so too: it asks elsewhere.
        wf_request_answer(
            request, forward->has_left ? WEFT_ECLOSED : WEFT_EBUSY,
            forward->has_left ? left : "too much is under way to other nodes");
        if (is_admitted) {
            count_out(forward, bytes_of(request));
        }
        wf_request_is_back(request);
        request->done(request);
        return;
    }
    call = wf_calloc(sizeof(*call));
    call->request = request;
    call->partition = request->partition;
    call->id = ++forward->last_id;
    call->bytes = bytes_of(request);
    queue(forward, call);
    wf_table_add(&forward->by_id, hash_id(call->id), call);
    wf_table_add(&forward->by_request, hash_pointer(request), call);
}

// It goes again. is_uncertain: it may have been done.
static void
wait_again(struct wf_forward *forward, struct call *call, bool is_uncertain)
{
    if (call->sent_to == NULL) {
        return;
    }
    call->sent_to = NULL;
    call->request->is_repeat |= is_uncertain;
    lane_of(forward, call)->waiting++;
    forward->waiting++;
}

static bool
waits_for_something(const struct wf_request *request)
{
    return wf_request_is_wait(request) || wf_request_is_of_turn(request);
}

// Nobody waits for it any more. Whoever it was sent to has heard that, or is
// gone; whoever it would go to next would not.
static bool
is_left(const struct call *call)
{
    return atomic_load(&call->request->is_withdrawn) &&
           waits_for_something(call->request);
}

// It may be answered much later than it was taken.
static bool
may_last(const struct wf_request *request)
{
    return waits_for_something(request) || wf_request_waits_for_empty(request);
}

void
wf_forward_withdraw(struct wf_forward *forward,
                    const struct wf_peers_post *post)
{
    struct call *call =
        wf_table_find(&forward->by_request, hash_pointer(post->request),
                      is_of_request, post->request);
    struct wf_peer_item item = {.type = WF_PEER_ITEM_WITHDRAW};

    // It may be done, and another one in its place.
    if (call == NULL || call->request->number != post->number ||
        memcmp(call->request->client, post->client, sizeof(post->client)) !=
            0) {
        return;
    }
    if (call->sent_to == NULL) {
        answer_call(forward, call, WEFT_ETIMEDOUT, nobody);
        return;
    }
    item.call = call->id;
    if (waits_for_something(call->request)) {
        wf_peers_add_anyway(call->sent_to, &item);
    }
}

// False: there is no room in the link.
static bool
send_call(struct wf_forward *forward, struct lane *lane, struct call *call,
          struct wf_peers_peer *peer)
{
    struct wf_buf message = {0};
    struct wf_peer_item item = {
        .type = WF_PEER_ITEM_REQUEST,
        .partition = call->request->partition,
        .call = call->id,
        .attempt = call->attempt + 1,
        .data = call->request->data,
    };
    bool is_sent;

    wf_forward_codec_request_encode(call->request, &message);
    item.bytes = wf_buf_bytes(&message);
    is_sent = wf_peers_add(peer, &item);
    wf_buf_fini(&message);
    if (is_sent) {
        wf_counter_add(&forward->peers->forwarded, call->attempt == 0);
        call->attempt++;
        call->sent_to = peer;
        lane->waiting--;
        forward->waiting--;
    }
    return is_sent;
}

// False: the partition is not here yet, or no longer.
static bool
serve_here(struct wf_forward *forward, struct call *call)
{
    struct wf_peers_options *options = &forward->peers->options;

    if (!options->serve(options->ctx, call->request)) {
        return false;
    }
    drop_call(forward, call);
    return true;
}

static void
send_lane(struct wf_forward *forward, struct lane *lane, uint32_t partition)
{
    struct wf_peers *peers = forward->peers;
    int32_t owner = peers->owners[partition];
    struct wf_peers_peer *peer = owner < 0 ? NULL : peers->peers[owner];
    struct wf_list_node *node = wf_list_first(&lane->calls);
    bool goes_on = owner == WF_PEERS_SELF ||
                   (peer != NULL && peer->link.state == WF_PEER_LINK_UP);
    bool has_sent = false; // one that will be answered soon

    if (peer != NULL) {
        peer->is_wanted = true;
    }
    while (goes_on && node != NULL) {
        struct call *call = WF_CONTAINER(node, struct call, node);

        node = wf_list_next(&lane->calls, node);
        if (call->sent_to == NULL && is_left(call)) {
            answer_call(forward, call, WEFT_ETIMEDOUT, nobody);
            continue;
        }
        if (call->sent_to == NULL && peer != NULL) {
            goes_on = (peer == lane->sure || !has_sent) &&
                      send_call(forward, lane, call, peer);
        } else if (call->sent_to == NULL) {
            goes_on = serve_here(forward, call);
            lane->retry_ms = goes_on ? 0 : peers->now_ms + HERE_MS;
            continue; // it may be freed
        }
        has_sent |= call->sent_to != NULL && !may_last(call->request);
    }
}

static void
hear_answer(struct wf_forward *forward, const struct wf_peers_peer *peer,
            const struct wf_peer_item *item)
{
    struct call *call = wf_table_find(&forward->by_id, hash_id(item->call),
                                      is_call, &item->call);
    weft_err err;

    if (call == NULL || call->attempt != item->attempt) {
        return; // it was answered, or goes again
    }
    if (call->sent_to == peer) {
        lane_of(forward, call)->sure = call->sent_to;
    }
    err = wf_forward_codec_answer_decode(item->bytes, item->data,
                                         item->position, call->request);
    if (err != WEFT_OK) {
        wf_peers_note(forward->peers, true, peer->id, "answer",
                      weft_err_detail());
        wf_request_answer(call->request, WEFT_EIO, weft_err_detail());
    }
    end_call(forward, call);
}

// The peer does not have the partition. What was sent behind it comes back as
// well, or has; it goes behind it again.
static void
hear_back(struct wf_forward *forward, struct wf_peers_peer *peer,
          const struct wf_peer_item *item)
{
    struct call *call = wf_table_find(&forward->by_id, hash_id(item->call),
                                      is_call, &item->call);
    struct lane *lane;

    if (call == NULL || call->attempt != item->attempt ||
        call->sent_to != peer) {
        return;
    }
    if (is_left(call)) {
        answer_call(forward, call, WEFT_ETIMEDOUT, nobody);
        return;
    }
    lane = lane_of(forward, call);
    lane->retry_ms = forward->peers->now_ms + RETRY_MS;
    lane->sure = NULL;
    wait_again(forward, call, item->is_uncertain);
    for (struct wf_list_node *node = wf_list_next(&lane->calls, &call->node);
         node != NULL; node = wf_list_next(&lane->calls, node)) {
        call = WF_CONTAINER(node, struct call, node);
        if (call->sent_to == peer) {
            wait_again(forward, call, true);
        }
    }
    wf_peers_doubt_map(forward->peers);
}

static void
take_back_all(struct wf_forward *forward, uint32_t partition,
              const struct wf_peers_peer *from, bool is_all_but)
{
    struct lane *lane = &forward->lanes[partition];

    for (struct wf_list_node *node = wf_list_first(&lane->calls); node != NULL;
         node = wf_list_next(&lane->calls, node)) {
        struct call *call = WF_CONTAINER(node, struct call, node);

        if ((call->sent_to == from) != is_all_but) {
            wait_again(forward, call, true);
        }
    }
}

void
wf_forward_map_changed(struct wf_forward *forward)
{
    const struct wf_peers *peers = forward->peers;

    for (uint32_t i = 0; i < peers->options.partition_count; i++) {
        int32_t owner = peers->owners[i];
        struct wf_peers_peer *peer = owner < 0 ? NULL : peers->peers[owner];

        forward->lanes[i].retry_ms = 0;
        if (forward->lanes[i].sure != peer) {
            forward->lanes[i].sure = NULL;
        }
        take_back_all(forward, i, peer, true);
    }
}

void
wf_forward_peer_lost(struct wf_forward *forward, struct wf_peers_peer *peer)
{
    for (uint32_t i = 0; i < forward->peers->options.partition_count; i++) {
        take_back_all(forward, i, peer, false);
        if (forward->lanes[i].sure == peer) {
            forward->lanes[i].sure = NULL;
        }
    }
}

bool
wf_forward_take(struct wf_forward *forward, struct wf_peers_peer *peer,
                const struct wf_peer_item *item)
{
    if (item->type == WF_PEER_ITEM_ANSWER) {
        hear_answer(forward, peer, item);
    } else if (item->type == WF_PEER_ITEM_BACK) {
        hear_back(forward, peer, item);
    } else {
        return false;
    }
    return true;
}

uint64_t
wf_forward_step(struct wf_forward *forward)
{
    const struct wf_peers *peers = forward->peers;
    uint64_t due_ms = UINT64_MAX;

    for (uint32_t i = 0;
         forward->waiting > 0 && i < peers->options.partition_count; i++) {
        struct lane *lane = &forward->lanes[i];

        if (lane->waiting > 0 && lane->retry_ms <= peers->now_ms) {
            send_lane(forward, lane, i);
        }
        if (lane->waiting > 0 && lane->retry_ms > peers->now_ms &&
            lane->retry_ms < due_ms) {
            due_ms = lane->retry_ms;
        }
    }
    return due_ms;
}
