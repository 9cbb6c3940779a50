// SPDX-License-Identifier: Apache-2.0
//
// session_postgres.c - a connection to a cluster's database, checked.
//
// A commit is on a quorum if it is synced here and waits for a standby to have
// synced it, and a standby is there to wait for. The last is part of it: those
// who manage a server may give up waiting when the last standby is gone, and
// wake who waits as if all were well.
//
// Threads: as session_postgres.h.

#include "storage/session_postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/trace.h"
#include "storage/schema_postgres.h"

enum { SAY_MS = 3000 };

static weft_err
read_declared(const char *declared, enum wf_durability *out)
{
    *out = WF_DURABILITY_UNKNOWN;
    if (declared == NULL || declared[0] == '\0') {
        return WEFT_OK;
    }
    if (strcmp(declared, "quorum") == 0) {
        *out = WF_DURABILITY_QUORUM;
        return WEFT_OK;
    }
    if (strcmp(declared, "local") == 0) {
        *out = WF_DURABILITY_LOCAL;
        return WEFT_OK;
    }
    return wf_error(WEFT_EINVAL,
                    "durability \"%s\" is neither \"quorum\" nor \"local\"",
                    declared);
}

weft_err
wf_session_shared_init(struct wf_session_shared *shared,
                       const struct wf_postgres_options *options)
{
    weft_err err;

    memset(shared, 0, sizeof(*shared));
    shared->stop_fd = -1;
    err = read_declared(options->declared, &shared->declared);
    if (err != WEFT_OK) {
        return err;
    }
    shared->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (shared->stop_fd < 0) {
        return wf_error(WEFT_EIO, "postgres: no descriptor is left");
    }
    shared->conninfo = wf_strdup(options->conninfo);
    shared->require_quorum = options->require_quorum;
    shared->clock = options->clock;
    shared->trace = options->trace;
    if (options->cluster_id != NULL) {
        memcpy(shared->cluster_id, options->cluster_id,
               sizeof(shared->cluster_id));
        shared->has_cluster_id = true;
    }
    return WEFT_OK;
}

void
wf_session_shared_stop(struct wf_session_shared *shared)
{
    uint64_t one = 1;

    // It can only fail when it is readable already.
    (void)!write(shared->stop_fd, &one, sizeof(one));
}

void
wf_session_shared_fini(struct wf_session_shared *shared)
{
    if (shared->stop_fd >= 0) {
        (void)close(shared->stop_fd);
    }
    wf_free(shared->conninfo);
}

weft_err
wf_session_init(struct wf_session *session, struct wf_session_shared *shared,
                const char *name)
{
    *session = (struct wf_session){.shared = shared};
    return wf_postgres_create(shared->conninfo, name, shared->clock,
                              shared->stop_fd, &session->postgres);
}

void
wf_session_fini(struct wf_session *session)
{
    wf_postgres_destroy(session->postgres);
    session->postgres = NULL;
}

static uint64_t
now_ms(const struct wf_session *session)
{
    return session->shared->clock.mono_ns(session->shared->clock.self) /
           1000000;
}

void
wf_session_say(struct wf_session *session, const char *why)
{
    const struct wf_session_shared *shared = session->shared;
    uint64_t now = now_ms(session);

    if (shared->trace == NULL ||
        (session->said_at_ms != 0 && now - session->said_at_ms < SAY_MS)) {
        return;
    }
    session->said_at_ms = now;
    wf_trace_emit(shared->trace, WF_TRACE_WARNING,
                  shared->clock.wall_ms(shared->clock.self), "database",
                  "waits", "%s", why);
}

// How durable a commit is that this server acknowledges.
static void
judge_promise(struct wf_promise *promise, const struct wf_postgres_rows *rows)
{
    const char *commit = wf_postgres_text(rows, 0, 4);
    bool is_synced = strcmp(wf_postgres_text(rows, 0, 6), "on") == 0 &&
                     strcmp(wf_postgres_text(rows, 0, 7), "on") == 0 &&
                     strcmp(commit, "off") != 0;
    bool is_waiting =
        strcmp(commit, "on") == 0 || strcmp(commit, "remote_apply") == 0;
    uint64_t hidden = wf_postgres_number(rows, 0, 9);

    promise->has_names = wf_postgres_text(rows, 0, 5)[0] != '\0';
    // Who may not look at standbys sees that they are there.
    promise->standbys = wf_postgres_number(rows, 0, 8) + hidden;
    promise->shortfall = NULL;
    promise->durability = WF_DURABILITY_LOCAL;
    if (!is_synced) {
        promise->durability = WF_DURABILITY_UNSAFE;
        promise->shortfall = "fsync, full_page_writes or synchronous_commit "
                             "is off";
    } else if (!is_waiting) {
        promise->shortfall = "synchronous_commit is neither on nor "
                             "remote_apply";
    } else if (!promise->has_names) {
        promise->shortfall = "synchronous_standby_names is empty";
    } else if (promise->standbys == 0) {
        promise->shortfall = "none of synchronous_standby_names is there";
    } else {
        promise->durability = WF_DURABILITY_QUORUM;
    }
}

weft_err
wf_session_ask(struct wf_session *session)
{
    static const char sql[] =
        "SELECT c.system_identifier,"
        " CASE WHEN pg_is_in_recovery() THEN 0 ELSE"
        " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))"
        "::bit(32)::bigint END,"
        " (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
        " pg_is_in_recovery(), current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names'),"
        " current_setting('fsync'), current_setting('full_page_writes'),"
        " (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        " AND sync_state IN ('sync', 'quorum')),"
        " (SELECT count(*) FROM pg_stat_replication WHERE state IS NULL)"
        " FROM pg_control_system() c";
    struct wf_promise *promise = &session->promise;
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_run(session->postgres, sql, NULL,
                                   WF_SESSION_LIMIT_MS, &rows);

    if (err != WEFT_OK) {
        return err;
    }
    promise->system_identifier = wf_postgres_number(rows, 0, 0);
    promise->timeline = wf_postgres_number(rows, 0, 1);
    promise->started_at = wf_postgres_number(rows, 0, 2);
    if (wf_postgres_flag(rows, 0, 3)) {
        err = wf_error(WEFT_EIO, "postgres: the server is a standby");
    } else {
        judge_promise(promise, rows);
    }
    wf_postgres_rows_destroy(rows);
    if (err == WEFT_OK && session->shared->declared != WF_DURABILITY_UNKNOWN) {
        promise->durability = session->shared->declared;
        promise->shortfall = promise->durability == WF_DURABILITY_QUORUM
                                 ? NULL
                                 : "it is declared to be local";
    }
    return err;
}

// Whether it is the cluster's server, and the newest that was seen.
static weft_err
identify(struct wf_session *session)
{
    struct wf_session_shared *shared = session->shared;
    uint32_t seen = atomic_load(&shared->timeline);

    if (shared->has_cluster_id &&
        memcmp(shared->cluster_id, session->facts.id, 16) != 0) {
        return wf_error(WEFT_EFORMAT,
                        "the database is of another cluster than this node");
    }
    if (session->facts.schema_version < WF_SCHEMA_VERSION) {
        return wf_error(WEFT_EFORMAT,
                        "the database's schema weft is of version %" PRIu32
                        ", this build needs %d: weft cluster init of this "
                        "build brings it up to date, and disturbs nobody",
                        session->facts.schema_version, WF_SCHEMA_VERSION);
    }
    if (session->promise.system_identifier !=
        session->facts.system_identifier) {
        return wf_error(WEFT_EFORMAT,
                        "the cluster was made on servers of system identifier "
                        "%" PRIu64 ", this one's is %" PRIu64
                        ": a copy that may lack commits",
                        session->facts.system_identifier,
                        session->promise.system_identifier);
    }
    if (session->promise.timeline < seen) {
        return wf_error(WEFT_EIO,
                        "postgres: the server is on timeline %" PRIu64
                        ", and another was on %" PRIu32
                        ": it was replaced, and may lack commits",
                        session->promise.timeline, seen);
    }
    while (seen < session->promise.timeline &&
           !atomic_compare_exchange_weak(&shared->timeline, &seen,
                                         (uint32_t)session->promise.timeline)) {
    }
    return WEFT_OK;
}

weft_err
wf_session_ready(struct wf_session *session, uint32_t age_ms_max)
{
    bool was_connected;
    weft_err err;

    // One that was lost while nobody used it is no failure of what is asked.
    wf_postgres_notice_loss(session->postgres);
    was_connected = wf_postgres_is_connected(session->postgres);
    if (was_connected && age_ms_max != 0 &&
        now_ms(session) - session->checked_at_ms < age_ms_max) {
        return WEFT_OK;
    }
    err = wf_postgres_connect(session->postgres);
    if (err == WEFT_OK) {
        session->connections += !was_connected;
        err = wf_session_ask(session);
    }
    if (err == WEFT_OK && !was_connected) {
        err = wf_schema_read(session->postgres, &session->facts);
    }
    if (err == WEFT_OK) {
        err = identify(session);
    }
    if (err != WEFT_OK) {
        // The next try begins with the next host.
        wf_postgres_refuse(session->postgres);
        return err;
    }
    session->checked_at_ms = now_ms(session);
    atomic_store(&session->shared->durability, session->promise.durability);
    return WEFT_OK;
}

weft_err
wf_session_permits(struct wf_session *session)
{
    const struct wf_promise *promise = &session->promise;

    if (!wf_postgres_is_connected(session->postgres)) {
        return wf_error(WEFT_EIO, "postgres: not connected");
    }
    if (session->shared->declared == WF_DURABILITY_UNKNOWN &&
        promise->has_names && promise->standbys == 0) {
        wf_postgres_refuse(session->postgres);
        return wf_error(WEFT_EIO, "no quorum: %s, and a commit would wait",
                        promise->shortfall);
    }
    if (session->shared->require_quorum &&
        promise->durability != WF_DURABILITY_QUORUM) {
        return wf_error(WEFT_EIO, "no quorum, and it is required: %s",
                        promise->shortfall);
    }
    return WEFT_OK;
}

weft_err
wf_session_commit(struct wf_session *session, const char *sql,
                  const struct wf_postgres_params *params,
                  struct wf_postgres_rows **out_rows)
{
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_run(session->postgres, sql, params,
                                   WF_SESSION_LIMIT_MS, &rows);

    if (err == WEFT_OK && wf_postgres_warning(session->postgres)[0] != '\0') {
        err = wf_error(WEFT_EIO, "postgres: %s",
                       wf_postgres_warning(session->postgres));
    }
    if (err == WEFT_OK && out_rows != NULL) {
        *out_rows = rows;
    } else {
        wf_postgres_rows_destroy(rows);
    }
    return err;
}
