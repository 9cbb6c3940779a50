// SPDX-License-Identifier: Apache-2.0
//
// socket_impl.h - what the files that name libzmq share; nobody else's.
//
//   socket.c           sockets, their endpoints and messages
//   socket_options.c   what a socket is told before it is used
//   source.c           a socket as something that is read, and waited for
//   parcel.c           a frame on its way through ZeroMQ
//   monitor.c          what becomes of connections
//   names.c            what a ROUTER calls its connections
//   auth.c             who is let in: the handler that ZeroMQ asks (ZAP)
//   curve.c            key pairs

#ifndef WF_TRANSPORT_SOCKET_IMPL_H
#define WF_TRANSPORT_SOCKET_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

struct wf_socket_options;

struct wf_context {
    void *zmq;
    void *first;               // socket that starts it, see seed_names
    _Atomic uint32_t monitors; // so far; a name is free again only some time
                               // after its socket was closed
    bool has_auth;
};

// socket.c
// There is none: no descriptor is left, or no memory. Says so, by errno.
weft_err wf_socket_none(void);

// socket_options.c
// WEFT_EINVAL   a key is none
weft_err wf_socket_set_options(void *zmq,
                               const struct wf_socket_options *options);
void wf_socket_set_int(void *zmq, int option, int value);

#endif
