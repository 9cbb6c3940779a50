// SPDX-License-Identifier: Apache-2.0
//
// log_postgres_impl.h - shared logs in PostgreSQL, for log_postgres.c and
// append_postgres.c only.

#ifndef WF_STORAGE_LOG_POSTGRES_IMPL_H
#define WF_STORAGE_LOG_POSTGRES_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "storage/log_postgres.h"
#include "storage/pool_postgres.h"
#include "storage/session_postgres.h"

// What is known of a partition.
struct wf_postgres_place {
    uint64_t epoch;   // that it was acquired in; 0: it is not ours
    uint64_t next;    // commit
    bool is_doubtful; // stopped while an append was
};

// What append keeps between calls.
struct wf_postgres_appender {
    struct wf_session session;
    struct wf_session probe; // asks why it takes so long
    struct wf_postgres_params params;
    struct wf_postgres_item *items;
    uint32_t items_cap;
    wf_counter doubts; // as in struct wf_postgres_counts
    wf_counter doubt_ms;
    wf_counter fenced;
};

struct wf_log_postgres {
    struct wf_session_shared shared;
    char node_id[WF_NODE_ID_CHARS_MAX + 1];
    uint64_t incarnation;
    uint32_t partition_count;
    struct wf_postgres_appender appender; // append's
    struct wf_pool_postgres *pool;        // acquire's, release's and read's
    struct wf_session snapshots;
    uint64_t snapshots_limited; // as of a loan
    struct wf_postgres_params snapshot_params;

    pthread_mutex_t lock; // guards what follows
    struct wf_postgres_place *places;
};

void wf_postgres_append(struct wf_log_postgres *log,
                        struct wf_shared_append *appends, uint32_t count);
struct wf_postgres_place wf_log_postgres_place(struct wf_log_postgres *log,
                                               uint32_t partition);

#endif
