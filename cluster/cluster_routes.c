// SPDX-License-Identifier: Apache-2.0
//
// cluster_routes.c - the map of a cluster, as clients are told it: where nodes
// serve clients, and what they have (runtime/routes.h).
//
// A node that told no `service` is left out, and so is an owner that has come
// back as somebody else, for it has nothing.

#include "cluster/cluster_impl.h"
#include "runtime/node.h"
#include "runtime/routes.h"

void
wf_cluster_routes_tell(weft_node *node, const struct wf_registry_map *map)
{
    struct wf_routes routes;

    wf_routes_init(&routes, map->parts_count);
    for (uint32_t i = 0; i < map->parts_count; i++) {
        const struct wf_registry_part *part = &map->parts[i];
        const struct wf_registry_node *owner;

        if (part->owner < 0 || (uint32_t)part->owner >= map->nodes_count) {
            continue;
        }
        owner = &map->nodes[part->owner];
        if (owner->service[0] != '\0' &&
            owner->incarnation == part->owner_incarnation) {
            wf_routes_add(&routes, i, owner->id, owner->service);
        }
    }
    wf_routes_seal(&routes);
    if (routes.version != wf_node_routes_version(node)) {
        wf_node_set_routes(node, &routes);
    }
    wf_routes_fini(&routes);
}
