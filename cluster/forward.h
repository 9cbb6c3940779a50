// SPDX-License-Identifier: Apache-2.0
//
// forward.h - requests of this node on their way to the one that has their
// partition. A part of peers (peers_impl.h).
//
//   WAITING --its owner's link has room--> SENT --answer--> done
//      ^                                     |
//      +--- the owner went, has it no more, -+
//           or the link may have lost it
//
// Requests of one partition go in the order in which they came; while nobody
// has it they wait. One that goes again may have been done, and says so
// (is_repeat). Only the answer to its last attempt counts, for a refusal of an
// earlier one says nothing of that. An answer is good also of a node that has
// lost the partition since: it answers what is durable.
//
// Threads: that of peers, but where it says otherwise.

#ifndef WF_CLUSTER_FORWARD_H
#define WF_CLUSTER_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

struct wf_forward;
struct wf_peer_item;
struct wf_peers;
struct wf_peers_peer;
struct wf_peers_post;
struct wf_request;

struct wf_forward *wf_forward_create(struct wf_peers *peers);
// No thread uses peers any more. What is under way is answered with
// WEFT_ECLOSED.
void wf_forward_destroy(struct wf_forward *forward);

// Any thread: a post's request is taken up, or refused if there are too many.
bool wf_forward_admit(struct wf_forward *forward,
                      const struct wf_request *request);
// Takes the request of a post.
void wf_forward_ask(struct wf_forward *forward, struct wf_request *request,
                    bool is_admitted);
void wf_forward_withdraw(struct wf_forward *forward,
                         const struct wf_peers_post *post);
// What another node said of a request. False: it is something else.
bool wf_forward_take(struct wf_forward *forward, struct wf_peers_peer *peer,
                     const struct wf_peer_item *item);

// This node has no part in its cluster any more, and will have none: what is
// under way is answered with WEFT_ECLOSED, and so is all that comes.
void wf_forward_leave(struct wf_forward *forward);
// The map is another one.
void wf_forward_map_changed(struct wf_forward *forward);
// What was sent to the peer, or was to come from it, may be lost.
void wf_forward_peer_lost(struct wf_forward *forward,
                          struct wf_peers_peer *peer);

// Send what can be sent. Returns when there is something to do that nobody will
// say, on the clock of peers; UINT64_MAX: there is not.
uint64_t wf_forward_step(struct wf_forward *forward);

#endif
