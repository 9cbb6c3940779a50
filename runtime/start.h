// SPDX-License-Identifier: Apache-2.0
//
// start.h - the options of a start: checked, as bytes, and read back.
//
// The bytes travel with a request or a child's start, and are kept with the
// instance: (V tag, B value) repeated, one for each option that is not the
// default.

#ifndef WF_RUNTIME_START_H
#define WF_RUNTIME_START_H

#include <stdbool.h>

#include "base/bytes.h"
#include "runtime/policy.h"
#include "weft/client.h"
#include "weft/error.h"
#include "weft/start.h"

struct wf_kind;

// Options, read. Bytes are borrowed from what was read.
struct wf_start {
    weft_reuse reuse;
    weft_conflict conflict;
    uint64_t start_delay_ms;
    uint64_t execution_timeout_ms; // 0: none
    uint64_t run_timeout_ms;       // 0: none
    bool has_retry;
    struct wf_policy retry; // its timeouts are zero
    uint32_t version;       // that it stays with; 0: any
    weft_bytes headers;     // pairs.h
    weft_bytes memo;        // the same
    weft_bytes attributes;  // a set (attributes.h); in a child's start only
};

// Append options; NULL appends nothing.
//
// WEFT_EINVAL   a field is out of range; the detail names it
weft_err wf_start_encode(const weft_start_options *options,
                         struct wf_buf *out_bytes);

// The same for a child, with the headers that it inherits (as options), and
// with its attributes: they are for wf_start_split.
//
// WEFT_EINVAL, WEFT_ETOOBIG
weft_err wf_start_of_child(const weft_start_options *options,
                           weft_bytes inherited, struct wf_buf *out_bytes);
// What an instance keeps of the options that a child's start brought.
void wf_start_split(weft_bytes options, struct wf_buf *out_options);

// May the id of an instance that ended so be used again?
bool wf_start_may_reuse(const struct wf_start *start, weft_status ended);

// The options that a request brings: those of a start, or only headers.
weft_err wf_start_of_request(const weft_request *request,
                             struct wf_buf *out_bytes);

// The same options with nothing but their headers; borrowed, and empty if there
// are none.
weft_bytes wf_start_headers(weft_bytes options);

// Headers alone, as options.
void wf_start_put_headers(weft_bytes pairs, struct wf_buf *out_bytes);

// The value of one header; empty if there is none.
weft_bytes wf_start_header(weft_bytes options, const char *name);

// The same options with another memo.
void wf_start_put_memo(weft_bytes options, weft_bytes memo,
                       struct wf_buf *out_bytes);

// False if malformed.
bool wf_start_decode(weft_bytes bytes, struct wf_start *out_start);

// The version of a kind that a start with these options gets; NULL: none.
const struct wf_kind *wf_start_kind(const struct wf_kind *kind,
                                    weft_bytes options);
// Did its start ask for a version?
bool wf_start_is_pinned(weft_bytes options);

// So long after an instant; as far as time goes, if that is further.
uint64_t wf_start_after(uint64_t at_ms, uint64_t ms);
// The same for a timeout; 0, none, if it is 0.
uint64_t wf_start_deadline(uint64_t at_ms, uint64_t timeout_ms);
// Of an instance and its run, which began then: whichever ends it first, or 0.
uint64_t wf_start_first_deadline(weft_bytes options, uint64_t begins_at_ms,
                                 uint64_t run_begins_at_ms);

// Its attributes, as a set (runtime/attributes.h); owned, release its data with
// wf_free.
//
// WEFT_EINVAL, WEFT_ETOOBIG
weft_err wf_start_attributes(const weft_start_options *options,
                             weft_bytes *out_set);

#endif
