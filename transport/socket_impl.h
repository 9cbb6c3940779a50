// SPDX-License-Identifier: Apache-2.0
//
// socket_impl.h - what the files that name libzmq share; nobody else's.
//
//   socket.c   sockets and messages
//   auth.c     who is let in: the handler that ZeroMQ asks (ZAP)
//   curve.c    key pairs
//   names.c    what a ROUTER calls its connections

#ifndef WF_TRANSPORT_SOCKET_IMPL_H
#define WF_TRANSPORT_SOCKET_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wf_context {
    void *zmq;
    void *first;               // socket that starts it, see seed_names
    _Atomic uint32_t monitors; // so far; a name is free again only some time
                               // after its socket was closed
    bool has_auth;
};

#endif
