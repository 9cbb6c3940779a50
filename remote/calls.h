// SPDX-License-Identifier: Apache-2.0
//
// calls.h - what a remote client has asked and has no answer to.
//
//     add --> waits to be sent --next--> sent --answer--> given back
//                    ^                     |
//                    +------ again --------+   a new connection
//
// What waits is sent in order of its numbers, as far as the node's credit goes.
// A wait that has to wait itself is overtaken by other calls, nothing else is.
//
// A connection begins slowly: a few are sent, and twice as many with each round
// of answers. One that breaks soon has then brought some of them nevertheless,
// while everything at once would be sent again and again for nothing. Calls
// that are not answered for long hold up the others only until the node shows
// that it got them.
//
// A number that is asked twice at a time is asked once after the other.
//
// Threads: one, the client's own.

#ifndef WF_REMOTE_CALLS_H
#define WF_REMOTE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/table.h"
#include "weft/error.h"

struct wf_request;

// What may be unanswered at a time, as hello said (docs/formats/wire.md).
struct wf_calls_credit {
    uint64_t requests;
    uint64_t bytes;
    uint64_t waits;
    uint64_t message_max; // bytes of one
};

struct wf_calls_call;

struct wf_calls {
    struct wf_table by_number;  // of struct wf_calls_call
    struct wf_heap unsent;      // those that wait to be sent
    struct wf_heap unsent_wait; // the same, of waits
    struct wf_calls_credit credit;
    struct wf_calls_credit used;
    uint64_t pace; // so many may be sent without an answer, by now
    struct wf_calls_call *appended; // since wf_calls_sent
    // One of them has its answer, and is about to be done. NULL: nobody asks.
    void (*over)(void *ctx, const struct wf_request *request);
    void *over_ctx;
};

void wf_calls_init(struct wf_calls *calls);
void wf_calls_fini(struct wf_calls *calls); // there are none

// Takes the request. Its data is the map of its fields.
void wf_calls_add(struct wf_calls *calls, struct wf_request *request);

// Append the next message that may be sent now, if it has no more than so many
// bytes. False: there is none. What can never be sent is answered.
bool wf_calls_next(struct wf_calls *calls, struct wf_buf *out_frame,
                   size_t bytes_max);
// All that were appended since were taken by the connection; or not, and are
// next again.
void wf_calls_sent(struct wf_calls *calls, bool are_taken);

// The request of that number that was sent; NULL: there is none.
struct wf_request *wf_calls_find(const struct wf_calls *calls, uint64_t number);
// It is answered, and goes to its done.
void wf_calls_done(struct wf_calls *calls, uint64_t number);
// What came for it made no sense: it is sent again after wf_calls_again, or
// answered when that was so too often.
void wf_calls_spoil(struct wf_calls *calls, uint64_t number, const char *why);

// A connection begins: nothing is sent, and there is this credit.
void wf_calls_again(struct wf_calls *calls,
                    const struct wf_calls_credit *credit);

// They go on another way, where none of them is sent yet.
void wf_calls_move(struct wf_calls *from, struct wf_calls *to);
// Show each to `see`, in no order.
void wf_calls_each(const struct wf_calls *calls,
                   void (*see)(void *ctx, struct wf_request *request),
                   void *ctx);

// All that was sent has reached the node, which says no more of it yet.
void wf_calls_arrived(struct wf_calls *calls);

// Give back what nobody waits for and was not sent.
void wf_calls_drop_left(struct wf_calls *calls);

// Answer all. What may have been done gets WEFT_EIO in place of err, for its
// outcome is not known.
void wf_calls_fail(struct wf_calls *calls, weft_err err, const char *detail);

static inline bool
wf_calls_has_any(const struct wf_calls *calls)
{
    return calls->by_number.count > 0;
}

// Is one sent, and not answered?
static inline bool
wf_calls_is_waiting(const struct wf_calls *calls)
{
    return calls->used.requests > 0;
}

// Would more be sent if the node showed that it got what was?
bool wf_calls_is_paced(const struct wf_calls *calls);

#endif
