// SPDX-License-Identifier: Apache-2.0
//
// cluster.h - run a node as one of several, which share a PostgreSQL database,
// or, for those who have none, each its own disk.
//
// The database keeps the log of every partition, who is there, and who has
// which partition; a node's own directory is a copy that can be made again.
// What a node acknowledges is as durable as the database says (see
// require_quorum). If a node is lost, the others go on with its partitions when
// its lease is over, and nothing that was acknowledged is lost or done twice.
// Activities may run again, as after any crash.
//
// Everything else is as on a node that is alone: the same definitions, clients
// and servers. Any node takes any call, and sends it to the one that has the
// actor. All nodes should have the same definitions.

#ifndef WEFT_CLUSTER_H
#define WEFT_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"
#include "weft/node.h"

#ifdef __cplusplus
extern "C" {
#endif

// Start from WEFT_CLUSTER_OPTIONS_INIT and set what differs; zero always means
// the default given here.
typedef struct weft_cluster_options {
    size_t struct_size;
    // Required: what libpq takes, "postgres://weft@db1,db2/weft" or words like
    // "host=db1 dbname=weft"; of several hosts the one that takes writes is
    // used. Not behind a pooler that shares sessions.
    // Without a database: "local:a=tcp://10.0.0.1:7600,b=tcp://10.0.0.2:7600",
    // where nodes answer each other, this one among them. Each partition's log
    // is then on its node's disk alone (weft_cluster_found): partitions move by
    // plan only, and one whose node is away waits for that node, however long.
    // With "?key_file=PATH" at its end all links between nodes are encrypted,
    // by the one pair of keys that they and their operators have; without it
    // nodes must trust their network. No key_file, require_quorum or
    // declared_durability of their own.
    const char *database;
    // Required: this node's name, of 1 to 64 letters, digits, '-', '_' and '.'.
    // A process that opens under a name that another one uses replaces it.
    const char *node_id;
    // Required: "tcp://ADDRESS:PORT" that this node binds and the others reach.
    const char *endpoint;
    // Where clients reach this node, for others to tell them; default: unknown.
    const char *service;
    // Secret key (keys.h) of this node. With it, links between nodes are
    // encrypted, and only nodes that are registered with a key are let in.
    // Without it, whoever reaches the endpoint may say anything: that is for
    // one machine, or a network of one's own.
    const char *key_file;
    // Others may take this node's partitions when it has not renewed its lease
    // for so long; 1,000 to 3,600,000; default 10,000.
    uint32_t lease_ms;
    // 1: commit nothing while the database would not replicate it to a second
    // machine before it answers.
    int require_quorum;
    // "quorum" or "local": what the database promises, where it cannot be asked
    // (a service that replicates below SQL); it is then believed.
    const char *declared_durability;
    // Where snapshots of partitions are kept, the same for all nodes: "pg:", in
    // the database itself, the default, good for some GB; "dir:/PATH", a
    // directory that every node reaches under that path; "s3://BUCKET/PREFIX",
    // with credentials from the environment (docs/cluster.md has all of it); or
    // "none". One is made
    // after snapshot_bytes of a partition's log, or snapshot_ms if anything was
    // committed; the database then keeps no log from before the last but one.
    // With "none" it keeps all.
    const char *snapshots;
    uint64_t snapshot_bytes; // default 64 MiB
    uint32_t snapshot_ms;    // default 600,000; at least 100
    // Keep warm copies of partitions that other nodes have, each on one node,
    // so that they are taken in no time when their node is lost: its log is
    // read on each second. So many bytes of log are held in memory for that at
    // most; 0, the default: none. The same for all nodes; not without a
    // database.
    uint64_t standby_bytes;
} weft_cluster_options;

#define WEFT_CLUSTER_OPTIONS_INIT                                              \
    {                                                                          \
        .struct_size = sizeof(weft_cluster_options)                            \
    }

// Open a node as weft_node_open does, as one of a cluster. It has no partition
// when this returns; it takes its share as others give theirs, within seconds.
// Calls that come before wait. partition_count and store_count of `node` are
// not looked at: they are the cluster's. Closed by weft_node_close, which hands
// its partitions to the others.
//
// WEFT_EINVAL     an option is missing or out of range; the detail names it
// WEFT_ENOTFOUND  the database has no cluster: weft_cluster_init makes one
// WEFT_EFORMAT    it is of a newer version, or has records of one; or data_dir
//                 is of another cluster, or of a node that ran alone
// WEFT_EBUSY      the endpoint is in use, or another process holds data_dir
// WEFT_EIO        the database cannot be reached, or is not good enough (a
//                 pooler, a standby); the detail has its own words
// else            as weft_node_open
//
// Blocks while it asks the database.
WEFT_API weft_err weft_cluster_open(const weft_cluster_options *cluster,
                                    const weft_node_options *node,
                                    weft_node **out_node);

// For operators, from any process. ------------------------------------------
//
// All of these ask the database, and wait for it.

// Make a database ready, or bring what an older version made up to date.
// partition_count: 1 to 1024, for ever; 0: 64. Fine if it is ready.
//
// WEFT_EEXISTS  it has a cluster with another partition_count
// WEFT_EFORMAT  it is of a newer version
// WEFT_EIO      it cannot be reached, or refuses; the detail has its own words
WEFT_API weft_err weft_cluster_init(const char *database,
                                    uint32_t partition_count);

// Make `data_dir`, which has none, the directory of that node in a new cluster
// without a database: "local:..." as in weft_cluster_options. To be called once
// for each node of the list, on its machine, with the same list and count (0:
// 64); they share the partitions evenly. A node that joins later needs it not:
// it asks those of its list. Fine if it is that already.
//
// WEFT_EEXISTS  it is another node's, or of another cluster
// WEFT_EINVAL   it is no such list, or the node is not in it
// WEFT_EBUSY    another process holds data_dir
// WEFT_EIO
WEFT_API weft_err weft_cluster_found(const char *database,
                                     uint32_t partition_count,
                                     const char *node_id, const char *data_dir);

// So many of `total` partitions are there.
typedef void weft_cluster_progress_fn(void *ctx, uint32_t done, uint32_t total);

// Move the directory of a node that ran alone, and is stopped, into a cluster
// that nobody has used yet, with the same partition_count: instances,
// mailboxes, timers, request windows and all. No code of them runs. The
// directory becomes DATA_DIR.imported, and can be removed when the cluster
// runs. If it ends early, call it again: it goes on. DATA_DIR.import is used
// meanwhile, and needs some of the room that the directory takes.
//
// snapshots   as in weft_cluster_options; not "none"
// progress    called on this thread now and then; or NULL
//
// WEFT_EINVAL   another partition_count
// WEFT_EBUSY    a node of the cluster runs, or somebody holds data_dir
// WEFT_EEXISTS  the cluster has been used
// else          as weft_inspect_open, about data_dir; as weft_cluster_open
WEFT_API weft_err weft_cluster_import(const char *database,
                                      const char *data_dir,
                                      const char *snapshots,
                                      weft_cluster_progress_fn *progress,
                                      void *ctx);

typedef struct weft_cluster_node {
    const char *id;
    const char *endpoint;
    const char *service;  // "" if it told none
    uint64_t incarnation; // how many processes had this name
    int is_live;          // its lease runs
    int is_draining;
    int64_t lease_ms; // that are left; negative: over for so long
    uint32_t partitions;
} weft_cluster_node;

typedef struct weft_cluster_partition {
    uint64_t epoch;     // how often it was taken
    const char *owner;  // NULL: nobody who is live, or it is on its way;
                        // without a database its node, though that is away
    const char *target; // who is to have it next; NULL: it stays
    uint64_t commits;   // in its log so far
    uint64_t snapshot;  // first commit that the newest snapshot needs; 0: none
    uint64_t lag;     // commits that a node without a copy would read beside it
    const char *copy; // node that keeps a warm copy (standby_bytes); NULL
    uint64_t copy_lag; // commits that the copy has not read yet
} weft_cluster_partition;

typedef struct weft_cluster_status {
    size_t struct_size;
    char id[33];            // of the cluster, in hexadecimal
    const char *durability; // "quorum", "local", "unsafe" or "unknown"
    int is_planned; // no database: nobody takes over what a lost node has
    const weft_cluster_node *nodes;
    size_t nodes_count;
    const weft_cluster_partition *partitions;
    size_t partitions_count;
} weft_cluster_status;

// Errors are those of weft_cluster_open. Free it with
// weft_cluster_status_free.
WEFT_API weft_err weft_cluster_look(const char *database,
                                    weft_cluster_status **out_status);
WEFT_API void weft_cluster_status_free(weft_cluster_status *status);

// A node is to give all its partitions to others, and takes none; is_on 0: it
// takes part again. Returns when that is written down; weft_cluster_look tells
// how far it is.
//
// WEFT_ENOTFOUND  there is no node of that name
WEFT_API weft_err weft_cluster_drain(const char *database, const char *node_id,
                                     int is_on);

// A node is gone for good: it leaves the list. It goes by itself when its lease
// is over for 30 days and it has no partition. If one of its name comes again,
// it is new.
//
// WEFT_ENOTFOUND  there is no node of that name
// WEFT_EBUSY      its lease runs, or nobody has taken its partitions yet
// WEFT_EINVAL     without a database no name is ever forgotten
WEFT_API weft_err weft_cluster_forget(const char *database,
                                      const char *node_id);

// A partition is to go to this node, and to stay there; NULL: to wherever
// there is room.
//
// WEFT_ENOTFOUND  there is no such live node
// WEFT_EINVAL     there is no such partition
WEFT_API weft_err weft_cluster_move(const char *database, uint32_t partition,
                                    const char *node_id);

// Nothing is to go anywhere by plan any more: each partition goes to where
// there is room, as they do by themselves. Returns when that is written down;
// weft_cluster_look tells how far it is.
WEFT_API weft_err weft_cluster_rebalance(const char *database);

#ifdef __cplusplus
}
#endif

#endif
