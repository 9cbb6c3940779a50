// SPDX-License-Identifier: Apache-2.0
//
// gate.c - the output gate: nothing leaves a partition before the record it
// depends on is durable.
//
// What is held is in order of record, since records only grow; so releasing
// looks at the front alone. Something that depends on old records only (a
// query of an actor at rest) does not wait at all.

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/route.h"

static void
hold(struct wf_partition *partition, enum wf_held_type type, uint64_t record,
     void *subject, uint64_t seq)
{
    struct wf_list_node *node = wf_list_pop_front(&partition->held_free);
    struct wf_held *held = node == NULL
                               ? wf_alloc(sizeof(*held))
                               : WF_CONTAINER(node, struct wf_held, node);

    *held = (struct wf_held){
        .type = type,
        .record = record,
        .subject = subject,
        .seq = seq,
    };
    wf_list_push_back(&partition->held, &held->node);
    // Nobody waits for an acknowledgement but to forget.
    if (type != WF_HELD_ACK && !partition->is_patient) {
        partition->is_awaited = true;
    }
}

void
wf_gate_reply(struct wf_partition *partition, struct wf_request *request,
              uint64_t record)
{
    if (record <= partition->durable_record) {
        wf_list_push_back(&partition->outputs.replies, &request->wait);
        return;
    }
    // Held in order: it may wait for a little more than it must.
    hold(partition, WF_HELD_REPLY, partition->last_record, request, 0);
}

void
wf_gate_actor(struct wf_partition *partition, struct wf_actor *actor,
              uint64_t record)
{
    WF_ASSERT(record > partition->durable_record);
    actor->holds++;
    hold(partition, WF_HELD_ACTOR, partition->last_record, actor, 0);
}

void
wf_gate_send(struct wf_partition *partition, struct wf_route *route)
{
    if (route->unacked.count > WF_LINK_BEHIND_MESSAGES) {
        wf_ready_spend(&partition->ready);
    }
    hold(partition, WF_HELD_SEND, partition->last_record, route, 0);
}

void
wf_gate_ack(struct wf_partition *partition, struct wf_route *route,
            uint64_t record, uint64_t seq)
{
    if (record <= partition->durable_record) {
        route->ack = seq > route->ack ? seq : route->ack;
        route->is_ack_due = true;
        wf_route_want_flush(partition, route);
        return;
    }
    hold(partition, WF_HELD_ACK, partition->last_record, route, seq);
}

static void
let_out(struct wf_partition *partition, const struct wf_held *held)
{
    switch (held->type) {
    case WF_HELD_REPLY: {
        struct wf_request *request = held->subject;
        wf_list_push_back(&partition->outputs.replies, &request->wait);
        break;
    }
    case WF_HELD_ACTOR: {
        struct wf_actor *actor = held->subject;
        WF_ASSERT(actor->holds > 0);
        actor->holds--;
        wf_commands_released(partition, actor);
        wf_residents_touch(partition, actor);
        break;
    }
    case WF_HELD_SEND:
        wf_route_want_flush(partition, held->subject);
        break;
    case WF_HELD_ACK:
        wf_gate_ack(partition, held->subject, held->record, held->seq);
        break;
    }
}

void
wf_gate_release(struct wf_partition *partition)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&partition->held)) != NULL) {
        struct wf_held *held = WF_CONTAINER(node, struct wf_held, node);

        if (held->record > partition->durable_record) {
            break;
        }
        wf_list_remove(&partition->held, node);
        let_out(partition, held);
        wf_list_push_back(&partition->held_free, node);
    }
    while ((node = wf_list_pop_front(&partition->flush)) != NULL) {
        wf_route_flush(partition, WF_CONTAINER(node, struct wf_route, flush));
    }
}

void
wf_gate_fini(struct wf_partition *partition, struct wf_list *out_requests)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&partition->held)) != NULL) {
        struct wf_held *held = WF_CONTAINER(node, struct wf_held, node);

        if (held->type == WF_HELD_REPLY) {
            struct wf_request *request = held->subject;
            wf_list_push_back(out_requests, &request->wait);
        } else if (held->type == WF_HELD_ACTOR) {
            struct wf_actor *actor = held->subject;
            actor->holds--;
        }
        wf_free(held);
    }
    while ((node = wf_list_pop_front(&partition->held_free)) != NULL) {
        wf_free(WF_CONTAINER(node, struct wf_held, node));
    }
}
