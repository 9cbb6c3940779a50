// SPDX-License-Identifier: Apache-2.0
//
// fleet_network.c - frames and requests on their way between the nodes of a
// fleet: lost, doubled, late, or refused when nobody is there.

#include "base/alloc.h"
#include "fleet/fleet_impl.h"
#include "runtime/node.h"
#include "runtime/request.h"

// A frame or a request on its way.
struct parcel {
    struct wf_list_node node;
    uint64_t due_ms;
    uint32_t from;
    uint32_t partition;
    struct wf_buf frame;
    struct wf_request *request; // NULL: it is a frame
};

static void
put_parcel(struct fleet *fleet, struct parcel given, uint64_t delay_ms)
{
    struct parcel *parcel = wf_memdup(&given, sizeof(given));

    parcel->due_ms = fleet->now_ms + delay_ms;
    wf_list_push_back(&fleet->parcels, &parcel->node);
}

void
fleet_network_send(void *ctx, uint32_t partition, struct wf_buf *frame)
{
    struct member *member = ctx;
    struct fleet *fleet = member->fleet;
    struct parcel parcel = {.from = member->index, .partition = partition};
    bool is_calm = fleet->options.is_calm;
    uint32_t count = is_calm ? 1 : (uint32_t)(fleet_one_in(fleet, 20) ? 2 : 1);

    if (!is_calm && fleet_one_in(fleet, 10)) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        parcel.frame = (struct wf_buf){0};
        wf_buf_put(&parcel.frame, frame->data, frame->len);
        put_parcel(fleet, parcel,
                   is_calm
                       ? 1
                       : fleet_below(fleet, fleet_one_in(fleet, 10) ? 500 : 5));
    }
    wf_buf_fini(frame);
}

void
fleet_network_forward(void *ctx, struct wf_request *request)
{
    struct member *member = ctx;
    struct parcel parcel = {
        .from = member->index,
        .partition = request->partition,
        .request = request,
    };

    wf_request_is_back(request); // a parcel outlives the node
    put_parcel(member->fleet, parcel, 1 + fleet_below(member->fleet, 5));
}

static bool
can_hear(const struct fleet *fleet, const struct member *member)
{
    return member->node != NULL && member->paused_until_ms <= fleet->now_ms;
}

static void
refuse(struct wf_request *request)
{
    wf_request_answer(request, WEFT_EIO, "nobody was there");
    request->done(request);
}

// To whom its sender thinks it should go; a request comes back for another try.
static void
deliver(struct fleet *fleet, struct parcel *parcel)
{
    struct member *from = &fleet->members[parcel->from];
    int32_t owner = from->owners[parcel->partition];
    struct member *to = owner < 0 ? NULL : &fleet->members[owner];
    bool is_there = to != NULL && can_hear(fleet, to) &&
                    wf_node_is_here(to->node, parcel->partition);

    if (parcel->request == NULL) {
        if (is_there) {
            wf_node_deliver(to->node, parcel->partition,
                            wf_buf_bytes(&parcel->frame));
        }
        wf_buf_fini(&parcel->frame);
    } else if (is_there) {
        wf_node_post_request(to->node, parcel->request);
    } else if (from->node == NULL) {
        refuse(parcel->request);
    } else {
        put_parcel(fleet, *parcel, 10 + fleet_below(fleet, 50));
    }
}

void
fleet_network_step(struct fleet *fleet)
{
    struct wf_list_node *node = wf_list_first(&fleet->parcels);

    while (node != NULL) {
        struct parcel *parcel = WF_CONTAINER(node, struct parcel, node);

        node = wf_list_next(&fleet->parcels, node);
        if (parcel->due_ms <= fleet->now_ms) {
            wf_list_remove(&fleet->parcels, &parcel->node);
            deliver(fleet, parcel);
            wf_free(parcel);
        }
    }
}

void
fleet_network_fini(struct fleet *fleet)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&fleet->parcels)) != NULL) {
        struct parcel *parcel = WF_CONTAINER(node, struct parcel, node);

        wf_buf_fini(&parcel->frame);
        if (parcel->request != NULL) {
            refuse(parcel->request);
        }
        wf_free(parcel);
    }
}

void
fleet_calm(struct fleet *fleet)
{
    fleet->options.is_calm = true;
}
