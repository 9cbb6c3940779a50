// SPDX-License-Identifier: Apache-2.0
//
// gateway_stats.h - what node and server have counted, as Prometheus's text.

#ifndef WF_REMOTE_GATEWAY_STATS_H
#define WF_REMOTE_GATEWAY_STATS_H

#include "remote/gateway_impl.h"

// The verb stats.
weft_err wf_gateway_stats_begin(struct wf_gateway_call *call,
                                const struct wf_wire_message *message);
// Answer, if the text is there.
void wf_gateway_stats_look(weft_server *server);
// Waits for the text.
void wf_gateway_stats_fini(weft_server *server);

#endif
