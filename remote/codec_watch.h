// SPDX-License-Identifier: Apache-2.0
//
// codec_watch.h - subscribe, its events, and unsubscribe (docs/formats/wire.md,
// section 8). The verb watch is codec.h's.
//
// Memory and errors are those of codec_session.h.

#ifndef WF_REMOTE_CODEC_WATCH_H
#define WF_REMOTE_CODEC_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "weft/client.h"
#include "weft/error.h"

struct wf_wire_message;

struct wf_codec_subscribe {
    weft_target target;
    uint64_t after;
    uint64_t confirmed;
    bool is_again;
};

weft_err wf_codec_subscribe_decode(const struct wf_wire_message *message,
                                   struct wf_arena *memory,
                                   struct wf_codec_subscribe *out_request);
void wf_codec_subscribe_encode(const struct wf_codec_subscribe *request,
                               uint64_t number, struct wf_buf *out_frame);

// An event of a subscription.
struct wf_codec_event {
    weft_description instance;
    weft_bytes values; // published; pairs, as weft_pairs_next reads them
    uint64_t after;
    bool is_last;
};

weft_err wf_codec_event_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_event *out_event);
// What does not fit a message becomes an "error" WEFT_ETOOBIG.
void wf_codec_event_encode(const struct wf_codec_event *event, uint64_t number,
                           struct wf_buf *out_frame);

struct wf_codec_unsubscribe {
    uint64_t subscription; // the number of the subscribe
    uint64_t confirmed;
    bool is_again;
};

weft_err wf_codec_unsubscribe_decode(const struct wf_wire_message *message,
                                     struct wf_arena *memory,
                                     struct wf_codec_unsubscribe *out_request);
void wf_codec_unsubscribe_encode(const struct wf_codec_unsubscribe *request,
                                 uint64_t number, struct wf_buf *out_frame);

#endif
