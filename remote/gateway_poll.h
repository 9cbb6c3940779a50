// SPDX-License-Identifier: Apache-2.0
//
// gateway_poll.h - a worker's poll: it waits for its first task, and is
// answered with those that come together with it.

#ifndef WF_REMOTE_GATEWAY_POLL_H
#define WF_REMOTE_GATEWAY_POLL_H

#include "base/arena.h"
#include "remote/codec_task.h"
#include "remote/gateway_impl.h"
#include "remote/gateway_lease.h"

struct weft_lease;
struct wf_gateway_queue;

struct wf_gateway_poll {
    struct wf_gateway_call *call;
    struct wf_gateway_queue *queue;
    struct wf_list_node want; // in its queue's, while it takes one more
    struct wf_list offers;    // of the queue, being leased for it
    uint32_t room;            // how many more it takes
    uint32_t promised;        // how many it may have
    bool is_over;             // its time is up: it ends with what it has
    uint64_t lease_ms;
    char worker[WF_GATEWAY_WORKER_CHARS];
    struct wf_codec_task *tasks;
    size_t tasks_count;
    size_t bytes; // of them
    struct wf_arena memory;
};

// The verb poll.
weft_err wf_gateway_poll_begin(struct wf_gateway_call *call,
                               const struct wf_wire_message *message);

// This was leased for it. False: its answer would be too large with it.
bool wf_gateway_poll_add(struct wf_gateway_poll *poll, const char *token,
                         const struct weft_lease *lease);
// Nothing is being leased for it for now: answer it, if there is something to
// say. It may be gone then.
void wf_gateway_poll_settle(struct wf_gateway_poll *poll);
// It cannot be answered with tasks: this thread's error.
void wf_gateway_poll_fail(struct wf_gateway_poll *poll, weft_err err);

#endif
