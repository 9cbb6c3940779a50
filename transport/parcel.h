// SPDX-License-Identifier: Apache-2.0
//
// parcel.h - a frame on its way through ZeroMQ.
//
// ZeroMQ says when it will not take a message, but not what became of those it
// took: they may wait in a pipe for a reader that never reads. So each is a
// parcel of our own memory, which ZeroMQ gives back (on its own thread) when it
// is in the kernel or its connection is gone; flight.h counts those.

#ifndef WF_TRANSPORT_PARCEL_H
#define WF_TRANSPORT_PARCEL_H

#include "transport/socket.h"

// Takes the frame's bytes and leaves it empty, if WF_SENT. flight may be NULL.
enum wf_sent wf_parcel_send(void *zmq, struct wf_buf *frame,
                            struct wf_flight *flight);

#endif
