// SPDX-License-Identifier: Apache-2.0
//
// codec_session.h - what a connection itself says (docs/formats/wire.md,
// sections 2 and 3): hello and its answer, ping, pong, bye.
//
// What a decoded struct points to is in `memory`, and in the frame. A decode
// function returns WEFT_EINVAL or WEFT_ETOOBIG with a detail that names the
// field; it knows the message's verb already, or it is WEFT_EINVAL too.

#ifndef WF_REMOTE_CODEC_SESSION_H
#define WF_REMOTE_CODEC_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "weft/bytes.h"
#include "weft/error.h"

struct wf_wire_message;

#define WF_CODEC_CLIENT_BYTES 16
#define WF_CODEC_LABEL_BYTES_MAX 127

struct wf_codec_hello {
    uint64_t version;
    weft_bytes client;      // WF_CODEC_CLIENT_BYTES
    const char *name_space; // NULL: the first that the key may use
    const char *label;      // NULL: none
    const char *node;       // only that one is meant; NULL: any
};

// WEFT_EFORMAT  no version that is spoken here; nothing else was looked at
weft_err wf_codec_hello_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_hello *out_hello);
void wf_codec_hello_encode(const struct wf_codec_hello *hello,
                           struct wf_buf *out_frame);

// The "ok" of a hello.
struct wf_codec_welcome {
    uint64_t version;
    const char *server;
    const char *name_space;
    const char *principal;
    const char *const *roles; // ends with NULL; NULL: none are told
    uint64_t credit;
    uint64_t credit_bytes;
    uint64_t waits;
    uint64_t payload_max;
    uint64_t message_max;
    uint64_t keepalive_ms;
    bool is_answered;    // the node knows this client
    const char *node;    // its name in its cluster; "": it has none
    uint32_t partitions; // of the cluster
    uint32_t bundle_max; // messages of one frame; 0: one
};

weft_err wf_codec_welcome_decode(const struct wf_wire_message *message,
                                 struct wf_arena *memory,
                                 struct wf_codec_welcome *out_welcome);
void wf_codec_welcome_encode(const struct wf_codec_welcome *welcome,
                             uint64_t number, struct wf_buf *out_frame);

// Why a node takes no more from a connection. In order of their names.
enum wf_codec_bye {
    WF_CODEC_BYE_UNKNOWN, // of a newer node
    WF_CODEC_BYE_HELLO,
    WF_CODEC_BYE_REPLACED,
    WF_CODEC_BYE_CLOSING,
    WF_CODEC_BYE_KEEPALIVE,
    WF_CODEC_BYE_SLOW,
    WF_CODEC_BYE_REVOKED,
    WF_CODEC_BYE_MALFORMED,
    WF_CODEC_BYE_COUNT,
};

// out_text: never NULL.
weft_err wf_codec_bye_decode(const struct wf_wire_message *message,
                             struct wf_arena *memory,
                             enum wf_codec_bye *out_code,
                             const char **out_text);
void wf_codec_bye_encode(enum wf_codec_bye code, const char *text,
                         struct wf_buf *out_frame);

// A message without fields: "ping", "pong", an "ok" that says nothing more.
weft_err wf_codec_plain_decode(const struct wf_wire_message *message,
                               const char *verb);
void wf_codec_plain_encode(const char *verb, uint64_t number,
                           struct wf_buf *out_frame);

#endif
