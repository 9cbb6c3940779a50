// SPDX-License-Identifier: Apache-2.0
//
// peer_message.h - what two nodes of a cluster say to each other over a link
// (docs/formats/peers.md).
//
// A message may come from anybody who reaches the endpoint. Decoding takes no
// memory, checks all of it, its items too, and refuses it whole.
//
// Threads: none; everything is the caller's.

#ifndef WF_CLUSTER_PEER_MESSAGE_H
#define WF_CLUSTER_PEER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

#define WF_PEER_MESSAGE_BYTES_MAX (20U << 20)
#define WF_PEER_MESSAGE_ITEM_BYTES_MAX (16U << 20)

enum wf_peer_message_type {
    WF_PEER_MESSAGE_HELLO = 1, // a link begins, or asks where it is
    WF_PEER_MESSAGE_WELCOME,   // here
    WF_PEER_MESSAGE_REFUSED,   // it does not
    WF_PEER_MESSAGE_DATA,      // items, numbered
    WF_PEER_MESSAGE_ACK,       // received so far
    WF_PEER_MESSAGE_TYPES_END,
};

// Why a hello is refused.
enum wf_peer_refusal {
    WF_PEER_REFUSAL_NONE,
    WF_PEER_REFUSAL_CLUSTER,     // it is of another cluster
    WF_PEER_REFUSAL_TARGET,      // it means another node than this one
    WF_PEER_REFUSAL_NODE,        // no node of that id is known
    WF_PEER_REFUSAL_INCARNATION, // another process has its id
    WF_PEER_REFUSAL_KEY,         // the key is another node's
    WF_PEER_REFUSAL_PROTOCOL,    // there is no version that both speak
    WF_PEER_REFUSAL_MALFORMED,   // what it sent is no message
    WF_PEER_REFUSAL_COUNT,
};

struct wf_peer_message {
    enum wf_peer_message_type type;
    uint8_t cluster_id[16];
    uint64_t incarnation; // of who sends it
    uint64_t session;     // of the link that it is about
    uint64_t seq; // data: from 1; welcome, ack: the last one received; else 0

    uint32_t round;        // hello; its welcome has the same
    uint32_t protocol_min; // hello
    uint32_t protocol_max; // hello; welcome: the one they speak
    uint32_t record_max;   // hello, welcome: newest record that it reads
    weft_bytes node;       // hello: who it is; texts without a NUL
    weft_bytes to_node;    // hello: whom it means
    uint64_t to_incarnation;
    uint64_t credit;  // welcome, ack: bytes that may be unacknowledged
    uint32_t code;    // refused: a wf_peer_refusal, or a newer one
    weft_bytes text;  // refused: for people
    weft_bytes items; // data
};

// WEFT_ECORRUPT   it is no message; the detail says why
// WEFT_EFORMAT    of a form that this version does not know
weft_err wf_peer_message_decode(weft_bytes bytes,
                                struct wf_peer_message *out_message);
void wf_peer_message_encode(const struct wf_peer_message *message,
                            struct wf_buf *out);

enum wf_peer_item_type {
    WF_PEER_ITEM_FRAME = 1, // from a partition to another (runtime/route.c)
    WF_PEER_ITEM_REQUEST,   // forward_codec.h
    WF_PEER_ITEM_ANSWER,    // the same
    WF_PEER_ITEM_BACK,      // a request comes back: "not mine"
    WF_PEER_ITEM_WITHDRAW,  // nobody wants the answer of a request
    WF_PEER_ITEM_CHANGED,   // the map has changed
#ifdef WF_NEXT
    WF_PEER_ITEM_NEXT, // of protocol 2: nothing
#endif
    WF_PEER_ITEM_TYPES_END,
};

// What travels in a data message. Of one that is read all bytes are borrowed.
struct wf_peer_item {
    enum wf_peer_item_type type;
    uint32_t partition;  // frame, request
    uint64_t call;       // request and what is said of it: the asker's number
    uint32_t attempt;    // of the request: how often it was sent
    bool is_uncertain;   // back: it may have been done
    weft_bytes bytes;    // frame; request, answer: their message
    weft_bytes data;     // request, answer: their payload
    weft_bytes position; // answer: where a page ended
};

void wf_peer_item_encode(const struct wf_peer_item *item, struct wf_buf *out);

// The next item. False: there is none left, or it is malformed, which fails
// the reader (never of what decode let through).
bool wf_peer_item_next(struct wf_reader *items, struct wf_peer_item *out_item);

const char *wf_peer_refusal_text(uint32_t code);

#endif
