// SPDX-License-Identifier: Apache-2.0
//
// peers.c - making and ending the links of a node, and the calls that come from
// other threads. See peers.h, and peers_impl.h for the other files.

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "cluster/peers_impl.h"
#include "runtime/request.h"
#include "transport/auth.h"
#include "transport/curve.h"

#define WINDOW_BYTES_DEFAULT (64U << 20)
#define RECEIVE_MAX 256 // messages of each connection that were not read

static char *
copy_key(const char *key)
{
    return key == NULL || key[0] == '\0' ? NULL : wf_strdup(key);
}

static struct wf_peers *
create(const struct wf_peers_options *options, uint64_t incarnation)
{
    struct wf_peers *peers = wf_calloc(sizeof(*peers));

    WF_ASSERT(options->partition_count > 0);
    peers->options = *options;
    if (peers->options.window_bytes == 0) {
        peers->options.window_bytes = WINDOW_BYTES_DEFAULT;
    }
    if (peers->options.protocol_max == 0) {
        peers->options.protocol_min = WF_PEERS_PROTOCOL_MIN;
        peers->options.protocol_max = WF_PEERS_PROTOCOL_MAX;
    }
    memcpy(peers->cluster_id, options->cluster_id, sizeof(peers->cluster_id));
    peers->node_id = wf_strdup(options->node_id);
    peers->secret_key = copy_key(options->secret_key);
    peers->public_key = copy_key(options->public_key);
    peers->incarnation = incarnation;
    peers->owners = wf_alloc(options->partition_count * sizeof(*peers->owners));
    peers->epochs =
        wf_calloc(options->partition_count * sizeof(*peers->epochs));
    for (uint32_t i = 0; i < options->partition_count; i++) {
        peers->owners[i] = WF_PEERS_NOBODY;
    }
    wf_random_init(&peers->random, wf_random_os_seed());
    wf_mpsc_init(&peers->inbox);
    peers->forward = wf_forward_create(peers);
    peers->serving = wf_serving_create(peers);
    peers->forward_ms = UINT64_MAX;
    return peers;
}

void
wf_peers_free_post(struct wf_peers_post *post)
{
    wf_buf_fini(&post->frame);
    wf_registry_map_fini(&post->map);
    wf_free(post);
}

static void
drop_posts(struct wf_peers *peers)
{
    struct wf_mpsc_node *node;

    while ((node = wf_mpsc_pop(&peers->inbox)) != NULL) {
        struct wf_peers_post *post =
            WF_CONTAINER(node, struct wf_peers_post, queue);

        if (post->type == WF_PEERS_FORWARD) {
            wf_request_answer(post->request, WEFT_ECLOSED,
                              "the node leaves its cluster");
            post->request->done(post->request);
        } else if (post->type == WF_PEERS_SERVED) {
            wf_serving_done(peers->serving, post->request);
        }
        wf_peers_free_post(post);
    }
}

static void
destroy(struct wf_peers *peers)
{
    wf_peers_drop_all(peers);
    wf_forward_destroy(peers->forward);
    wf_serving_destroy(peers->serving);
    peers->serving = NULL; // nothing that is served has a peer now
    drop_posts(peers);
    wf_socket_destroy(peers->router);
    wf_auth_destroy(peers->auth);
    wf_context_destroy(peers->context);
    wf_mpsc_fini(&peers->inbox);
    wf_curve_wipe_text(peers->secret_key);
    wf_free(peers->secret_key);
    wf_free(peers->public_key);
    wf_free(peers->node_id);
    wf_free(peers->owners);
    wf_free(peers->epochs);
    wf_free(peers);
}

static weft_err
bind_router(struct wf_peers *peers, const char *endpoint)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_ROUTER,
        .receive_max = RECEIVE_MAX,
        .message_max = WF_PEER_MESSAGE_BYTES_MAX,
        .secret_key = peers->secret_key,
    };
    weft_err err = WEFT_OK;

    peers->context = wf_context_create();
    if (peers->context == NULL) {
        return WEFT_EIO;
    }
    if (peers->secret_key != NULL) {
        err = wf_auth_create(peers->context, wf_peers_may_enter, peers,
                             &peers->auth);
    }
    if (err == WEFT_OK) {
        err = wf_socket_create(peers->context, &options, &peers->router);
    }
    return err == WEFT_OK
               ? wf_socket_bind(peers->router, endpoint, peers->endpoint)
               : err;
}

weft_err
wf_peers_create(const struct wf_peers_options *options, uint64_t incarnation,
                struct wf_peers **out_peers)
{
    struct wf_peers *peers = create(options, incarnation);
    weft_err err = bind_router(peers, options->endpoint);

    if (err == WEFT_OK &&
        pthread_create(&peers->thread, NULL, wf_peers_run, peers) != 0) {
        err = wf_error(WEFT_EIO, "no thread is left for the links to nodes");
    }
    if (err != WEFT_OK) {
        destroy(peers);
        return err;
    }
    *out_peers = peers;
    return WEFT_OK;
}

void
wf_peers_destroy(struct wf_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    atomic_store(&peers->is_stopping, true);
    wf_mpsc_wake(&peers->inbox);
    (void)pthread_join(peers->thread, NULL);
    destroy(peers);
}

const char *
wf_peers_endpoint(const struct wf_peers *peers)
{
    return peers->endpoint;
}

// From other threads. ---------------------------------------------------------

static struct wf_peers_post *
make_post(enum wf_peers_post_type type)
{
    struct wf_peers_post *post = wf_calloc(sizeof(*post));

    post->type = type;
    return post;
}

void
wf_peers_map(struct wf_peers *peers, const struct wf_registry_map *map)
{
    struct wf_peers_post *post = make_post(WF_PEERS_MAP);

    WF_ASSERT(map->parts_count == peers->options.partition_count);
    post->map = *map;
    post->map.nodes =
        wf_memdup(map->nodes, map->nodes_count * sizeof(*map->nodes));
    post->map.parts =
        wf_memdup(map->parts, map->parts_count * sizeof(*map->parts));
    wf_mpsc_push(&peers->inbox, &post->queue);
}

void
wf_peers_nudge(struct wf_peers *peers)
{
    wf_mpsc_push(&peers->inbox, &make_post(WF_PEERS_NUDGE)->queue);
}

void
wf_peers_leave(struct wf_peers *peers)
{
    wf_mpsc_push(&peers->inbox, &make_post(WF_PEERS_LEAVE)->queue);
}

void
wf_peers_send(struct wf_peers *peers, uint32_t partition, struct wf_buf *frame)
{
    struct wf_peers_post *post;
    uint64_t before = atomic_fetch_add(&peers->inbox_bytes, frame->len);

    WF_ASSERT(partition < peers->options.partition_count);
    if (before > peers->options.window_bytes) {
        atomic_fetch_sub(&peers->inbox_bytes, frame->len);
        wf_buf_fini(frame); // the thread does not keep up
        return;
    }
    post = make_post(WF_PEERS_FRAME);
    post->partition = partition;
    post->frame = *frame;
    *frame = (struct wf_buf){0};
    wf_mpsc_push(&peers->inbox, &post->queue);
}

void
wf_peers_forward(struct wf_peers *peers, struct wf_request *request)
{
    struct wf_peers_post *post;

    WF_ASSERT(request->partition < peers->options.partition_count);
    if (wf_serving_gives_back(request)) {
        return;
    }
    post = make_post(WF_PEERS_FORWARD);
    post->request = request;
    post->is_admitted = wf_forward_admit(peers->forward, request);
    wf_mpsc_push(&peers->inbox, &post->queue);
}

void
wf_peers_withdraw(struct wf_peers *peers, struct wf_request *request)
{
    struct wf_peers_post *post = make_post(WF_PEERS_WITHDRAW);

    atomic_store(&request->is_withdrawn, true);
    post->request = request;
    memcpy(post->client, request->client, sizeof(post->client));
    post->number = request->number;
    wf_mpsc_push(&peers->inbox, &post->queue);
}

void
wf_peers_post_served(struct wf_peers *peers, struct wf_request *request)
{
    struct wf_peers_post *post = make_post(WF_PEERS_SERVED);

    post->request = request;
    wf_mpsc_push(&peers->inbox, &post->queue);
}

void
wf_peers_count(const struct wf_peers *peers, struct wf_peers_counts *out_counts)
{
    *out_counts = (struct wf_peers_counts){
        .up = wf_counter_read(&peers->up),
        .waiting_bytes = wf_counter_read(&peers->waiting_bytes),
        .sent = wf_counter_read(&peers->sent),
        .sent_bytes = wf_counter_read(&peers->sent_bytes),
        .resent = wf_counter_read(&peers->resent),
        .received = wf_counter_read(&peers->received),
        .received_bytes = wf_counter_read(&peers->received_bytes),
        .forwarded = wf_counter_read(&peers->forwarded),
    };
}
