// SPDX-License-Identifier: Apache-2.0
//
// membership.h - one node's part in its cluster: it keeps its lease, looks who
// is there, and takes and gives partitions so that everybody has a fair share
// (balance.h).
//
// What it decides may be late or wrong, and nothing is lost by it: the shared
// log refuses whoever is not the owner.
//
// Threads: step and wait on one of its own (or a test's), the rest on any.

#ifndef WF_CLUSTER_MEMBERSHIP_H
#define WF_CLUSTER_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/registry.h"

struct wf_membership;
struct wf_standby_counts;
struct wf_trace;

struct wf_membership_options {
    struct wf_registry registry;  // borrowed
    struct wf_registry_node self; // as it has joined
    uint32_t partition_count;
    uint32_t lease_ms;
    uint64_t joined_ns; // when join was sent, of clock.mono_ns
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed

    // Ports; none may block. Take or give a partition: wf_membership_moved says
    // when that has happened. Prepare one that is to be taken: wf_membership_
    // prepared says so. NULL: that is done elsewhere.
    void (*prepare)(void *ctx, uint32_t partition);
    // Read on a copy of one that is another's (standby.h): wf_membership_copied
    // says how far. NULL: no copies are kept.
    void (*follow)(void *ctx, uint32_t partition);
    void (*take)(void *ctx, uint32_t partition);
    void (*give)(void *ctx, uint32_t partition);
    // Until when nobody else may take what is here.
    void (*lease)(void *ctx, uint64_t until_ns);
    // The newest map; borrowed.
    void (*map)(void *ctx, const struct wf_registry_map *map);
    // Another process has this node's id, for good.
    void (*replaced)(void *ctx);
    // Something has changed: tell the others.
    void (*nudge)(void *ctx);
    // Without a database: may it be taken now? Is that node ready to have it,
    // for which it waits however long? NULL: yes; and as the map says.
    bool (*may_take)(void *ctx, uint32_t partition);
    bool (*may_give)(void *ctx, uint32_t partition, const char *node_id);
    void *ctx;
};

struct wf_membership *
wf_membership_create(const struct wf_membership_options *options);
void wf_membership_destroy(struct wf_membership *membership); // NULL is fine

// Renew, look, decide, whatever is due; waits for the database. Returns in how
// many milliseconds there is something to do again.
uint64_t wf_membership_step(struct wf_membership *membership);
// Sleep so long, or until there is something to do.
void wf_membership_wait(struct wf_membership *membership, uint64_t ms);

// Any thread. ----------------------------------------------------------------

// A partition runs here since this epoch; 0: it does not.
void wf_membership_moved(struct wf_membership *membership, uint32_t partition,
                         uint64_t epoch);
// A partition that was to be prepared is.
void wf_membership_prepared(struct wf_membership *membership,
                            uint32_t partition);
// A copy has come to this commit; 0: there is none.
void wf_membership_copied(struct wf_membership *membership, uint32_t partition,
                          uint64_t commit);
// The map may have changed: look soon.
void wf_membership_nudge(struct wf_membership *membership);
// Take nothing, and give everything away; or take part again.
void wf_membership_drain(struct wf_membership *membership, bool is_on);
// Take and give nothing any more; step does nothing from now on.
void wf_membership_stop(struct wf_membership *membership);
bool wf_membership_is_stopped(const struct wf_membership *membership);
// Another process has registered under this node's id: it is out for good.
bool wf_membership_is_replaced(const struct wf_membership *membership);
// How many partitions run here.
uint32_t wf_membership_count(const struct wf_membership *membership);
// False: no copies are kept.
bool wf_membership_count_copies(const struct wf_membership *membership,
                                struct wf_standby_counts *out_counts);

#endif
