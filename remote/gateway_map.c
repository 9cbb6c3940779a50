// SPDX-License-Identifier: Apache-2.0
//
// gateway_map.c - see gateway_map.h.

#include "remote/gateway_map.h"

#include "base/error.h"
#include "remote/codec.h"
#include "remote/codec_map.h"
#include "runtime/node.h"

static void
tell(weft_server *server, struct wf_gateway_peer *peer)
{
    peer->is_map_asked = false;
    wf_codec_routes_encode(&server->routes, peer->map_number, &server->out);
    wf_codec_size_check(peer->map_number, 0, &server->out);
    wf_gateway_peer_send(server, peer);
}

void
wf_gateway_map_ask(weft_server *server, struct wf_gateway_peer *peer,
                   const struct wf_wire_message *message)
{
    struct wf_access_request access = {.verb = message->verb};
    uint64_t after = 0;
    weft_err err = wf_codec_map_decode(message, &after);

    if (err == WEFT_OK) {
        err =
            wf_access_check(server->access, peer->user, &peer->guest, &access);
    }
    if (err == WEFT_OK && wf_node_name(server->node)[0] == '\0') {
        err = wf_error(WEFT_ENOTFOUND, "this node has no cluster");
    }
    if (err == WEFT_OK && wf_gateway_peer_is_choked(server, peer)) {
        err =
            wf_error(WEFT_EBUSY, "answers that were not taken are in the way");
    }
    if (err != WEFT_OK) {
        wf_gateway_call_refuse(server, peer, message->number, err);
        return;
    }
    wf_gateway_map_tick(server);
    peer->is_map_asked = true;
    peer->map_number = message->number;
    if (server->routes.version != after) {
        tell(server, peer);
    }
}

void
wf_gateway_map_tick(weft_server *server)
{
    struct wf_list_node *node = wf_list_first(&server->heard);

    if (wf_node_routes_version(server->node) == server->routes.version) {
        return;
    }
    wf_routes_fini(&server->routes);
    wf_node_copy_routes(server->node, &server->routes);
    while (node != NULL) {
        struct wf_gateway_peer *peer =
            WF_CONTAINER(node, struct wf_gateway_peer, heard);

        node = wf_list_next(&server->heard, node);
        if (peer->state == WF_GATEWAY_GREETED && peer->is_map_asked) {
            tell(server, peer);
        }
    }
}
