// SPDX-License-Identifier: Apache-2.0
//
// socket.h - ZeroMQ, as far as weft uses it: a ROUTER that serves, a DEALER
// that asks, both with messages of one frame. The files that name libzmq are
// in socket_impl.h.
//
// Nothing here blocks except wf_socket_wait, and nothing is lost in silence:
// what cannot be sent is said. ZeroMQ connects again by itself and loses what
// was under way then; who cares numbers what it sends.
//
// Threads: a context any, a socket one at a time.

#ifndef WF_TRANSPORT_SOCKET_H
#define WF_TRANSPORT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "transport/flight.h"
#include "weft/error.h"

#define WF_ENDPOINT_BYTES_MAX 255 // with its last byte, 0, one more
#define WF_PEER_BYTES_MAX 255
#define WF_SOCKET_FDS_MAX 4 // that wf_socket_wait looks at besides

struct wf_context; // ZeroMQ's own thread, for any number of sockets
struct wf_socket;

// NULL: the system has no descriptors left, or no memory; the detail says so.
struct wf_context *wf_context_create(void);
// After all of its sockets; NULL is fine.
void wf_context_destroy(struct wf_context *context);

enum wf_socket_type { WF_SOCKET_ROUTER, WF_SOCKET_DEALER };

// Zero is the default. Keys are Z85 text, borrowed for the call. A ROUTER that
// has a secret key speaks CURVE alone and asks ZAP about each client; a DEALER
// needs all three.
struct wf_socket_options {
    enum wf_socket_type type;
    uint32_t queue_max;     // messages waiting for each peer; 1,000
    uint32_t receive_max;   // messages of each that were not read; queue_max
    uint32_t message_max;   // bytes; a peer that sends more is cut off; 5 MiB
    uint32_t handshake_ms;  // 3,000; DEALER: also to be connected
    uint32_t backlog;       // ROUTER: connections not yet taken; 128
    uint32_t reconnect_ms;  // DEALER: the first pause; 50
    uint32_t reconnect_max; // ms, the longest; 2,000
    uint32_t heartbeat_ms;  // DEALER: between pings of ZeroMQ's own; 5,000.
                            // It cuts a connection that is silent for three,
                            // and, if this is set, so does the other side
    const char *secret_key;
    const char *public_key;
    const char *server_key; // DEALER: the server's public key
};

weft_err wf_socket_create(struct wf_context *context,
                          const struct wf_socket_options *options,
                          struct wf_socket **out_socket);
void wf_socket_destroy(struct wf_socket *socket); // NULL is fine

// WEFT_EINVAL   it is neither tcp://ADDRESS:PORT nor ipc://PATH, or too long
weft_err wf_socket_check_endpoint(const char *endpoint);

// tcp://ADDRESS:PORT (port 0 or *: any) or ipc://PATH. Several may be bound.
// out_endpoint, of WF_ENDPOINT_BYTES_MAX + 1 bytes, gets it with its real port.
//
// WEFT_EINVAL   it is neither, or not of this machine; or the socket has keys,
//               and its context nobody who says whose are let in (auth.h)
// WEFT_EBUSY    it is in use
weft_err wf_socket_bind(struct wf_socket *socket, const char *endpoint,
                        char *out_endpoint);
// Connect, and connect again whenever it breaks, until it is destroyed.
//
// WEFT_EINVAL   it is neither
weft_err wf_socket_connect(struct wf_socket *socket, const char *endpoint);

// Can nobody from outside of this machine connect to it?
bool wf_socket_is_local(const char *endpoint);

// A ROUTER's name for one connection; as long as that lasts.
struct wf_peer {
    uint8_t len;
    uint8_t bytes[WF_PEER_BYTES_MAX];
};

// One that was received. `frame` and `user` are borrowed from it until fini.
struct wf_message {
    weft_bytes frame;
    struct wf_peer peer; // ROUTER: of whom
    bool is_alone;       // false: it came with other frames, which are dropped
    const char *user;    // its key, as auth.h has it; "" without keys
    bool is_self_named;  // ROUTER: the peer brought its name (names.h)
    _Alignas(8) unsigned char private[64];
};

// False: there is none.
bool wf_socket_receive(struct wf_socket *socket, struct wf_message *out);
void wf_message_fini(struct wf_message *message);
// The descriptor of its connection, which may be closed meanwhile.
int wf_message_fd(const struct wf_message *message);

enum wf_sent {
    WF_SENT,      // ZeroMQ has it; flight counts it until it is in the kernel
    WF_SENT_FULL, // as many as may wait for this peer; nothing was done
    WF_SENT_GONE, // ROUTER: no such connection any more
};

// Takes frame's bytes and leaves it empty, if WF_SENT. peer: of a ROUTER;
// flight may be NULL.
enum wf_sent wf_socket_send(struct wf_socket *socket,
                            const struct wf_peer *peer, struct wf_buf *frame,
                            struct wf_flight *flight);

enum wf_socket_event_type {
    WF_SOCKET_LISTENING,    // fd is the listening one
    WF_SOCKET_ACCEPTED,     // fd is new
    WF_SOCKET_CONNECTED,    // the handshake is done: messages go through
    WF_SOCKET_DISCONNECTED, // fd is closed; of a DEALER: it will try again
    WF_SOCKET_REFUSED,      // DEALER: of its key; it will not try again
    WF_SOCKET_MISMATCHED,   // one side has keys, and the other none
};

struct wf_socket_event {
    enum wf_socket_event_type type;
    int fd; // -1 where it is not known
};

// What became of connections since; false: nothing more.
bool wf_socket_event(struct wf_socket *socket, struct wf_socket_event *out);

// Sleep until there may be a message or an event, or one of the descriptors
// can be read, at most timeout_ms (negative: for ever). Bit i of what it gives:
// fds[i] can be.
uint32_t wf_socket_wait(struct wf_socket *socket, const int *fds,
                        size_t fds_count, int timeout_ms);
// The same of several sockets.
uint32_t wf_socket_wait_any(struct wf_socket *const *sockets, size_t count,
                            const int *fds, size_t fds_count, int timeout_ms);

#endif
