// SPDX-License-Identifier: Apache-2.0
//
// cluster_impl.h - what the files of weft/cluster.h share.
//
//   cluster.c            a node of a cluster, from open to close
//   cluster_settings.c   its options, checked and copied
//   cluster_shared.c     what it shares with the others
//   cluster_snapshots.c  copies of its stores, and who makes them
//   cluster_admin.c      what operators ask of the database
//   cluster_routes.c     what clients are told of the map
//   import.c             a stopped node's directory becomes a cluster
//   local.c              a node of a cluster without a database

#ifndef WF_CLUSTER_CLUSTER_IMPL_H
#define WF_CLUSTER_CLUSTER_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/registry.h"
#include "transport/curve.h"
#include "weft/cluster.h"

// weft_cluster_options with its defaults; strings are owned.
struct wf_cluster_settings {
    char *database;
    char *node_id;
    char *endpoint;
    char *service;
    char *declared;          // or NULL
    char *snapshots;         // the same
    uint64_t snapshot_bytes; // 0: the snapshotter's default
    uint32_t snapshot_ms;    // the same
    uint64_t standby_bytes;  // 0: no copies
    struct wf_curve_pair keys;
    uint32_t lease_ms;
    bool require_quorum;
};

// WEFT_EINVAL, and what wf_curve_read says. out_settings is to be given to
// fini, whatever is returned.
weft_err wf_cluster_settings_read(const weft_cluster_options *given,
                                  struct wf_cluster_settings *out_settings);
void wf_cluster_settings_fini(struct wf_cluster_settings *settings);

// Is it a node's name? WEFT_EINVAL: it is not.
weft_err wf_cluster_check_id(const char *node_id);

// Are they those of a node of a cluster?
//
// WEFT_EINVAL   a structure of another build, or what such a node cannot have
// WEFT_EFORMAT  the directory is of a node that ran alone
weft_err wf_cluster_check_node_options(const weft_node_options *options);

// Is it one that other nodes can reach? WEFT_EINVAL: it is not.
weft_err wf_cluster_check_endpoint(const char *endpoint);

// Tell the node's clients where the partitions are.
void wf_cluster_routes_tell(weft_node *node, const struct wf_registry_map *map);

// "quorum", "local", "unsafe" or "unknown".
const char *wf_cluster_durability_name(enum wf_durability durability);

#endif
