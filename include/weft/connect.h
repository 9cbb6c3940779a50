// SPDX-License-Identifier: Apache-2.0
//
// connect.h - a client of a node in another process: the same calls, over a
// socket (docs/formats/wire.md).
//
// Everything of client.h, find.h and operate.h works as it does beside the
// node. Connections come and go meanwhile, and nodes start again: what has no
// answer is sent again by itself, in order and under its number, so that it is
// done once. A call waits for that as long as its timeout allows; what it says
// then is WEFT_ETIMEDOUT, and the same number may be asked again.
//
// Of a cluster any node does. The client learns from it where everything is,
// and asks the node that has it, at the `service` that it told (cluster.h),
// with the same key_file and server_key; what it cannot ask there it asks at
// `endpoints`. Order and effect are the same on either way, while partitions
// move too. (As Redis Cluster's clients follow its slots.)
//
// What differs from a client beside the node:
//
//   - WEFT_ENOTFOUND for an unknown kind comes as an answer, not from
//     weft_client_submit.
//   - Calls that the node or the way to it will not do come back with:
//       WEFT_EDENIED   not with this key, or not in this namespace
//       WEFT_EFORMAT   the node speaks another version
//       WEFT_EBUSY     another connection has said hello with this client's id,
//                      again and again; nothing is asked any more
//       WEFT_EIO       the same for what was sent before: its outcome is not
//                      known
//       WEFT_ETOOBIG   a message is larger than the node takes (5 MiB), or its
//                      answer would be; the detail has both sizes. Capsules
//                      that are larger, up to 8 MiB, are exported, imported and
//                      forked beside the node only.
//   - weft_client_close drops what was submitted and not sent.

#ifndef WEFT_CONNECT_H
#define WEFT_CONNECT_H

#include <stdint.h>

#include "weft/client.h"
#include "weft/definitions.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_connect_options {
    size_t struct_size;
    // Where the node listens, "tcp://HOST:PORT" or "ipc://PATH". Several are
    // tried in turn; all must be of the same node, or of one cluster.
    const char *const *endpoints;
    size_t endpoints_count; // 1 to 8
    const char *name_space; // default: the first that the node allows
    const char *label;      // up to 127 bytes, for people: logs and lists
    uint32_t timeout_ms;    // of blocking calls; default 30000
    uint8_t client_id[16];  // zero: a new random one
    // 1: return when the node has said hello, within timeout_ms.
    int wait_for_node;
    // CURVE (keys.h): the file of one's own secret key, and the node's public
    // key, as its text or its file. NULL: both, for a node without keys.
    const char *key_file;
    const char *server_key;
    // Whose interceptors see requests and replies; nothing else of it is used.
    // Borrowed until close; NULL: none.
    const weft_definitions *definitions;
    const struct weft_cipher *cipher; // as in weft_client_options
    // 1: ask at `endpoints` alone, and never straight at the node of a cluster
    // that has what is asked for.
    int keep_to_endpoints;
} weft_connect_options;

#define WEFT_CONNECT_OPTIONS_INIT                                              \
    {                                                                          \
        .struct_size = sizeof(weft_connect_options)                            \
    }

// Make a client that connects by itself, in a thread of its own, for as long
// as it is open. Close it with weft_client_close. (As a connection of NATS, it
// outlives its node.)
//
// WEFT_EINVAL   an option is missing or out of range; the detail names it
// WEFT_EINVAL, WEFT_ENOTFOUND, WEFT_EDENIED   of a key: see weft_keys_public
// WEFT_EBUSY    the system gives no more threads, or descriptors
// With wait_for_node also:
// WEFT_ETIMEDOUT  the node did not answer
// WEFT_EDENIED, WEFT_EFORMAT   it did, and will not have this client
WEFT_API weft_err weft_client_connect(const weft_connect_options *options,
                                      weft_client **out_client);

#ifdef __cplusplus
}
#endif

#endif
