// SPDX-License-Identifier: Apache-2.0
//
// codec.h - requests and their answers as messages (docs/formats/wire.md,
// sections 5 to 7), for every verb that is a weft_verb.
//
// Which fields a verb knows is a table in codec_table.c. A request may come
// from anybody: a field that its verb does not know, that comes twice, or has
// the wrong type or size, is an error that names it. An answer comes from a
// node, perhaps a newer one: what is not known there is skipped.
//
// Threads: none; everything is the caller's.

#ifndef WF_REMOTE_CODEC_H
#define WF_REMOTE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "weft/client.h"
#include "weft/error.h"
#include "weft/operate.h"
#include "weft/start.h"

struct wf_request;
struct wf_wire_message;

// The verb's name in messages; NULL: it has none.
const char *wf_codec_verb_name(weft_verb verb);
// False: no weft_verb has that name.
bool wf_codec_verb_find(weft_bytes name, weft_verb *out_verb);

// A request as the gateway gets it. Payloads are borrowed from the frame; all
// else that `request` points to lives until fini.
struct wf_codec_request {
    weft_request request; // number: the message's
    uint64_t confirmed;
    bool is_again;
    uint64_t wait_ms; // of a wait, 0: until it has something to say

    // What `request` points to; private to the codec.
    weft_start_options start;
    weft_call_options options;
    weft_operator by;
    weft_point point;
    struct wf_arena memory;
};

// Decode a request. Only what the message alone can tell is checked: limits of
// names and options are those of weft_client_submit. out_request is set in any
// case, and to be given to fini.
//
// WEFT_ENOTFOUND  no verb of that name is a request
// WEFT_EINVAL     a field is unknown, missing, malformed or there twice; or the
//                 number is 0. The detail names it.
// WEFT_ETOOBIG    a payload or text is over a limit; the same
// WEFT_ENOMEM
weft_err wf_codec_request_decode(const struct wf_wire_message *message,
                                 struct wf_codec_request *out_request);
void wf_codec_request_fini(struct wf_codec_request *request);

// Append the message of a request. Only the fields that its verb knows are
// looked at.
void wf_codec_request_encode(const weft_request *request, uint64_t number,
                             uint64_t confirmed, bool is_again,
                             struct wf_buf *out_frame);

// Append the answer to a request of that verb, under reply->number: "ok" or
// "error".
void wf_codec_reply_encode(weft_verb verb, const weft_reply *reply,
                           struct wf_buf *out_frame);

// Append the error of something that is no weft_request. text may be NULL.
void wf_codec_error_encode(uint64_t number, weft_err err, const char *text,
                           struct wf_buf *out_frame);

// If what was appended since `before` is larger than a message may be, put an
// "error" WEFT_ETOOBIG in its place.
void wf_codec_size_check(uint64_t number, size_t before,
                         struct wf_buf *out_frame);

// The error of that name; WEFT_OK: there is none.
weft_err wf_codec_code_find(weft_bytes name);

// Take over the answer from an "ok" or "error" message. WEFT_OK: `into` has it,
// also if it is an error. A code that this version does not know becomes one of
// its class, and its name begins the text.
//
// WEFT_ECORRUPT  it is no answer of that verb; the detail says why, and `into`
//                has none
weft_err wf_codec_reply_decode(weft_verb verb,
                               const struct wf_wire_message *message,
                               struct wf_request *into);

#endif
