// SPDX-License-Identifier: Apache-2.0
//
// client_as.h - a client that asks for others: each request says whose it is.
// So one client object carries the requests of all who are connected to a node
// from elsewhere.

#ifndef WF_RUNTIME_CLIENT_AS_H
#define WF_RUNTIME_CLIENT_AS_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/client.h"

struct wf_request;

// Whose request it is, and which. What it says of its numbers is believed.
struct wf_client_as {
    const char *name_space;
    uint8_t client_id[16];
    uint64_t number; // not 0
    uint64_t confirmed;
    bool is_again; // it was sent before, and may have been done
    // Of a read: refused with WEFT_EBUSY if its answer is large, and those that
    // nobody has dispatched yet have so many bytes. 0: never.
    uint64_t answers_bytes_max;
};

// weft_client_submit for somebody else. *out_request can be withdrawn
// (node.h) until fn is called, which may look into it unless the client is
// being closed: then it is the node's still.
weft_err wf_client_submit_as(weft_client *client, const struct wf_client_as *as,
                             const weft_request *request, weft_reply_fn *fn,
                             void *ctx, struct wf_request **out_request);

#endif
