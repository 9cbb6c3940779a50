// SPDX-License-Identifier: Apache-2.0
//
// standby.h - which partitions of other nodes this one keeps a warm copy of, so
// that they are taken in no time when their node is lost (balance.h says which
// they are). What a copy has come to is told to the registry, for the others:
// whoever has it is to take the partition.
//
// Nothing rests on a copy: who takes the partition acquires it first, reads
// what is left, and reads the end of what it had read once more.
//
// Threads: membership's, but for what says another.

#ifndef WF_CLUSTER_STANDBY_H
#define WF_CLUSTER_STANDBY_H

#include <stdint.h>

#include "storage/registry.h"

struct wf_standby;

struct wf_standby_options {
    uint32_t partition_count;
    // Ports; none may block. Read on a partition that is another's:
    // wf_standby_copied says how far. Give the copy up.
    void (*follow)(void *ctx, uint32_t partition);
    void (*give)(void *ctx, uint32_t partition);
    void *ctx;
};

struct wf_standby *wf_standby_create(const struct wf_standby_options *options);
void wf_standby_destroy(struct wf_standby *standby); // NULL is fine

// There is a new map, of which `me` is this node: follow what is to be
// followed, and give up what is not. What is to come here is left as it is.
void wf_standby_decide(struct wf_standby *standby,
                       const struct wf_registry_map *map,
                       const int32_t *targets, int32_t me);
// It is taken, or given away: there is no copy any more.
void wf_standby_forget(struct wf_standby *standby, uint32_t partition);
// Tell the registry what has changed since it was told.
weft_err wf_standby_tell(struct wf_standby *standby,
                         const struct wf_registry *registry);

// A copy has come to this commit; 0: there is none. Any thread.
void wf_standby_copied(struct wf_standby *standby, uint32_t partition,
                       uint64_t commit);

struct wf_standby_counts {
    uint32_t copies;
    uint64_t behind; // commits, of the copy that lacks most
};

// As of the last map. Any thread.
void wf_standby_count(const struct wf_standby *standby,
                      struct wf_standby_counts *out_counts);

#endif
