// SPDX-License-Identifier: Apache-2.0
//
// link_local.c - the link within one process: a frame is delivered at once.

#include "transport/link.h"

#include "base/alloc.h"

struct link_local {
    wf_link_deliver_fn *deliver;
    void *ctx;
};

static void
local_send(void *self, uint32_t destination, struct wf_buf *frame)
{
    struct link_local *link = self;

    link->deliver(link->ctx, destination, wf_buf_bytes(frame));
    wf_buf_fini(frame);
}

static void
local_close(void *self)
{
    wf_free(self);
}

struct wf_link
wf_link_local_open(wf_link_deliver_fn *deliver, void *ctx)
{
    static const struct wf_link_ops ops = {
        .send = local_send,
        .close = local_close,
    };
    struct link_local *link = wf_alloc(sizeof(*link));

    link->deliver = deliver;
    link->ctx = ctx;
    return (struct wf_link){.ops = &ops, .self = link};
}
