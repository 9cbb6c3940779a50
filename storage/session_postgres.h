// SPDX-License-Identifier: Apache-2.0
//
// session_postgres.h - a connection to a cluster's database that is known to be
// the right one, and what that promises of a commit.
//
// When it is connected, and every ten seconds, the server is asked who it is,
// on which timeline, and how durable a commit is. A server of another cluster,
// or that was replaced by one of a later timeline, is not used.
//
// Threads: a session is one thread's at a time; wf_session_shared any.

#ifndef WF_STORAGE_SESSION_POSTGRES_H
#define WF_STORAGE_SESSION_POSTGRES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/log_postgres.h"
#include "storage/postgres.h"

struct wf_trace;

#define WF_SESSION_CHECK_MS 10000
#define WF_SESSION_LIMIT_MS 15000 // of a statement

// What all sessions of one log, or registry, know.
struct wf_session_shared {
    char *conninfo;
    bool require_quorum;
    enum wf_durability declared; // UNKNOWN: look
    uint8_t cluster_id[16];
    bool has_cluster_id;
    struct wf_clock clock;
    const struct wf_trace *trace;
    int stop_fd; // readable once stopped
    _Atomic uint32_t timeline;
    _Atomic int durability;
};

// WEFT_EINVAL
weft_err wf_session_shared_init(struct wf_session_shared *shared,
                                const struct wf_postgres_options *options);
void wf_session_shared_stop(struct wf_session_shared *shared); // any thread
void wf_session_shared_fini(struct wf_session_shared *shared);

// What a server promised when it was last asked.
struct wf_promise {
    uint64_t system_identifier;
    uint64_t timeline;
    uint64_t started_at; // which start of the server it is
    enum wf_durability durability;
    uint64_t standbys;     // that a commit may wait for, and are there
    bool has_names;        // a commit waits for some
    const char *shortfall; // why it is no quorum; NULL: it is
};

struct wf_session {
    struct wf_session_shared *shared;
    struct wf_postgres *postgres;
    struct wf_promise promise;
    struct wf_cluster_facts facts;
    uint64_t checked_at_ms; // 0: to be checked
    uint64_t said_at_ms;
    uint64_t connections; // that were made: what was read over an earlier one
                          // may have been another server's
};

weft_err wf_session_init(struct wf_session *session,
                         struct wf_session_shared *shared, const char *name);
void wf_session_fini(struct wf_session *session);

// Of one that is connected: ask the server who it is and what it promises.
weft_err wf_session_ask(struct wf_session *session);
// Connected, and checked not more than so long ago; 0: now.
//
// WEFT_ENOTFOUND, WEFT_EFORMAT, WEFT_EIO
weft_err wf_session_ready(struct wf_session *session, uint32_t age_ms_max);
// Whether a commit may be asked for: WEFT_EIO says why not. A server whose
// standbys are all gone may have been replaced: then the next host is tried.
weft_err wf_session_permits(struct wf_session *session);
// wf_postgres_run of what commits; a warning is WEFT_EIO: it is not known to be
// as durable as is promised.
weft_err wf_session_commit(struct wf_session *session, const char *sql,
                           const struct wf_postgres_params *params,
                           struct wf_postgres_rows **out_rows);
// Why it waits, to people, but not more often than every few seconds.
void wf_session_say(struct wf_session *session, const char *why);

#endif
