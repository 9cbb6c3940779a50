// SPDX-License-Identifier: Apache-2.0
//
// forward_codec.h - a request on its way to another node, and its answer, as
// messages of transport/wire.h (docs/formats/peers.md, section 3).
//
// A request is what the client has made and the partition takes, not what the
// caller wrote: it is checked here all the same, since a partition takes what
// it gets for good. What carries most bytes travels beside the message.
//
// Threads: none; everything is the caller's.

#ifndef WF_CLUSTER_FORWARD_CODEC_H
#define WF_CLUSTER_FORWARD_CODEC_H

#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

struct wf_request;

// Append the message; the payload is request->data.
void wf_forward_codec_request_encode(const struct wf_request *request,
                                     struct wf_buf *out);
// The request, to be destroyed; *out_request is NULL if it fails.
//
// WEFT_EINVAL   it is no request, or not one of that partition; the detail says
//               why
weft_err wf_forward_codec_request_decode(weft_bytes message, weft_bytes data,
                                         uint32_t partition,
                                         uint32_t partition_count,
                                         struct wf_request **out_request);

// The answer: what goes into the message is appended, the payload and where a
// page ended are borrowed from the request.
void wf_forward_codec_answer_encode(struct wf_request *request,
                                    struct wf_buf *out, weft_bytes *out_data,
                                    weft_bytes *out_position);
// WEFT_ECORRUPT   it is no answer to this request, which has none then
weft_err wf_forward_codec_answer_decode(weft_bytes message, weft_bytes data,
                                        weft_bytes position,
                                        struct wf_request *into);

#endif
