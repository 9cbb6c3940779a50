// SPDX-License-Identifier: Apache-2.0
//
// names.h - the names that a ROUTER gives to its connections: a zero and a
// number, each one more than the one before.
//
// A peer may bring a name for itself instead. If it is the one that is to be
// given next, libzmq 4.3.4 fails an assertion, so peers must not sit on names
// and wait. Which names may have been given is known: from the first one on, no
// more than there were connections. Any other was brought.

#ifndef WF_TRANSPORT_NAMES_H
#define WF_TRANSPORT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

struct wf_peer;

struct wf_names {
    uint32_t first;
    uint32_t accepted; // connections since
};

// Learn the first name, by a connection of our own that ends at once. The
// ROUTER is not bound yet; both pointers are ZeroMQ's.
//
// WEFT_EIO   it did not work
weft_err wf_names_learn(struct wf_names *names, void *context, void *router);

// May it be a name that was given? What a connection says may be read before
// its acceptance was counted, so a few more are let pass; nobody who brings a
// name knows which.
bool wf_names_is_given(const struct wf_names *names,
                       const struct wf_peer *peer);

#endif
