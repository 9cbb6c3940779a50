// SPDX-License-Identifier: Apache-2.0
//
// bundle.c - see bundle.h.

#include "transport/bundle.h"

#include <stdio.h>

#include "base/error.h"

// Reading. --------------------------------------------------------------------

struct wf_bundle_reader
wf_bundle_read(weft_bytes frame, bool is_request)
{
    return (struct wf_bundle_reader){.frame = frame, .is_request = is_request};
}

bool
wf_bundle_has_next(const struct wf_bundle_reader *reader)
{
    return reader->count == 0 || reader->at < reader->frame.len;
}

// What is wrong with one that is not the first is found by its place.
static weft_err
wrong(const struct wf_bundle_reader *reader, weft_err err)
{
    char detail[256];

    if (reader->count == 0) {
        return err;
    }
    (void)snprintf(detail, sizeof(detail), "%s", weft_err_detail());
    return wf_error(err, "message %u of a frame, from byte %zu on: %s",
                    (unsigned)reader->count + 1, reader->at, detail);
}

static weft_err
check_size(const struct wf_bundle_reader *reader)
{
    if (reader->count > WF_BUNDLE_MESSAGES_MAX) {
        return wf_error(WEFT_EINVAL,
                        "a frame has over %d messages, which is too many",
                        WF_BUNDLE_MESSAGES_MAX);
    }
    if (wf_bundle_has_next(reader) && reader->frame.len > WF_BUNDLE_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG,
                        "a frame of several messages has %zu bytes, %u are "
                        "allowed",
                        reader->frame.len, WF_BUNDLE_BYTES_MAX);
    }
    return WEFT_OK;
}

weft_err
wf_bundle_next(struct wf_bundle_reader *reader,
               struct wf_wire_message *out_message, size_t *out_bytes)
{
    const uint8_t *frame = reader->frame.data;
    weft_bytes left =
        weft_bytes_of(frame + reader->at, reader->frame.len - reader->at);
    weft_err err =
        wf_wire_read_first(left, reader->is_request, out_message, out_bytes);

    if (err != WEFT_OK) {
        return wrong(reader, err);
    }
    reader->at += *out_bytes;
    reader->count++;
    return check_size(reader);
}

// Writing. --------------------------------------------------------------------

size_t
wf_bundle_room(const struct wf_bundle *bundle, uint32_t messages_max)
{
    if (bundle->count == 0) {
        return SIZE_MAX;
    }
    return bundle->count >= messages_max ||
                   bundle->frame.len >= WF_BUNDLE_BYTES_MAX
               ? 0
               : WF_BUNDLE_BYTES_MAX - bundle->frame.len;
}

void
wf_bundle_fini(struct wf_bundle *bundle)
{
    wf_buf_fini(&bundle->frame);
    bundle->count = 0;
}
