// SPDX-License-Identifier: Apache-2.0
//
// routes.c - see routes.h.

#include "runtime/routes.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"

#define VERSION_BITS 53 // whole numbers that every language has

void
wf_routes_init(struct wf_routes *routes, uint32_t partition_count)
{
    *routes = (struct wf_routes){.partition_count = partition_count};
    routes->owners = wf_alloc(partition_count * sizeof(*routes->owners));
    for (uint32_t i = 0; i < partition_count; i++) {
        routes->owners[i] = WF_ROUTES_NOBODY;
    }
}

void
wf_routes_fini(struct wf_routes *routes)
{
    wf_free(routes->nodes);
    wf_free(routes->owners);
    *routes = (struct wf_routes){0};
}

void
wf_routes_copy(const struct wf_routes *routes, struct wf_routes *out_copy)
{
    *out_copy = *routes;
    if (routes->nodes_count > 0) {
        out_copy->nodes = wf_memdup(routes->nodes, routes->nodes_count *
                                                       sizeof(*routes->nodes));
    }
    if (routes->partition_count > 0) {
        out_copy->owners = wf_memdup(
            routes->owners, routes->partition_count * sizeof(*routes->owners));
    }
}

static int32_t
find(const struct wf_routes *routes, const char *name)
{
    for (uint32_t i = 0; i < routes->nodes_count; i++) {
        if (strcmp(routes->nodes[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return WF_ROUTES_NOBODY;
}

static int32_t
add_node(struct wf_routes *routes, const char *name, const char *endpoint)
{
    struct wf_routes_node *node;

    if (strlen(name) > WF_ROUTES_NAME_CHARS_MAX ||
        strlen(endpoint) > WF_ROUTES_ENDPOINT_CHARS_MAX ||
        routes->nodes_count == WF_ROUTES_NODES_MAX) {
        return WF_ROUTES_NOBODY;
    }
    routes->nodes = wf_realloc(routes->nodes, (routes->nodes_count + 1) *
                                                  sizeof(*routes->nodes));
    node = &routes->nodes[routes->nodes_count];
    *node = (struct wf_routes_node){{0}, {0}}; // its padding is hashed too
    memcpy(node->name, name, strlen(name) + 1);
    memcpy(node->endpoint, endpoint, strlen(endpoint) + 1);
    return (int32_t)routes->nodes_count++;
}

void
wf_routes_add(struct wf_routes *routes, uint32_t partition, const char *name,
              const char *endpoint)
{
    int32_t node = find(routes, name);

    WF_ASSERT(partition < routes->partition_count);
    routes->owners[partition] =
        node == WF_ROUTES_NOBODY ? add_node(routes, name, endpoint) : node;
}

void
wf_routes_seal(struct wf_routes *routes)
{
    uint64_t hash = wf_hash64(
        routes->owners, routes->partition_count * sizeof(*routes->owners), 0);

    hash = wf_hash64(routes->nodes,
                     routes->nodes_count * sizeof(*routes->nodes), hash);
    hash >>= 64 - VERSION_BITS;
    routes->version = hash == 0 ? 1 : hash;
}
