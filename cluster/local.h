// SPDX-License-Identifier: Apache-2.0
//
// local.h - what a node of a cluster without a database has in its place: its
// ledger, in DATA_DIR/ledger, and its exchange with the other nodes.
//
//     DATA_DIR/ledger      storage/ledger.h
//     DATA_DIR/snapshots   of its partitions, unless others are to be used
//     DATA_DIR/moving      files on their way
//
// Threads: open, join and close the caller's, one after another; the rest any.

#ifndef WF_CLUSTER_LOCAL_H
#define WF_CLUSTER_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster/exchange.h"
#include "storage/registry.h"

struct wf_local_options {
    const char *database; // "local:..."
    const char *node_id;
    const char *data_dir;
    const char *snapshots; // as weft_cluster_options has it
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed
    void (*changed)(void *ctx);   // as wf_exchange_options has it
    void *ctx;
};

struct wf_local {
    struct wf_local_options options; // strings are owned
    struct wf_exchange_list list;
    char *ledger_dir;
    uint8_t cluster_id[16];
    uint32_t partition_count;
    struct wf_ledger *ledger;
    struct wf_exchange *exchange;
    struct wf_snapshots files; // of the exchange; ops NULL: none
};

// Open the ledger; a node that has none joins the cluster that others of the
// list are in.
//
// WEFT_ENOTFOUND   none of them answers: wf_local_found makes a new one
// WEFT_EBUSY       another process holds data_dir
// else             as wf_ledger_open
weft_err wf_local_open(const struct wf_local_options *options,
                       struct wf_local **out_local);
void wf_local_close(struct wf_local *local); // NULL is fine
// Nobody is asked or answered any more.
void wf_local_end(struct wf_local *local);
// As registries do; from then on it answers others, and hears them.
//
// WEFT_ELOST   data_dir is an old copy; the detail says who knows more
weft_err wf_local_join(struct wf_local *local, struct wf_registry_node *node);

// Snapshots as this node keeps them; ops NULL: none.
weft_err wf_local_open_snapshots(const struct wf_local *local,
                                 struct wf_snapshots *out_files);
// They are this node's alone, not in a place that others reach.
bool wf_local_has_own_snapshots(const struct wf_local *local);
// The newest map: what is to come here is asked for.
void wf_local_map(struct wf_local *local, const struct wf_registry_map *map);
// May the node run it now? Is that node ready to take it?
bool wf_local_may_take(struct wf_local *local, uint32_t partition);
bool wf_local_may_give(struct wf_local *local, uint32_t partition,
                       const char *node_id);
// Nobody else would miss anything if this node ended; or nobody else is there.
bool wf_local_is_empty(struct wf_local *local);

// Of a new cluster, in a directory that has none (weft_cluster_found).
weft_err wf_local_found(const char *database, uint32_t partition_count,
                        const char *node_id, const char *data_dir);

// A node's own registry; or, local NULL, an operator's of that list.
weft_err wf_registry_ledger_open(struct wf_local *local, const char *database,
                                 struct wf_registry *out_registry);

#endif
