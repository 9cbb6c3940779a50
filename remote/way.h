// SPDX-License-Identifier: Apache-2.0
//
// way.h - one way of a client to a node: a connection (connection.h), and the
// calls that go over it (calls.h).
//
// Threads: one at a time.

#ifndef WF_REMOTE_WAY_H
#define WF_REMOTE_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "remote/calls.h"
#include "remote/connection.h"

// What the way itself asks has a number that no call has.
#define WF_WAY_NUMBER_MIN ((uint64_t)1 << 63)

struct wf_way {
    struct wf_connection connection;
    struct wf_calls calls;
    uint64_t sweep_ms; // when what nobody waits for is looked for
    bool is_full;      // the socket takes no more now
};

void wf_way_init(struct wf_way *way,
                 const struct wf_connection_options *options,
                 struct wf_context *context);
void wf_way_fini(struct wf_way *way); // it has no calls

// What has happened; answers to calls have reached them. A MESSAGE is the
// answer to what is no call.
enum wf_connection_news wf_way_next(struct wf_way *way, uint64_t now_ms,
                                    struct wf_wire_message *out);
// Answer what will have no answer, and send what may be sent.
void wf_way_step(struct wf_way *way, uint64_t now_ms);
// When next must be called though nothing comes.
uint64_t wf_way_due_ms(const struct wf_way *way, uint64_t now_ms);

static inline bool
wf_way_is_ready(const struct wf_way *way)
{
    return way->connection.state == WF_CONNECTION_READY;
}

#endif
