// SPDX-License-Identifier: Apache-2.0
//
// registry.h - who is in a cluster, and who has which partition, as the shared
// database knows it. A seam: registry_postgres.c is the real one,
// registry_memory.c the one for tests.
//
// A node registers itself with a lease, and renews it; only the database's
// clock says whether a lease runs. A second process that registers under the
// same id replaces the first (its incarnation is one more), whose calls then
// fail with WEFT_ECLOSED.
//
// Threads: one at a time (a connection of its own, so that nothing keeps a
// lease from being renewed).

#ifndef WF_STORAGE_REGISTRY_H
#define WF_STORAGE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

#define WF_NODE_ID_CHARS_MAX 64
#define WF_ENDPOINT_CHARS_MAX 256

// A node as the others see it.
struct wf_registry_node {
    char id[WF_NODE_ID_CHARS_MAX + 1];
    char endpoint[WF_ENDPOINT_CHARS_MAX + 1]; // of its peers' link
    char service[WF_ENDPOINT_CHARS_MAX + 1];  // of its clients' gateway; or ""
    char curve_key[41];                       // public, Z85; or ""
    uint64_t incarnation;
    uint32_t protocol_min, protocol_max; // of links between nodes
    uint32_t record_max;                 // newest record format that it reads
    bool is_live;                        // its lease runs
    bool is_draining;                    // it gives its partitions away
    int64_t lease_ms;                    // that are left; negative: over since
};

struct wf_registry_part {
    uint64_t epoch; // 0: nobody ever had it
    int32_t owner;  // index into the map's nodes; -1: nobody
    uint64_t owner_incarnation;
    int32_t wanted;  // live node it is to go to, by plan; -1: none
    int32_t ready;   // live node that has prepared to take it; -1: none
    int32_t copy;    // live node that keeps a warm copy of it; -1: none
    uint64_t copied; // newest commit of that copy
    uint64_t last;   // newest commit
    uint64_t snapshot;
};

// A warm copy of a partition that another node has.
struct wf_registry_copy {
    uint32_t partition;
    uint64_t commit; // newest one of it; 0: there is no copy any more
};

// What the database promises of a commit that it acknowledged.
enum wf_durability {
    WF_DURABILITY_UNKNOWN,
    WF_DURABILITY_UNSAFE, // not even synced on one machine
    WF_DURABILITY_LOCAL,  // on one machine
    WF_DURABILITY_QUORUM, // on several
};

// A node that stopped so long ago may come back as it was: what it could not
// read is not written yet.
#define WF_REGISTRY_BACK_MS 3600000

struct wf_registry_map {
    uint8_t cluster_id[16];
    struct wf_registry_node *nodes; // sorted by id
    uint32_t nodes_count;
    struct wf_registry_part *parts; // by partition
    uint32_t parts_count;
    enum wf_durability durability;
    uint32_t record_version; // newest that may be written, for all
    bool is_planned; // who has a partition keeps it though it is not live
};

void wf_registry_map_fini(struct wf_registry_map *map); // leaves it empty
// Index of a node; -1: there is none of that id.
int32_t wf_registry_find(const struct wf_registry_map *map, const char *id);
// Newest version of records that all nodes read, those too that may come back.
uint32_t wf_registry_record_max(const struct wf_registry_map *map);

// For what implements it: who reads too little may not join.
weft_err wf_registry_too_old(uint32_t record_max, uint32_t record_version);

// For what implements it: WEFT_EBUSY, why a node cannot be forgotten.
weft_err wf_registry_refuse_forget(const char *node_id, bool is_live,
                                   uint64_t partitions);

struct wf_registry_ops {
    // Register this node (its id, endpoints, key, versions and is_draining)
    // with a lease of ttl_ms; sets its incarnation.
    //
    // WEFT_EFORMAT   another cluster's id, another version of the schema, or
    //                none: `weft cluster init` makes it; or its record_max is
    //                less than what may be written: it could not read that
    // WEFT_EIO       the database does not answer
    weft_err (*join)(void *self, struct wf_registry_node *node,
                     uint32_t ttl_ms);
    // Extend the lease to ttl_ms from now on. is_draining: as drain does; false
    // leaves it as it is.
    //
    // WEFT_ECLOSED   another process has registered under our id
    // WEFT_EIO
    weft_err (*renew)(void *self, bool is_draining);
    // The whole map as of now; replaces *map.
    weft_err (*look)(void *self, struct wf_registry_map *map);
    // The partition is to go to this node (NULL: to nobody in particular). Its
    // owner gives it away when it sees that.
    //
    // WEFT_ENOTFOUND   there is no such live node
    // WEFT_EIO
    weft_err (*want)(void *self, uint32_t partition, const char *node_id);
    // This node has prepared to take the partition; whoever acquires it next
    // ends that.
    //
    // WEFT_EIO
    weft_err (*ready)(void *self, uint32_t partition);
    // This node's copies, sorted by partition, are so far: of each partition
    // one copy is known, the last that was told of. NULL: nobody takes over, so
    // nobody keeps any.
    //
    // WEFT_EIO
    weft_err (*copied)(void *self, const struct wf_registry_copy *copies,
                       uint32_t count);
    // A node is to give away all it has, and takes nothing (any process may
    // ask for it); or no longer.
    //
    // WEFT_ENOTFOUND   there is no such node
    // WEFT_EIO
    weft_err (*drain)(void *self, const char *node_id, bool is_on);
    // Records of this version may be written from now on, for good, and who
    // cannot read them does not join any more. Nothing if that is so, or if a
    // node could not (wf_registry_record_max).
    weft_err (*raise)(void *self, uint32_t record_version);
    // The lease ends now.
    weft_err (*leave)(void *self);
    // A node is gone for good (any process may say so). If one of its id comes
    // again, it is another one: its incarnation is one that nobody had.
    //
    // WEFT_ENOTFOUND   there is no such node
    // WEFT_EBUSY       its lease runs, or it has a partition
    // WEFT_EIO
    weft_err (*forget)(void *self, const char *node_id);
    // The same of all that could be forgotten, and whose lease is over for so
    // long.
    weft_err (*forget_old)(void *self, uint64_t silent_ms);

    // Any thread: whoever waits for the database gives up.
    void (*stop)(void *self);
    void (*close)(void *self);
};

struct wf_registry {
    const struct wf_registry_ops *ops;
    void *self;
};

#endif
