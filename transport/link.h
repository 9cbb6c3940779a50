// SPDX-License-Identifier: Apache-2.0
//
// link.h - how frames get from one partition to another. A seam: link_local.c
// is within one process, the simulator's loses, doubles and reorders, and
// link_zmq.c is between nodes.
//
// A link promises nothing: a frame may be lost, come twice or late. Sequence
// numbers, acknowledgements and resending are the partitions'
// (runtime/route.c).
//
// Threads: send from any; a link delivers on threads of its own choosing.

#ifndef WF_TRANSPORT_LINK_H
#define WF_TRANSPORT_LINK_H

#include <stdint.h>

#include "base/bytes.h"

// A frame has arrived for a partition of this node. Borrowed for the call.
typedef void wf_link_deliver_fn(void *ctx, uint32_t destination,
                                weft_bytes frame);

struct wf_link_ops {
    // Takes the bytes (and leaves *frame empty), whatever becomes of them.
    void (*send)(void *self, uint32_t destination, struct wf_buf *frame);
    void (*close)(void *self);
};

struct wf_link {
    const struct wf_link_ops *ops;
    void *self;
};

// Deliver at once, on the sender's thread.
struct wf_link wf_link_local_open(wf_link_deliver_fn *deliver, void *ctx);

#endif
