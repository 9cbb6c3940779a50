// SPDX-License-Identifier: Apache-2.0
//
// monitor.h - what ZeroMQ tells of a socket's connections: made, ready, refused
// or gone.
//
// It comes by a pair of sockets of which ZeroMQ's thread writes one. It would
// wait for room, for all of its sockets, and hold what destroying one takes: so
// there is always room, and wf_monitor_next must be called often.
//
// Threads: that of the socket.

#ifndef WF_TRANSPORT_MONITOR_H
#define WF_TRANSPORT_MONITOR_H

#include <stdbool.h>

#include "transport/source.h"
#include "weft/error.h"

struct wf_context;
struct wf_socket_event;

struct wf_monitor {
    void *watched; // socket of ZeroMQ's
    struct wf_source source;
};

// WEFT_ENOMEM, WEFT_EIO   there is no socket left; it is to be closed then too
weft_err wf_monitor_open(struct wf_monitor *monitor, struct wf_context *context,
                         void *watched);
// Before what it watches. One that is all zero is fine.
void wf_monitor_close(struct wf_monitor *monitor);

// False: there is nothing more.
bool wf_monitor_next(struct wf_monitor *monitor, struct wf_socket_event *out);

#endif
