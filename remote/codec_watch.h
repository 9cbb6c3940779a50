// SPDX-License-Identifier: Apache-2.0
//
// codec_watch.h - watch, subscribe and unsubscribe (docs/formats/wire.md,
// section 8), and the state that answers and events have.
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

// A watch, or a subscribe.
struct wf_codec_watch {
    bool is_subscribe; // then without wait_ms
    weft_target target;
    uint64_t after;
    uint64_t wait_ms; // 0: until there is something to say
    uint64_t confirmed;
    bool is_again;
};

weft_err wf_codec_watch_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_watch *out_watch);
void wf_codec_watch_encode(const struct wf_codec_watch *watch, uint64_t number,
                           struct wf_buf *out_frame);

// The "ok" of a watch, or an event of a subscription.
struct wf_codec_watched {
    bool is_event;
    weft_description instance;
    const weft_pair *values; // published since
    size_t values_count;
    uint64_t after;
    bool is_last;
};

weft_err wf_codec_watched_decode(const struct wf_wire_message *message,
                                 struct wf_arena *memory,
                                 struct wf_codec_watched *out_watched);
// What does not fit a message becomes an "error" WEFT_ETOOBIG.
void wf_codec_watched_encode(const struct wf_codec_watched *watched,
                             uint64_t number, struct wf_buf *out_frame);

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
