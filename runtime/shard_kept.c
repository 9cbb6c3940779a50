// SPDX-License-Identifier: Apache-2.0
//
// shard_kept.c - what a shard keeps for partitions that are not there.
//
// While a store is being opened anew its partitions are not there. What comes
// for them is kept in their places, in order, and given to their successors:
// requests as if they were asked again, tasks and loads so that they are freed
// by who knows how. Frames and heartbeats may be lost, and are. If intake is
// stopped meanwhile, which it is on a full disk, requests that no partition
// has seen yet are refused: that may last, and nothing of them has happened.
//
// In a cluster the successor may be on another node. Then requests go there,
// and what only the partition that is gone could use is freed. What is on its
// way there comes back when the partition comes here first; until then, what
// came later waits behind it, so that a client's requests keep their order.
//
// When the shard ends, what is left is given back: requests are answered, for
// their clients do not know what became of them; the rest is freed.

#include "base/assert.h"
#include "runtime/load.h"
#include "runtime/request.h"
#include "runtime/shard_impl.h"
#include "runtime/task.h"

// Kept, and given. ------------------------------------------------------------

void
wf_shard_keep(struct wf_shard_place *place, struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_WITHDRAW: // asked again, it will be answered at once
        wf_key_fini(&post->u.withdrawn.key);
        break;
    case WF_POST_FRAME:
        wf_buf_fini(&post->u.frame);
        break;
    case WF_POST_TASK:
        wf_list_push_back(&place->tasks, &post->u.task->node);
        break;
    case WF_POST_BEAT:
        wf_beat_destroy(post->u.beat);
        break;
    case WF_POST_LOAD:
        wf_list_push_back(&place->loads, &post->u.load->node);
        break;
    default:
        WF_ASSERT(false);
    }
}

void
wf_shard_refuse_kept(struct wf_shard_place *place)
{
    weft_err err = wf_shard_refusal(place->lane);
    struct wf_list_node *node = wf_list_first(&place->requests);

    while (err != WEFT_OK && node != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        node = wf_list_next(&place->requests, node);
        if (!wf_request_is_read(request) &&
            !wf_request_may_have_happened(request)) {
            wf_list_remove(&place->requests, &request->wait);
            wf_request_answer(request, err, "intake is stopped for now");
            request->done(request);
        }
    }
}

void
wf_shard_give_kept(struct wf_shard *shard, struct wf_shard_place *place)
{
    struct wf_partition *partition = place->partition;
    uint64_t now_ms = wf_shard_time(shard, place);
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&place->tasks)) != NULL) {
        wf_partition_task(partition, now_ms,
                          WF_CONTAINER(node, struct wf_task, node));
    }
    while ((node = wf_list_pop_front(&place->loads)) != NULL) {
        wf_partition_load(partition, now_ms,
                          WF_CONTAINER(node, struct wf_load, node));
    }
    while ((node = wf_list_pop_front(&place->requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        wf_partition_request(partition, now_ms, request);
    }
    wf_shard_settle(shard, place);
}

// Freed, and sent on. ---------------------------------------------------------

// What a load has captured only a partition can free, one that did not ask.
static void
discard_loads(struct wf_list *loads)
{
    struct wf_partition_options options = {
        .count = 1,
        .incarnation = UINT64_MAX,
    };
    struct wf_partition *nobody = NULL;
    struct wf_list requests;
    struct wf_list_node *node;

    wf_list_init(&requests);
    while ((node = wf_list_pop_front(loads)) != NULL) {
        if (nobody == NULL) {
            nobody = wf_partition_create(&options);
        }
        wf_partition_load(nobody, 0, WF_CONTAINER(node, struct wf_load, node));
    }
    wf_partition_destroy(nobody, &requests);
    WF_ASSERT(requests.count == 0);
}

static void
discard_tasks(struct wf_list *tasks)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(tasks)) != NULL) {
        wf_task_destroy(WF_CONTAINER(node, struct wf_task, node));
    }
}

void
wf_shard_send_elsewhere(struct wf_shard *shard, struct wf_shard_place *place,
                        struct wf_request *request)
{
    if (!request->is_foreign) {
        request->away = &place->away;
        atomic_fetch_add(&place->away, 1);
    }
    shard->options.ports.elsewhere(shard->options.ports.ctx, request);
}

void
wf_shard_send_all_elsewhere(struct wf_shard *shard,
                            struct wf_shard_place *place,
                            struct wf_list *requests)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        wf_shard_send_elsewhere(shard, place, request);
    }
}

void
wf_shard_hand_over(struct wf_shard *shard, struct wf_shard_place *place)
{
    discard_tasks(&place->tasks);
    discard_loads(&place->loads);
    wf_shard_send_all_elsewhere(shard, place, &place->requests);
}

// The end. --------------------------------------------------------------------

static void
answer(struct wf_request *request, weft_err err)
{
    wf_request_is_back(request);
    wf_request_reset(request);
    wf_request_answer(request, err,
                      err == WEFT_EIO ? "the store failed, or the process"
                                      : "the node is closed");
    request->done(request);
}

static void
discard_post(struct wf_shard *shard, struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_REQUEST:
        wf_intake_put(&shard->intake, post->u.request);
        break;
    case WF_POST_WITHDRAW:
    case WF_POST_FRAME:
    case WF_POST_TASK:
    case WF_POST_BEAT:
    case WF_POST_LOAD:
        wf_shard_keep(wf_shard_place_of(shard, post->partition), post);
        break;
    case WF_POST_RECOVER:
        wf_partition_destroy(
            post->u.recovered,
            &wf_shard_place_of(shard, post->partition)->requests);
        break;
    case WF_POST_COMMITTED:
        return; // the job is the shard's own
    case WF_POST_STATS:
        wf_shard_answer_stats(shard, &post->u.stats);
        break;
    default:
        break; // carries nothing
    }
    wf_post_destroy(post);
}

static void
discard_waiting(struct wf_shard *shard)
{
    struct wf_list_node *node;
    struct wf_post *post;

    while ((node = wf_list_pop_front(&shard->frames)) != NULL) {
        discard_post(shard, WF_CONTAINER(node, struct wf_post, kept));
    }
    while ((post = wf_post_pop(&shard->inbox)) != NULL) {
        discard_post(shard, post);
    }
}

static void
keep_requests(struct wf_shard *shard)
{
    struct wf_request *request;

    while ((request = wf_intake_take_light(&shard->intake)) != NULL ||
           (request = wf_intake_take_heavy(&shard->intake)) != NULL) {
        wf_list_push_back(
            &wf_shard_place_of(shard, request->partition)->requests,
            &request->wait);
    }
}

void
wf_shard_abandon(struct wf_shard *shard, weft_err err)
{
    discard_waiting(shard);
    keep_requests(shard);
    discard_tasks(&shard->orphans);
    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];
        weft_err why = place->lane->is_fenced ? WEFT_EIO : err;
        struct wf_list_node *node;

        discard_tasks(&place->tasks);
        discard_loads(&place->loads);
        while ((node = wf_list_pop_front(&place->requests)) != NULL ||
               (node = wf_list_pop_front(&place->behind)) != NULL) {
            answer(WF_CONTAINER(node, struct wf_request, wait), why);
        }
    }
}
