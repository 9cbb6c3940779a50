// SPDX-License-Identifier: Apache-2.0
//
// source.h - a socket of ZeroMQ as something that is read, and waited for.
//
// ZeroMQ's descriptor tells of news only, once: it must be asked first whether
// there is something, unless it has just said that there is nothing and was not
// called since. zmq_poll does not know that, and asks each time, twice, with a
// system call for each.
//
// Threads: that of the socket.

#ifndef WF_TRANSPORT_SOURCE_H
#define WF_TRANSPORT_SOURCE_H

#include <stdbool.h>
#include <zmq.h>

struct wf_source {
    void *zmq;
    int fd;        // its news
    bool is_empty; // it said so, and was not called since
};

void wf_source_init(struct wf_source *source, void *zmq);

// The next frame, to be closed by zmq_msg_close. False: there is none.
bool wf_source_read(struct wf_source *source, zmq_msg_t *out_frame);

// False: there is nothing until the descriptor says otherwise.
bool wf_source_may_have_something(const struct wf_source *source);

#endif
