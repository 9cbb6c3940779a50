// SPDX-License-Identifier: Apache-2.0
//
// client_numbers.h - which request numbers of a client are still open.
//
// A number is open from when it is given out until its answer has reached the
// caller. All numbers below `confirmed` are closed, so a partition may forget
// what it answered to them. A call that timed out keeps its number open, so
// that it can be repeated; but nothing is kept open for ever: a number that is
// WF_CLIENT_WINDOW_MAX behind the newest is closed.
//
// Threads: one at a time.

#ifndef WF_RUNTIME_CLIENT_NUMBERS_H
#define WF_RUNTIME_CLIENT_NUMBERS_H

#include <stdint.h>

#include "base/limits.h"

struct wf_client_numbers {
    uint64_t low;  // all below are closed
    uint64_t next; // never given out; low <= next <= low + the window
    uint64_t open[WF_CLIENT_WINDOW_MAX / 64]; // a ring of bits, by number
};

// `first` is the first number to be given out; not 0.
void wf_client_numbers_init(struct wf_client_numbers *numbers, uint64_t first);

// A new number, open.
uint64_t wf_client_numbers_take(struct wf_client_numbers *numbers);

// The caller repeats, or chose, this number (not 0, at most half of what 64
// bits hold): open it, unless it is too old. New numbers come after it.
void wf_client_numbers_reopen(struct wf_client_numbers *numbers,
                              uint64_t number);

// Its answer has reached the caller.
void wf_client_numbers_close(struct wf_client_numbers *numbers,
                             uint64_t number);

// What a request of that number may say is confirmed; at most the number.
uint64_t wf_client_numbers_confirmed(const struct wf_client_numbers *numbers,
                                     uint64_t number);

#endif
