// SPDX-License-Identifier: Apache-2.0
//
// objects.h - the durable things of a partition besides actors: routes to the
// others, request windows of clients, dead letters.
//
// Durable fields are changed by apply.c alone.

#ifndef WF_RUNTIME_OBJECTS_H
#define WF_RUNTIME_OBJECTS_H

#include "runtime/actor.h"
#include "weft/error.h"

struct wf_request;

// A message on its way to another partition.
struct wf_outgoing {
    struct wf_list_node node;
    uint64_t seq;
    uint64_t record; // that sent it
    uint32_t len;
    uint8_t bytes[]; // envelope: target key, letter
};

// Everything between this partition and one other.
// Where a generation began: its messages from this one on are its own, whatever
// was seen under their numbers before.
struct wf_base {
    uint64_t generation;
    uint64_t seq;
};

struct wf_route {
    struct wf_object object;
    uint32_t other;
    uint32_t bases_count; // durable, out, as the next
    // durable, out
    uint64_t next_seq;     // of the next message; from 1
    uint64_t acked;        // all up to this were received and are durable there
    struct wf_base *bases; // after losses, both numbers rising; or NULL
    struct wf_list unacked;
    // durable, in
    uint64_t in_generation;
    uint64_t seen; // all up to this were received
    // volatile
    uint64_t rows_from;          // sent messages with rows in the store: from
    uint64_t rows_to;            // to, exclusive
    uint64_t sent;               // highest handed to the link in this life
    struct wf_list_node *unsent; // of unacked: the first above it, or NULL
    struct wf_list_node
        *unsaved;       // of unacked: the first without a row, or NULL
    uint64_t resend_ms; // how long to wait for an acknowledgement
    uint64_t ack;       // highest seen that is durable
    bool is_ack_due;
    bool is_ask_due; // for what comes after `seen`
    uint64_t
        asked_ms; // when messages that are missing were asked for; 0: never
    struct wf_alarm resend;
    struct wf_list_node flush; // in the list of routes with frames to make
};

// Another loss; and all of them, as frames and rows have them. route.c
void wf_route_add_base(struct wf_route *route, uint64_t generation,
                       uint64_t seq);
void wf_route_put_bases(const struct wf_route *route, struct wf_buf *out);

// One request of a client that was accepted.
struct wf_answer {
    uint64_t number;
    bool is_answered;
    weft_err err;
    weft_bytes data;            // owned
    struct wf_request *request; // volatile: waits for the answer
};

// What one client asked of this partition lately.
struct wf_window {
    struct wf_object object;
    uint8_t client[16];
    uint64_t confirmed; // every number below was answered and confirmed
    uint64_t heard_ms;
    struct wf_answer *answers; // sorted by number
    size_t count;
    size_t cap;
    bool is_forgotten; // to be removed with its row
};

// A message nobody took, until its row is written.
struct wf_dead_letter {
    struct wf_list_node node;
    uint64_t seq;
    uint32_t len;
    uint8_t bytes[];
};

#endif
