// SPDX-License-Identifier: Apache-2.0
//
// source.c - see source.h.

#include "transport/source.h"

#include <errno.h>

#include "base/assert.h"

void
wf_source_init(struct wf_source *source, void *zmq)
{
    size_t len = sizeof(source->fd);
    int rc = zmq_getsockopt(zmq, ZMQ_FD, &source->fd, &len);

    WF_ASSERT(rc == 0);
    source->zmq = zmq;
    source->is_empty = false;
}

bool
wf_source_read(struct wf_source *source, zmq_msg_t *out_frame)
{
    (void)zmq_msg_init(out_frame);
    source->is_empty = false;
    if (zmq_msg_recv(out_frame, source->zmq, ZMQ_DONTWAIT) < 0) {
        source->is_empty = errno == EAGAIN;
        (void)zmq_msg_close(out_frame);
        return false;
    }
    return true;
}

bool
wf_source_may_have_something(const struct wf_source *source)
{
    int events = 0;
    size_t len = sizeof(events);

    return !source->is_empty &&
           (zmq_getsockopt(source->zmq, ZMQ_EVENTS, &events, &len) != 0 ||
            (events & ZMQ_POLLIN) != 0);
}
