// SPDX-License-Identifier: Apache-2.0
//
// codec_same.h - is what came out of a message what was put into it?

#ifndef WF_TESTS_UNIT_CODEC_SAME_H
#define WF_TESTS_UNIT_CODEC_SAME_H

#include "remote/codec.h"
#include "transport/wire.h"
#include "weft/attributes.h"

// The message that a frame is; the test fails if it is none.
struct wf_wire_message rig_read(const struct wf_buf *frame);

// Decode the message that a frame is. out is to be given to fini.
weft_err rig_decode(const struct wf_buf *frame, struct wf_codec_request *out);

// What the verb does not read is as if it was never set.
void rig_same_request(const weft_request *got, const weft_request *given);
void rig_same_value(const weft_attribute *got, const weft_attribute *given);
void rig_same_attributes(const weft_attribute *got, size_t got_count,
                         const weft_attribute *given, size_t given_count);

#endif
