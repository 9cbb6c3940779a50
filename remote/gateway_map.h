// SPDX-License-Identifier: Apache-2.0
//
// gateway_map.h - telling clients where the partitions of a cluster are.
//
// A connection asks for a map that is not the one it has, and is told once,
// now or when there is one. It is no request: it takes no credit.

#ifndef WF_REMOTE_GATEWAY_MAP_H
#define WF_REMOTE_GATEWAY_MAP_H

#include "remote/gateway_impl.h"

// The verb map, of a peer that has a session.
void wf_gateway_map_ask(weft_server *server, struct wf_gateway_peer *peer,
                        const struct wf_wire_message *message);
// Time has passed: tell who waits, if there is another map.
void wf_gateway_map_tick(weft_server *server);

#endif
