// SPDX-License-Identifier: Apache-2.0
//
// peers.h - the links between this node and the others of its cluster: frames
// between partitions, and requests on their way to the node that has their
// partition (forward.h).
//
// One ROUTER takes what others send; to each node one DEALER goes out, when the
// node comes or there is something for it, and its acknowledgements come back
// on it. Who it is that speaks is known from its key and its hello, never from
// a ROUTER's name.
//
// A link acknowledges what it has received, in memory: that frees the sender's
// window and sets its pace, and nothing else rests on it. That a message has
// its effect once is the partitions' (runtime/route.c). What cannot be sent
// now, because a node is away or slow, is dropped: partitions send it again.
//
// Threads: one of its own. The calls here may come from any.

#ifndef WF_CLUSTER_PEERS_H
#define WF_CLUSTER_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "weft/error.h"

// Of links that this build speaks (docs/formats/peers.md).
#define WF_PEERS_PROTOCOL_MIN 1
#ifdef WF_NEXT // the build after this one, for tests/nodes/upgrade.c
#define WF_PEERS_PROTOCOL_MAX 2
#else
#define WF_PEERS_PROTOCOL_MAX 1
#endif

struct wf_peers;
struct wf_registry_map;
struct wf_request;
struct wf_trace;

struct wf_peers_options {
    const uint8_t *cluster_id; // 16 bytes
    const char *node_id;       // all strings are copied
    const char *endpoint;      // to bind; port 0: any
    const char *secret_key;    // Z85; NULL: no keys at all
    const char *public_key;
    uint32_t partition_count;
    uint64_t window_bytes; // to each node, not yet acknowledged; 64 MiB
    uint32_t record_max;   // newest record format that this node reads; told
    uint32_t protocol_min; // of links; both 0: those of this build
    uint32_t protocol_max;
    struct wf_clock clock;
    const struct wf_trace *trace;

    // A frame has come for a partition. Borrowed.
    void (*deliver)(void *ctx, uint32_t partition, weft_bytes frame);
    // The map says that somebody else has this partition now, or has it again.
    // NULL: nobody is told.
    void (*met)(void *ctx, uint32_t partition);
    // A request of another node, or one that was forwarded and whose partition
    // is here by now: takes it, and calls its done when it is answered. False:
    // this node does not have the partition, and nothing was taken. Its kind
    // may be one that is not registered here.
    bool (*serve)(void *ctx, struct wf_request *request);
    // Nobody wants the answer any more of one that is being served; it is
    // done all the same, some time.
    void (*withdraw)(void *ctx, struct wf_request *request);
    // Another node says that the map has changed, or something that the map
    // does not say: look at it. May come often.
    void (*changed)(void *ctx);
    void *ctx;
};

// Bind, and begin. Which node has which partition says the first map.
//
// WEFT_EINVAL, WEFT_EBUSY   of the endpoint
weft_err wf_peers_create(const struct wf_peers_options *options,
                         uint64_t incarnation, struct wf_peers **out_peers);
// Every request that is under way is answered with WEFT_ECLOSED, on this
// thread. What is served may be done later, also after this. NULL is fine.
void wf_peers_destroy(struct wf_peers *peers);
const char *wf_peers_endpoint(const struct wf_peers *peers); // with its port

// Who is there and has what, from now on; copied. Links to nodes that are gone,
// or have come back as somebody else, end.
void wf_peers_map(struct wf_peers *peers, const struct wf_registry_map *map);
// Another process has this node's id: nobody listens to it any more. All
// requests are answered with WEFT_ECLOSED from now on.
void wf_peers_leave(struct wf_peers *peers);
// Tell all others that the map has changed.
void wf_peers_nudge(struct wf_peers *peers);

// Takes the bytes, and leaves them empty. A frame whose partition nobody has is
// dropped.
void wf_peers_send(struct wf_peers *peers, uint32_t partition,
                   struct wf_buf *frame);
// Takes the request, and calls its done once, on the thread of peers. It goes
// to whoever has its partition, again and again if need be, with the number
// that it has; for as long as nobody has it, it waits. One that `serve` took
// for another node goes back to that: it asks whoever has the partition then.
//
// WEFT_EBUSY   in the answer: too much is under way
void wf_peers_forward(struct wf_peers *peers, struct wf_request *request);
// Of one that was given to wf_peers_forward, perhaps, and is not freed yet.
void wf_peers_withdraw(struct wf_peers *peers, struct wf_request *request);

// Any thread. Of all links together, since the beginning; the first two of
// about now.
struct wf_peers_counts {
    uint64_t up;            // nodes that it can send to
    uint64_t waiting_bytes; // to them, not acknowledged
    uint64_t sent;          // messages
    uint64_t sent_bytes;
    uint64_t resent; // of those sent, such as had been before
    uint64_t received;
    uint64_t received_bytes;
    uint64_t forwarded; // requests of this node's clients, to others
};
void wf_peers_count(const struct wf_peers *peers,
                    struct wf_peers_counts *out_counts);

#endif
