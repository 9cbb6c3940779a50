// SPDX-License-Identifier: Apache-2.0
//
// log_postgres.h - a cluster's logs, members and snapshots in PostgreSQL.
//
// One schema, `weft`, of its own version; `weft cluster init` makes it. What is
// written is as durable as the server says: with synchronous standbys on a
// quorum of machines, which is looked at when a connection is made and every
// ten seconds.
//
// postgres.c alone names libpq.

#ifndef WF_STORAGE_LOG_POSTGRES_H
#define WF_STORAGE_LOG_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/log_shared.h"
#include "storage/registry.h"

struct wf_trace;

// Of the schema that this build makes, and the oldest that a build must know to
// work with it: steps between the two only add what older builds need not know.
#ifdef WF_NEXT // the build after this one, for tests/nodes/upgrade.c
#define WF_SCHEMA_VERSION 4
#else
#define WF_SCHEMA_VERSION 3
#endif
#define WF_SCHEMA_LEAST 3

struct wf_postgres_options {
    const char *conninfo; // copied; postgres://... or key=value; may name
                          // several hosts: the one that takes writes is used
    bool require_quorum;  // append nothing while the database promises less
    // "quorum" or "local" for a service that replicates below SQL: believed,
    // and shown as declared; NULL: look.
    const char *declared;
    const uint8_t *cluster_id; // 16 bytes that must be its; NULL: any
    struct wf_clock clock;
    const struct wf_trace *trace; // borrowed
};

// What `weft cluster init` was told, and what is there.
struct wf_cluster_facts {
    uint8_t id[16];
    uint32_t schema_version;
    uint32_t schema_least; // that a build must know
    uint32_t partition_count;
    uint64_t system_identifier; // of the servers that it was made on
};

// Make the schema, or bring an older one up to date; nothing if it is there.
//
// WEFT_EEXISTS   it is there, with another partition count
// WEFT_EFORMAT   it is of a newer version, with which this build cannot work
// WEFT_EIO       the server cannot be reached, or refuses, or would commit with
//                less than is required; the detail has its own words
weft_err wf_postgres_init(const struct wf_postgres_options *options,
                          uint32_t partition_count,
                          struct wf_cluster_facts *out_facts);
// What there is.
//
// WEFT_ENOTFOUND   no schema; WEFT_EFORMAT, WEFT_EIO
weft_err wf_postgres_look(const struct wf_postgres_options *options,
                          struct wf_cluster_facts *out_facts);

// These connect.
//
// WEFT_EINVAL     the conninfo, or what is declared, cannot be understood
// WEFT_ENOTFOUND  no schema: `weft cluster init` makes it
// WEFT_EFORMAT    a schema of a newer version, another cluster's database, or
//                 a pooler before it
// WEFT_EIO        the server cannot be reached, or refuses
weft_err wf_registry_postgres_open(const struct wf_postgres_options *options,
                                   struct wf_registry *out_registry);
// For the node that has registered under this id as this incarnation.
weft_err wf_log_postgres_open(const struct wf_postgres_options *options,
                              const char *node_id, uint64_t incarnation,
                              struct wf_shared_log *out_log);
// Files of snapshots, in the same database (snapshots.h).
struct wf_snapshots;
weft_err wf_snapshots_postgres_open(const struct wf_postgres_options *options,
                                    struct wf_snapshots *out_snapshots);
// Any thread. Since it was opened.
struct wf_postgres_counts {
    uint64_t doubts;   // appends that were in doubt for a while
    uint64_t doubt_ms; // how long, all together
    uint64_t fenced;   // appends to partitions that are another's
};
void wf_log_postgres_count(const struct wf_shared_log *log,
                           struct wf_postgres_counts *out_counts);
// Newest that was seen; any thread.
enum wf_durability wf_log_postgres_durability(const struct wf_shared_log *log);

#endif
