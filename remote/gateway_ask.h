// SPDX-License-Identifier: Apache-2.0
//
// gateway_ask.h - what the server asks of its node for itself, to do what a
// client asked: under an id of its own, so that no client's numbers are used.

#ifndef WF_REMOTE_GATEWAY_ASK_H
#define WF_REMOTE_GATEWAY_ASK_H

#include "remote/gateway_impl.h"

// weft_client_submit in a namespace. fn is called from the server's thread, or
// when the server is closed, with its mode WF_GATEWAY_CLOSING. *out_request can
// be withdrawn (node.h) until then; may be NULL.
weft_err wf_gateway_ask(weft_server *server, const char *name_space,
                        const weft_request *request, weft_reply_fn *fn,
                        void *ctx, struct wf_request **out_request);

#endif
