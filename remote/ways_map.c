// SPDX-License-Identifier: Apache-2.0
//
// ways_map.c - where the partitions are, as home says, and the others that
// follow from it.
//
// Home is asked for one that is not the one we have, and answers when there is
// one; then it is asked again. One that makes no sense is left, and not asked
// for again for a while.

#include <string.h>

#include "base/alloc.h"
#include "remote/codec_map.h"
#include "remote/ways_impl.h"

enum {
    MAP_MS = 100,         // between two maps
    MAP_AGAIN_MS = 10000, // after one that made no sense, or a refusal
};

void
wf_ways_ask_map(struct wf_ways *ways, uint64_t now_ms)
{
    struct wf_buf frame = {0};

    if (!wf_way_is_ready(&ways->home) || ways->is_map_asked ||
        now_ms < ways->map_ms) {
        return;
    }
    ways->map_number = ways->map_number < WF_WAY_NUMBER_MIN
                           ? WF_WAY_NUMBER_MIN
                           : ways->map_number + 1;
    wf_codec_map_encode(ways->routes.version, ways->map_number, &frame);
    ways->is_map_asked =
        wf_connection_send(&ways->home.connection, &frame, now_ms);
    ways->map_ms = now_ms + MAP_MS;
    wf_buf_fini(&frame);
}

void
wf_ways_forget_map(struct wf_ways *ways)
{
    for (uint32_t i = 0; i < ways->routes.nodes_count; i++) {
        if (ways->others[i] != NULL) {
            wf_list_push_back(&ways->leaving, &ways->others[i]->leaving);
        }
    }
    wf_free(ways->others);
    ways->others = NULL;
    wf_routes_fini(&ways->routes);
}

// The one that there is for a node already, or a new one.
static struct wf_ways_other *
other_for(struct wf_ways *ways, const struct wf_routes_node *node)
{
    struct wf_list_node *link = wf_list_first(&ways->leaving);

    for (; link != NULL; link = wf_list_next(&ways->leaving, link)) {
        struct wf_ways_other *other =
            WF_CONTAINER(link, struct wf_ways_other, leaving);

        if (strcmp(other->node.name, node->name) == 0 &&
            strcmp(other->node.endpoint, node->endpoint) == 0) {
            wf_list_remove(&ways->leaving, link);
            return other;
        }
    }
    return wf_ways_make_other(ways, node);
}

static void
take_routes(struct wf_ways *ways, struct wf_routes *routes)
{
    wf_ways_forget_map(ways);
    ways->routes = *routes;
    ways->others =
        wf_calloc((routes->nodes_count + 1) * sizeof(struct wf_ways_other *));
    for (uint32_t i = 0; i < routes->nodes_count; i++) {
        if (strcmp(routes->nodes[i].name, ways->host.node) != 0) {
            ways->others[i] = other_for(ways, &routes->nodes[i]);
        }
    }
    wf_ways_free_leaving(ways, false);
}

void
wf_ways_hear_map(struct wf_ways *ways, const struct wf_wire_message *message,
                 uint64_t now_ms)
{
    struct wf_routes routes = {0};

    if (!ways->is_map_asked || message->number != ways->map_number) {
        return;
    }
    ways->is_map_asked = false;
    if (ways->parts != NULL &&
        wf_codec_routes_decode(message, ways->host.partitions, &routes) ==
            WEFT_OK) {
        take_routes(ways, &routes);
    } else {
        wf_routes_fini(&routes);
        ways->map_ms = now_ms + MAP_AGAIN_MS;
    }
}

// Home may be a node that there was another way to. Its server has ended that
// by this hello; and what it was asked is asked again here.
void
wf_ways_drop_way_to_home(struct wf_ways *ways)
{
    for (uint32_t i = 0; i < ways->routes.nodes_count; i++) {
        bool is_home = strcmp(ways->routes.nodes[i].name, ways->host.node) == 0;

        if (is_home && ways->others[i] != NULL) {
            wf_ways_free_other(ways, ways->others[i]);
            ways->others[i] = NULL;
        } else if (!is_home && ways->others[i] == NULL) {
            ways->others[i] = wf_ways_make_other(ways, &ways->routes.nodes[i]);
        }
    }
    wf_ways_free_leaving(ways, true);
}
