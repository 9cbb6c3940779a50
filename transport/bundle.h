// SPDX-License-Identifier: Apache-2.0
//
// bundle.h - several messages of the wire protocol in one frame, one behind the
// other (docs/formats/wire.md, section 15). What a frame costs both sides, and
// ZeroMQ's threads between them, is then shared by all of them.
//
// Threads: none; everything is the caller's.

#ifndef WF_TRANSPORT_BUNDLE_H
#define WF_TRANSPORT_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "transport/wire.h"
#include "weft/bytes.h"
#include "weft/error.h"

// Of a frame with more than one message: so that reading it takes no long time.
#define WF_BUNDLE_MESSAGES_MAX 256
#define WF_BUNDLE_BYTES_MAX (64U << 10)

// Reading. --------------------------------------------------------------------

struct wf_bundle_reader {
    weft_bytes frame; // borrowed
    size_t at;
    uint32_t count; // of messages that were read
    bool is_request;
};

// is_request: a client sent it, as wf_wire_read_request has it.
struct wf_bundle_reader wf_bundle_read(weft_bytes frame, bool is_request);

// Before the first message, and while there are bytes left.
bool wf_bundle_has_next(const struct wf_bundle_reader *reader);

// The next message, borrowed from the frame, and how many bytes it has.
//
// WEFT_EINVAL   it is no message, as wf_wire_read says; or there are too many
// WEFT_ETOOBIG  it is too large, or there are several, and all of them are
weft_err wf_bundle_next(struct wf_bundle_reader *reader,
                        struct wf_wire_message *out_message, size_t *out_bytes);

// Writing. --------------------------------------------------------------------

// All zero is an empty one. Whoever appends a message to the frame counts it.
struct wf_bundle {
    struct wf_buf frame;
    uint32_t count;
};

// How many bytes one more message may have. The first one may have any.
size_t wf_bundle_room(const struct wf_bundle *bundle, uint32_t messages_max);

void wf_bundle_fini(struct wf_bundle *bundle); // it is empty then

#endif
