// SPDX-License-Identifier: Apache-2.0
//
// connection.h - a client's way to its node: one connection after another, each
// begun by a hello that was answered (docs/formats/wire.md, sections 2 and 3).
//
//     DOWN --> OPENING --hello answered--> READY
//      ^         |  |                        |
//      |         |  +--hello refused--> REFUSED, tried again a second later
//      +---------+---broken, silent, bye-----+
//
// Each connection has a socket of its own, so that nothing of the one before
// can be sent or received on it.
//
// Threads: one at a time.

#ifndef WF_REMOTE_CONNECTION_H
#define WF_REMOTE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/random.h"
#include "remote/calls.h"
#include "runtime/routes.h"
#include "transport/bundle.h"
#include "transport/socket.h"
#include "transport/wire.h"

enum wf_connection_state {
    WF_CONNECTION_DOWN,    // there is none; due_ms says when to try
    WF_CONNECTION_OPENING, // hello is not answered
    WF_CONNECTION_READY,   // requests may be sent
    WF_CONNECTION_REFUSED, // as DOWN, and `refusal` says why
    WF_CONNECTION_TAKEN,   // the same, for good: another has this client's id
};

struct wf_connection_options {
    char **endpoints; // of the same node, or cluster
    size_t endpoints_count;
    const char *name_space; // NULL: the node's choice
    const char *label;      // "": none
    const char *node;       // only that one is meant; NULL: any
    uint8_t client_id[16];
    struct wf_socket_options socket;
};

// Who has answered hello, and as whom it knows this client.
struct wf_connection_host {
    char node[WF_ROUTES_NAME_CHARS_MAX + 1]; // "": it has no cluster
    char name_space[WF_NAMESPACE_BYTES_MAX + 1];
    char principal[WF_NAME_BYTES_MAX + 1];
    uint32_t partitions; // of its cluster; 0: it has none
};

struct wf_connection {
    const struct wf_connection_options *options; // borrowed
    struct wf_context *context;                  // borrowed
    struct wf_socket *socket;                    // owned; NULL: none
    struct wf_message message;                   // whose messages are given out
    bool has_message;
    struct wf_bundle_reader reader; // of it
    enum wf_connection_state state;
    struct wf_random random;
    size_t endpoint; // that is tried next
    uint32_t pause_ms;
    uint32_t taken_count; // how often another took over, of late
    uint64_t taken_at_ms;
    uint64_t due_ms;   // DOWN, REFUSED: open; OPENING: give up
    uint64_t heard_ms; // something of the node
    uint64_t said_ms;  // something to it
    uint64_t pinged_ms;
    uint64_t idle_ms;  // when nothing was awaited, the last time
    bool is_connected; // ZeroMQ says so
    bool is_useful;    // it brought an answer
    uint64_t keepalive_ms;
    struct wf_calls_credit credit;
    uint32_t bundle_max; // messages that the node takes in one frame
    struct wf_connection_host host;
    weft_err refusal;
    char refusal_text[512];
};

// Times are of a clock that never goes back.
void wf_connection_init(struct wf_connection *connection,
                        const struct wf_connection_options *options,
                        struct wf_context *context);
void wf_connection_fini(struct wf_connection *connection);

// Begin a connection now.
//
// WEFT_EINVAL   an endpoint or a key is none
// WEFT_EIO      there is no socket to be had
weft_err wf_connection_open(struct wf_connection *connection, uint64_t now_ms);

enum wf_connection_news {
    WF_CONNECTION_NOTHING, // more
    WF_CONNECTION_BEGAN,   // READY: send all that has no answer
    WF_CONNECTION_MESSAGE, // in `out`, borrowed until the next call
    WF_CONNECTION_ARRIVED, // the node has heard all that was sent until a ping
    WF_CONNECTION_FAILED,  // REFUSED or TAKEN: nothing will be answered
};

enum wf_connection_wait {
    WF_CONNECTION_IDLE,   // nothing is awaited
    WF_CONNECTION_WAITS,  // for answers
    WF_CONNECTION_HURRIES // for answers or ARRIVED, and will send more then
};

// What has happened.
enum wf_connection_news wf_connection_next(struct wf_connection *connection,
                                           enum wf_connection_wait wait,
                                           uint64_t now_ms,
                                           struct wf_wire_message *out);

// In READY; false: it takes no more now.
bool wf_connection_send(struct wf_connection *connection, struct wf_buf *frame,
                        uint64_t now_ms);

// What came makes no sense: begin another one.
void wf_connection_break(struct wf_connection *connection, uint64_t now_ms);

// When next must be called though nothing comes.
uint64_t wf_connection_due_ms(const struct wf_connection *connection,
                              enum wf_connection_wait wait);

#endif
