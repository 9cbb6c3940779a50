// SPDX-License-Identifier: Apache-2.0
//
// serve.h - serve a node to clients in other processes, over ZeroMQ.
//
// They speak the protocol of docs/formats/wire.md; from C, weft/connect.h. A
// server is a thread beside the node. Nothing that a peer does stops the node
// or makes it grow beyond the limits given here.

#ifndef WEFT_SERVE_H
#define WEFT_SERVE_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"
#include "weft/node.h"

#ifdef __cplusplus
extern "C" {
#endif

// Life:     open -> (drain) -> close, before its node is closed.
// Threads:  any thread may call anything at any time, except close.
typedef struct weft_server weft_server;

typedef void weft_audit_fn(void *ctx, const char *line);

// Start from WEFT_SERVER_OPTIONS_INIT and set what differs; zero always means
// the default given here. What is over a limit is refused with WEFT_EBUSY and
// not done, unless it says otherwise.
typedef struct weft_server_options {
    size_t struct_size;
    // Required: "tcp://127.0.0.1:7400", "ipc:///run/weft.sock"; port 0 is any.
    const char *const *endpoints;
    size_t endpoints_count; // 1 to 8
    // 1: also tcp beyond this machine without keys, where anybody may do
    // anything. Without either, an endpoint that is not of this machine is
    // refused.
    int insecure;
    // Connections at a time, at most half of the process's descriptors; each
    // may cost 28 KiB. More are not taken until there are fewer. Default 1000.
    uint32_t connections_max;
    uint32_t sessions_max; // clients known at a time; default 10000
    // Of each connection: requests that have no answer yet, their bytes, and
    // how many of them may wait (for a result). A client that leaves twice as
    // many answers untaken is cut off. Defaults 1000, 8 MiB, 1000.
    uint32_t credit;
    uint64_t credit_bytes;
    uint32_t waits_max;
    // Of all together: bytes of requests that have no answer yet, and 1 KiB for
    // each of them, default 256 MiB; bytes of answers that were not taken,
    // default 32 MiB, over which those are cut off who have taken least; large
    // ones that the server has not come to may have as many, over which reads
    // are refused with WEFT_EBUSY.
    // Messages that have begun and not ended may have an eighth of bytes_max
    // (of ipc they are not counted).
    uint64_t bytes_max;
    uint64_t answers_bytes_max;
    uint32_t namespace_requests_max; // without answer, of each; default 20000
    uint32_t
        keepalive_ms;  // three times this in silence: cut off; default 10000
    uint32_t hello_ms; // a new connection has so long to say hello; 5000
    // Keys: the file of the server's secret key (keys.h), and that of who may
    // what (docs/security.md). NULL: both; then everybody may do everything.
    const char *server_key_file;
    const char *principals_file;
    // Called with a line of JSON, without its end, for each key that is
    // refused, hello, message that is denied, revocation and reload, and for
    // what operators and admins do. One at a time, on the server's thread or
    // that of a reload; it must be quick, and call nothing of weft. NULL:
    // nobody is told.
    weft_audit_fn *audit;
    void *audit_ctx;
} weft_server_options;

#define WEFT_SERVER_OPTIONS_INIT                                               \
    {                                                                          \
        .struct_size = sizeof(weft_server_options)                             \
    }

// Listen. options are copied.
//
// WEFT_EINVAL  an option is out of range, an endpoint is neither tcp nor ipc,
//              or is not of this machine and there are neither keys nor
//              `insecure`; or something is wrong in a file of keys
// WEFT_ENOTFOUND, WEFT_EDENIED   a file is not there, or must not be read
// WEFT_EBUSY   an endpoint is in use
// WEFT_EIO     no socket can be made
WEFT_API weft_err weft_server_open(weft_node *node,
                                   const weft_server_options *options,
                                   weft_server **out_server);

// Change the limits of a server that runs to those of options, where zero means
// the default again; the other options are not looked at. They hold from the
// next request on. Nobody is cut off for them, and a client that is connected
// keeps the credit that it was told. NULL: the limits stay.
//
// With keys, read the principals_file that it was opened with again: changed
// roles hold from the next message; who is removed, or has lost its namespace,
// is told bye and cut off. Does not wait for that.
//
// WEFT_EINVAL  a limit is out of range, or credit is over what it was opened
//              with, or something is wrong in the file; nothing was changed
// WEFT_ENOTFOUND, WEFT_EDENIED, WEFT_EIO   the file cannot be read; the same
WEFT_API weft_err weft_server_reload(weft_server *server,
                                     const weft_server_options *options);

// Take no new connections and requests, and wait until those that were taken
// are answered, and the answers taken. Waits are ended. Who asks is told that
// the server closes. It stays so until it is closed.
//
// WEFT_ETIMEDOUT  some are not answered after timeout_ms
// WEFT_EINVAL     called from a handler, a workflow, a step or a query
WEFT_API weft_err weft_server_drain(weft_server *server, uint32_t timeout_ms);

// Tell all who are connected, and end; NULL is allowed. What was taken and is
// not answered goes on in the node; its client asks again. From a handler, a
// workflow, a step or a query it does nothing.
WEFT_API void weft_server_close(weft_server *server);

// Endpoint i as it is bound, with its real port; NULL: there are not so many.
// Lives as long as the server.
WEFT_API const char *weft_server_endpoint(const weft_server *server, size_t i);

// Since it was opened, except those that say now.
typedef struct weft_server_stats {
    size_t struct_size;
    uint64_t connections, sessions, requests_open; // now
    uint64_t request_bytes, answer_bytes; // now, without answer; untaken
    uint64_t accepted;                    // connections
    uint64_t turned_away;                 // connections: there were too many
    uint64_t requests;                    // taken
    uint64_t refused;                     // for a limit
    uint64_t malformed;    // connections cut off: it was no message, or endless
    uint64_t slow;         // connections cut off: answers were not taken
    uint64_t silent;       // connections cut off: no hello, no sign of life
    uint64_t replaced;     // connections whose client came by a newer one
    uint64_t disconnected; // connections that ended, for whatever reason
    uint64_t bytes_received, bytes_sent; // of messages
    uint64_t keys_refused;               // connections of unknown keys
    uint64_t denied;                     // hellos and messages, for roles
    uint64_t revoked;                    // connections cut off by a reload
} weft_server_stats;

// Set stats->struct_size first.
WEFT_API weft_err weft_server_get_stats(weft_server *server,
                                        weft_server_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
