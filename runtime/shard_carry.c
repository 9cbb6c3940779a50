// SPDX-License-Identifier: Apache-2.0
//
// shard_carry.c - what a partition has put out goes where it belongs: answers
// to who asked, frames and loads to the ports, tasks to workers.
//
// What is not carried away is the partition's, and dropped with it.

#include "runtime/load.h"
#include "runtime/request.h"
#include "runtime/shard_impl.h"
#include "runtime/task.h"

static void
count_reply(struct wf_shard *shard, const struct wf_request *request)
{
    uint32_t verb = (uint32_t)request->verb;
    uint32_t err = (uint32_t)request->reply.err;

    if (verb < WF_TALLY_VERBS && err < WF_TALLY_ERRS) {
        wf_counter_add(&shard->tally->requests[verb][err], 1);
    }
}

// Whoever was replaced and does not know it can commit nothing; but it could
// read, and be wrong.
static void
refuse_stale(const struct wf_shard *shard, struct wf_request *request)
{
    if (shard->options.is_shared && wf_request_is_read(request) &&
        wf_shard_now_ns(shard) >= atomic_load(shard->options.lease_until_ns)) {
        wf_request_reset(request);
        wf_request_answer(request, WEFT_EBUSY,
                          "the node has not renewed its lease");
    }
}

static void
carry_replies(struct wf_shard *shard, struct wf_outputs *outputs)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->replies)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        refuse_stale(shard, request);
        count_reply(shard, request);
        request->done(request); // it is gone now, or in an inbox again
    }
}

// Frames may be lost at any time: what matters is sent again at the next open.
static void
carry_frames(struct wf_shard *shard, struct wf_outputs *outputs)
{
    const struct wf_shard_ports *ports = &shard->options.ports;
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->frames)) != NULL) {
        struct wf_frame *frame = WF_CONTAINER(node, struct wf_frame, node);

        if (shard->mode != WF_SHARD_FINISHING) {
            ports->frame(ports->ctx, frame->destination, &frame->bytes);
        }
        wf_frame_destroy(frame);
    }
}

void
wf_shard_carry(struct wf_shard *shard, struct wf_shard_place *place)
{
    const struct wf_shard_ports *ports = &shard->options.ports;
    struct wf_outputs *outputs = wf_partition_outputs(place->partition);
    struct wf_list_node *node;

    carry_replies(shard, outputs);
    carry_frames(shard, outputs);
    while (shard->mode <= WF_SHARD_SERVING &&
           (node = wf_list_pop_front(&outputs->tasks)) != NULL) {
        ports->task(ports->ctx, WF_CONTAINER(node, struct wf_task, node));
    }
    while (shard->mode != WF_SHARD_FINISHING &&
           (node = wf_list_pop_front(&outputs->loads)) != NULL) {
        place->lane->loads_away++;
        ports->load(ports->ctx, WF_CONTAINER(node, struct wf_load, node));
    }
}
