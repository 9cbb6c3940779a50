// SPDX-License-Identifier: Apache-2.0
//
// log_postgres_impl.h - what the files of shared logs in PostgreSQL share.
//
//   log_postgres.c       whose they are: acquire, look, release, blames
//   append_postgres.c    commits
//   read_postgres.c      commits, again
//   truncate_postgres.c  snapshots, and what is forgotten for them

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

// Operations of struct wf_shared_log_ops.
void wf_postgres_append(void *self, struct wf_shared_append *appends,
                        uint32_t count);
weft_err wf_postgres_read(void *self, uint32_t partition, uint64_t from,
                          wf_log_read_fn *fn, void *ctx);
weft_err wf_postgres_snapshot_commit(void *self, uint32_t partition,
                                     uint64_t redo_from, weft_bytes manifest);
weft_err wf_postgres_snapshot_read(void *self, uint32_t partition, uint32_t age,
                                   uint64_t *out_redo_from,
                                   struct wf_buf *out_manifest);

struct wf_postgres_place wf_log_postgres_place(struct wf_log_postgres *log,
                                               uint32_t partition);
// Connected, and a commit would be as durable as it must be, as was seen not
// more than so long ago; 0: as is seen now. *limited is the connection whose
// statements wait for rows only for a while.
weft_err wf_postgres_be_ready(struct wf_session *session, uint64_t *limited,
                              uint32_t age_ms_max);

#endif
