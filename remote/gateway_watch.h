// SPDX-License-Identifier: Apache-2.0
//
// gateway_watch.h - subscriptions: a client is told whenever an instance has
// changed.

#ifndef WF_REMOTE_GATEWAY_WATCH_H
#define WF_REMOTE_GATEWAY_WATCH_H

#include "remote/gateway_impl.h"

// The verbs subscribe and unsubscribe.
weft_err wf_gateway_watch_subscribe(struct wf_gateway_call *call,
                                    const struct wf_wire_message *message);
weft_err wf_gateway_watch_unsubscribe(struct wf_gateway_call *call,
                                      const struct wf_wire_message *message);

// Time has passed.
void wf_gateway_watch_tick(weft_server *server);

#endif
