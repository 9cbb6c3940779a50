// SPDX-License-Identifier: Apache-2.0
//
// gateway_batch.h - the same verb for all instances that a filter matches, for
// a client outside: one page, asked of the node piece by piece.

#ifndef WF_REMOTE_GATEWAY_BATCH_H
#define WF_REMOTE_GATEWAY_BATCH_H

#include "remote/gateway_impl.h"

// Begin one. Its call is the client's; when all is done it is answered and
// destroyed.
//
// WEFT_EINVAL, WEFT_ETOOBIG   the detail names the field
weft_err wf_gateway_batch_begin(struct wf_gateway_call *call,
                                const struct wf_wire_message *message);
// Time has passed: those that go at a rate go on.
void wf_gateway_batch_tick(weft_server *server);

#endif
