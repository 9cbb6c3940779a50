// SPDX-License-Identifier: Apache-2.0
//
// cluster_shared.h - what a node shares with the others of its cluster: facts
// that do not change, the registry of who is there and has what, and the log.
//
// They are in a database. In a cluster without one each node has a ledger, and
// the same is made of what ledgers tell each other (local.h).
//
// Threads: stop any; the rest the caller's, one after another. What is in the
// struct is used as its own header says.

#ifndef WF_CLUSTER_CLUSTER_SHARED_H
#define WF_CLUSTER_CLUSTER_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster/cluster_impl.h"
#include "cluster/local.h"
#include "storage/log_postgres.h"
#include "storage/log_shared.h"
#include "storage/registry.h"

struct wf_snapshots;

struct wf_cluster_shared_options {
    // Borrowed until close; one without keys gets those of its list of nodes.
    struct wf_cluster_settings *settings;
    const char *data_dir; // NULL is refused where there is no database
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed until close
    void (*changed)(void *ctx);   // as wf_exchange_options has it
    void *ctx;
};

struct wf_cluster_shared {
    struct wf_postgres_options postgres; // how to reach the database
    struct wf_cluster_facts facts;
    struct wf_local *local;       // NULL: there is a database
    struct wf_registry registry;  // ops NULL: not opened
    struct wf_shared_log log;     // the same
    struct wf_registry_node self; // as it joined; incarnation 0: it has not
    uint64_t joined_ns;           // when it began to
};

// Open all of it, and join. `out_shared` is to be given to leave and close,
// whatever is returned: what wf_postgres_look, wf_registry_postgres_open, join
// of a registry, wf_log_postgres_open and wf_local_open say.
weft_err wf_cluster_shared_open(const struct wf_cluster_shared_options *options,
                                struct wf_cluster_shared *out_shared);

// Where snapshots are kept, as weft_cluster_options.snapshots has it; NULL:
// the default. ops NULL: nowhere.
weft_err wf_cluster_shared_open_snapshots(struct wf_cluster_shared *shared,
                                          const char *where,
                                          struct wf_snapshots *out_files);

// Of what the log has promised; the newest that was seen. Any thread.
enum wf_durability
wf_cluster_shared_durability(const struct wf_cluster_shared *shared);

// Whoever waits for the database gives up.
void wf_cluster_shared_stop(struct wf_cluster_shared *shared);
// Other nodes are not asked or answered any more.
void wf_cluster_shared_end(struct wf_cluster_shared *shared);
// Give the lease back, if it has joined. If it cannot, that ends by itself.
void wf_cluster_shared_leave(struct wf_cluster_shared *shared);
void wf_cluster_shared_close(struct wf_cluster_shared *shared);

#endif
