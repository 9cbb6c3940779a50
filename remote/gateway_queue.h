// SPDX-License-Identifier: Apache-2.0
//
// gateway_queue.h - a task queue as the server sees it: one poll of its own at
// the queue's actor, for all workers who wait here, and a lease for what comes.

#ifndef WF_REMOTE_GATEWAY_QUEUE_H
#define WF_REMOTE_GATEWAY_QUEUE_H

#include "remote/gateway_poll.h"

// Each queue that is polled has a question at the node, and stays for a moment
// after the last poll: so there are not any number of them.
//
// WEFT_EBUSY  it would be one too many
weft_err wf_gateway_queue_admit(const weft_server *server,
                                const struct wf_gateway_space *space,
                                const char *name);
// The one of that name, for one more poll.
struct wf_gateway_queue *wf_gateway_queue_get(weft_server *server,
                                              struct wf_gateway_space *space,
                                              const char *name);
// A poll wants more, behind all others, or before them; or no more.
void wf_gateway_queue_want(struct wf_gateway_queue *queue,
                           struct wf_gateway_poll *poll, bool is_first);
void wf_gateway_queue_unwant(struct wf_gateway_queue *queue,
                             struct wf_gateway_poll *poll);
// It is gone; what is being leased for it is given back.
void wf_gateway_queue_leave(struct wf_gateway_queue *queue,
                            struct wf_gateway_poll *poll);

// Time has passed.
void wf_gateway_queue_tick(weft_server *server);
void wf_gateway_queue_fini(weft_server *server);

#endif
