// SPDX-License-Identifier: Apache-2.0
//
// route.h - messages to and from one other partition; the partition's own
// (route.c says how).

#ifndef WF_RUNTIME_ROUTE_H
#define WF_RUNTIME_ROUTE_H

#include "runtime/partition_impl.h"

struct wf_route *wf_route_get(struct wf_partition *partition, uint32_t other);
void wf_route_receive(struct wf_partition *partition, weft_bytes frame);
// Make frames of what may leave and was not sent, and of owed acks.
void wf_route_flush(struct wf_partition *partition, struct wf_route *route);
void wf_route_want_flush(struct wf_partition *partition,
                         struct wf_route *route);
// The partition is open: once its epoch is durable, send what nobody has
// acknowledged, and ask for what was sent while it was not.
void wf_route_open(struct wf_partition *partition, struct wf_route *route);
// Whoever is at the other end is somewhere else now: the same, with patience
// begun anew.
void wf_route_meet(struct wf_partition *partition, struct wf_route *route);
// Nothing was heard: send again what is not acknowledged.
void wf_route_resend(struct wf_partition *partition, struct wf_route *route);
void wf_route_destroy(struct wf_route *route);
void wf_route_add_outgoing(struct wf_route *route, uint64_t seq,
                           uint64_t record, weft_bytes envelope, bool has_row);
void wf_route_drop_acked(struct wf_route *route);
// What was sent counts up to there only.
void wf_route_rewind(struct wf_route *route, uint64_t sent);

#endif
