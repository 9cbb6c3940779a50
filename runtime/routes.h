// SPDX-License-Identifier: Apache-2.0
//
// routes.h - where clients find the partitions of a cluster: which nodes serve
// some, and which.
//
// A cluster gives its node what it knows, the server of the node tells it to
// clients, and those ask the nodes themselves. It may be old or wrong: any node
// takes any request.
//
// Threads: none of its own.

#ifndef WF_RUNTIME_ROUTES_H
#define WF_RUNTIME_ROUTES_H

#include <stdint.h>

#define WF_ROUTES_NAME_CHARS_MAX 64
#define WF_ROUTES_ENDPOINT_CHARS_MAX 255
#define WF_ROUTES_NODES_MAX 1024 // each has a partition
#define WF_ROUTES_NOBODY (-1)

struct wf_routes_node {
    char name[WF_ROUTES_NAME_CHARS_MAX + 1];
    char endpoint[WF_ROUTES_ENDPOINT_CHARS_MAX + 1];
};

struct wf_routes {
    uint64_t version; // of what it says: its hash, less than 2^53; 0: nothing
    struct wf_routes_node *nodes; // owned
    uint32_t nodes_count;
    int32_t
        *owners; // by partition: index of a node, or WF_ROUTES_NOBODY; owned
    uint32_t partition_count;
};

// Of so many partitions, which nobody has.
void wf_routes_init(struct wf_routes *routes, uint32_t partition_count);
void wf_routes_fini(struct wf_routes *routes); // leaves it empty
void wf_routes_copy(const struct wf_routes *routes, struct wf_routes *out_copy);

// The partition is at that node, if its name and endpoint are short enough and
// there are not too many.
void wf_routes_add(struct wf_routes *routes, uint32_t partition,
                   const char *name, const char *endpoint);
// All are there: say which version it is.
void wf_routes_seal(struct wf_routes *routes);

#endif
