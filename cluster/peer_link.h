// SPDX-License-Identifier: Apache-2.0
//
// peer_link.h - one direction of a link between two nodes: what this node sends
// to another, as far as it needs no socket.
//
//   add --> open batch --seal--> ring of numbered messages --ack--> freed
//                                   |    ^
//                                   +----+ from the welcome's number on, when a
//                                          connection begins, or an ack is late
//
//   DOWN --connected--> GREETING --welcome--> UP
//     ^                  ^    hello, again each 300 ms
//     +-- disconnected   +-- no ack for 300 ms
//
// A connection keeps the order in which messages were sent, so the answer to a
// hello says what became of everything before it: what is sent again then is
// what was lost, and no more.
//
// A session is one numbering from 1. The other side remembers the session and
// the last number; if it does not, a new one begins and all that was not
// acknowledged is dropped.
//
// Threads: none; everything is the caller's.

#ifndef WF_CLUSTER_PEER_LINK_H
#define WF_CLUSTER_PEER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"

#define WF_PEER_LINK_BATCH_BYTES (64U << 10) // gathered into one message
#define WF_PEER_LINK_HELLO_MS 300

enum wf_peer_link_state {
    WF_PEER_LINK_DOWN,
    WF_PEER_LINK_GREETING,
    WF_PEER_LINK_UP,
};

struct wf_peer_link {
    enum wf_peer_link_state state;
    struct wf_list ring;         // of messages, in order of their numbers
    struct wf_list_node *unsent; // the first that is to be sent; or NULL
    struct wf_buf open;          // items of the message that is being made
    uint64_t session;
    uint64_t last;         // number of the newest message in the ring
    uint64_t acked;        // all up to this one were received
    uint64_t bytes;        // in the ring, and in the open one
    uint64_t window_bytes; // of these at most
    uint64_t credit;       // what the other side takes; UINT64_MAX: not known
    uint32_t round;        // of hellos
    bool is_hello_due;
    uint64_t due_ms; // for the next hello, or the next ack; UINT64_MAX: none
    uint64_t resent; // messages, so far
};

void wf_peer_link_init(struct wf_peer_link *link, uint64_t session,
                       uint64_t window_bytes);
void wf_peer_link_fini(struct wf_peer_link *link);

// Is there room for so many bytes more?
bool wf_peer_link_has_room(const struct wf_peer_link *link, size_t bytes);
// Items, encoded. They are sent together with others, and whole.
void wf_peer_link_add(struct wf_peer_link *link, weft_bytes items);
// What was added so far need not wait for more.
void wf_peer_link_seal(struct wf_peer_link *link);

void wf_peer_link_connected(struct wf_peer_link *link);
void wf_peer_link_disconnected(struct wf_peer_link *link);
// A hello was sent, or could not be; there is another one later.
void wf_peer_link_greeted(struct wf_peer_link *link, uint64_t now_ms,
                          uint32_t pause_ms);

// The items of the message that is next, with its number; borrowed until
// acknowledged. False: there is none, or it may not be sent now.
bool wf_peer_link_next(const struct wf_peer_link *link, uint64_t *out_seq,
                       weft_bytes *out_items);
void wf_peer_link_sent(struct wf_peer_link *link, uint64_t now_ms);

// The other side has received all up to seq. False: it knows nothing of what it
// had acknowledged, so a session has to begin anew (restart).
bool wf_peer_link_welcome(struct wf_peer_link *link, uint32_t round,
                          uint64_t seq, uint64_t credit, uint64_t now_ms);
void wf_peer_link_acknowledged(struct wf_peer_link *link, uint64_t seq,
                               uint64_t credit, uint64_t now_ms);
// Drop all that is in it, and begin a session, after a pause.
void wf_peer_link_restart(struct wf_peer_link *link, uint64_t session,
                          uint64_t now_ms);

// The time has come: a hello may be due afterwards.
void wf_peer_link_tick(struct wf_peer_link *link, uint64_t now_ms);

#endif
