// SPDX-License-Identifier: Apache-2.0
//
// codec_rig.h - requests and answers with all their fields.

#ifndef WF_TESTS_UNIT_CODEC_RIG_H
#define WF_TESTS_UNIT_CODEC_RIG_H

#include "base/bytes.h"
#include "weft/client.h"
#include "weft/operate.h"

// A request of that verb in which every member is set, also those that the
// verb does not read.
weft_request rig_request(weft_verb verb);

// An answer that has all that any verb's has.
extern const weft_reply rig_reply;
// One that failed, with a failure and two causes.
extern const weft_reply rig_failed;

// Append a frame of that request: number 7, confirmed 5, again.
void rig_frame(weft_verb verb, struct wf_buf *out_frame);

// Change the frame at random, by the state of a generator.
struct wf_random;
void rig_mutate(struct wf_random *random, struct wf_buf *frame);

#endif
