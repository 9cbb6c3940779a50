// SPDX-License-Identifier: Apache-2.0
//
// letter.h - one message in a mailbox, a record or a frame: encoded bytes that
// are read in place.

#ifndef WF_RUNTIME_LETTER_H
#define WF_RUNTIME_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "base/list.h"
#include "weft/error.h"

// What is in a mailbox. Values are part of the stored format.
enum wf_letter_type {
    WF_LETTER_START = 1, // of a child: data is the input
    WF_LETTER_SIGNAL,
    WF_LETTER_TIMER,    // call: the timer's id
    WF_LETTER_ACTIVITY, // call: the command's id
    WF_LETTER_STEP,     // the same, of an inline step
    WF_LETTER_CHILD,    // call: the call's id
    WF_LETTER_REPLY,    // the same
    WF_LETTER_FAILED,   // the same: it could not be delivered
    WF_LETTER_CANCEL,
    WF_LETTER_UPDATE,    // call: its number
    WF_LETTER_STARTED,   // call: the call's id; data: the child's id
    WF_LETTER_ASKED,     // the same: the child has taken notice of a CANCEL
    WF_LETTER_TERMINATE, // by its parent
};

// A letter, read. Everything is borrowed from its bytes.
struct wf_letter {
    enum wf_letter_type type;
    weft_bytes sender;   // key bytes; empty: a client or the partition itself
    uint64_t sender_run; // stamp of the sender's or, in an answer, of the
                         // receiver's; of a timer or a command, its number;
                         // in a client's cancel, the seed of the life it means
    uint32_t call;       // sender's number for it; 0: no answer is wanted
    weft_bytes client;   // 16 bytes: a client waits for the answer; or empty
    uint64_t number;     // that client's request number
    weft_err err;        // of an answer
    weft_bytes name;     // of signal or timer; of the failure in an answer;
                         // of a start or a cancel: its sender is to be told
    weft_bytes data;     // payload, result or details of the failure
    weft_bytes text;     // message of the failure
    weft_bytes causes;   // of the failure (cause.h)
    weft_bytes options;  // start.h: of a start; of others, its headers only
};

void wf_letter_encode(const struct wf_letter *letter, struct wf_buf *out);
// The same, with its length before it: a field of an operation.
void wf_letter_put(const struct wf_letter *letter, struct wf_buf *out);
// False if malformed.
bool wf_letter_decode(weft_bytes bytes, struct wf_letter *out_letter);

// Its type, without decoding the rest.
static inline enum wf_letter_type
wf_letter_type(weft_bytes bytes)
{
    return bytes.len == 0
               ? 0
               : (enum wf_letter_type)((const uint8_t *)bytes.data)[0];
}

const char *wf_letter_type_name(enum wf_letter_type type);

// A letter that waits in a mailbox.
struct wf_waiting {
    struct wf_list_node node;
    uint64_t seq;
    bool has_row; // it is in the store, in a row of its own
    uint32_t len;
    uint8_t bytes[];
};

struct wf_waiting *wf_waiting_create(uint64_t seq, weft_bytes bytes);

#endif
