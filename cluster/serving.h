// SPDX-License-Identifier: Apache-2.0
//
// serving.h - requests of other nodes, while they are served here. A part of
// peers (peers_impl.h).
//
// A call is served once however often it comes; its answer goes to who asked,
// as soon as the link there has room. A partition that leaves this node gives
// its requests back, and they go back to who asked: "not mine".
//
// Threads: that of peers, but where it says otherwise.

#ifndef WF_CLUSTER_SERVING_H
#define WF_CLUSTER_SERVING_H

#include <stdbool.h>

struct wf_peer_item;
struct wf_peers;
struct wf_peers_peer;
struct wf_request;
struct wf_serving;

struct wf_serving *wf_serving_create(struct wf_peers *peers);
// No thread uses peers any more. What is served may still be done later, and is
// then freed.
void wf_serving_destroy(struct wf_serving *serving);

// A request, or the withdrawal of one. False: it is neither.
bool wf_serving_take(struct wf_serving *serving, struct wf_peers_peer *peer,
                     const struct wf_peer_item *item);
// Any thread. Is the request one that is served? Then it is taken, and goes
// back.
bool wf_serving_gives_back(struct wf_request *request);
// One that was served is done, or comes back.
void wf_serving_done(struct wf_serving *serving, struct wf_request *request);
// Send the answers that there is room for.
void wf_serving_answer(struct wf_peers_peer *peer);
// Its connection is gone, and so may it be: questions that it asked go back, so
// that who is asked knows of it. If it is there, it asks them again.
void wf_serving_peer_cut(struct wf_serving *serving,
                         struct wf_peers_peer *peer);
// It is no more, and nobody is told.
void wf_serving_peer_gone(struct wf_serving *serving,
                          struct wf_peers_peer *peer);

#endif
