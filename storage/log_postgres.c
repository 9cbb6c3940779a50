// SPDX-License-Identifier: Apache-2.0
//
// log_postgres.c - shared logs in PostgreSQL: whose they are. The rest is in
// append_postgres.c, read_postgres.c and truncate_postgres.c.
//
// Acquiring is one update of the partition's row, whose lock makes it one
// winner. That update is the fence record too: it is a commit, so it waits for
// the standbys, and the WAL is one order. What was committed before it, by
// whoever had the partition, is on the standbys once it is; and whoever is
// still waiting with an append of the old epoch holds the row, so we come after
// it. A warning says that the standbys were not waited for: then it is not
// acquired, though the epoch is a new one.
//
// Threads: a connection for append and one for snapshots; acquire, release and
// read borrow theirs. `lock` guards the places.

#include "storage/log_postgres.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/log_postgres_impl.h"

static weft_err acquire(void *self, uint32_t partition,
                        struct wf_shared_place *out_place);
static weft_err look(void *self, uint32_t partition,
                     struct wf_shared_place *out_place);
static weft_err release(void *self, uint32_t partition);
static weft_err blame(void *self, const struct wf_shared_blame *blame);
static weft_err blames(void *self, uint32_t partition, uint64_t reflected,
                       wf_shared_blame_fn *fn, void *ctx);
static void stop_log(void *self);
static void close_log(void *self);

static const struct wf_shared_log_ops postgres_ops = {
    .acquire = acquire,
    .look = look,
    .release = release,
    .append = wf_postgres_append,
    .read = wf_postgres_read,
    .snapshot_commit = wf_postgres_snapshot_commit,
    .snapshot_read = wf_postgres_snapshot_read,
    .blame = blame,
    .blames = blames,
    .stop = stop_log,
    .close = close_log,
};

weft_err
wf_log_postgres_open(const struct wf_postgres_options *options,
                     const char *node_id, uint64_t incarnation,
                     struct wf_shared_log *out_log)
{
    struct wf_log_postgres *log = wf_calloc(sizeof(*log));
    struct wf_postgres_appender *appender = &log->appender;
    weft_err err;

    WF_ASSERT(strlen(node_id) <= WF_NODE_ID_CHARS_MAX);
    WF_ASSERT(pthread_mutex_init(&log->lock, NULL) == 0);
    memcpy(log->node_id, node_id, strlen(node_id));
    log->incarnation = incarnation;
    err = wf_session_shared_init(&log->shared, options);
    if (err == WEFT_OK) {
        err = wf_session_init(&appender->session, &log->shared, node_id);
    }
    if (err == WEFT_OK) {
        err = wf_session_init(&appender->probe, &log->shared, node_id);
    }
    if (err == WEFT_OK) {
        err = wf_pool_postgres_create(&log->shared, node_id, &log->pool);
    }
    if (err == WEFT_OK) {
        err = wf_session_init(&log->snapshots, &log->shared, node_id);
    }
    if (err == WEFT_OK) {
        err = wf_session_ready(&appender->session, 0);
    }
    if (err != WEFT_OK) {
        close_log(log);
        return err;
    }
    log->partition_count = appender->session.facts.partition_count;
    log->places = wf_calloc(log->partition_count * sizeof(*log->places));
    out_log->ops = &postgres_ops;
    out_log->self = log;
    return WEFT_OK;
}

static void
close_log(void *self)
{
    struct wf_log_postgres *log = self;

    wf_session_fini(&log->appender.session);
    wf_session_fini(&log->appender.probe);
    wf_pool_postgres_destroy(log->pool);
    wf_session_fini(&log->snapshots);
    wf_postgres_params_fini(&log->appender.params);
    wf_postgres_params_fini(&log->snapshot_params);
    wf_session_shared_fini(&log->shared);
    pthread_mutex_destroy(&log->lock);
    wf_free(log->appender.items);
    wf_free(log->places);
    wf_free(log);
}

static void
stop_log(void *self)
{
    struct wf_log_postgres *log = self;

    wf_session_shared_stop(&log->shared);
}

enum wf_durability
wf_log_postgres_durability(const struct wf_shared_log *log)
{
    const struct wf_log_postgres *postgres = log->self;

    return (enum wf_durability)atomic_load(&postgres->shared.durability);
}

void
wf_log_postgres_count(const struct wf_shared_log *log,
                      struct wf_postgres_counts *out_counts)
{
    const struct wf_log_postgres *postgres = log->self;
    const struct wf_postgres_appender *appender = &postgres->appender;

    *out_counts = (struct wf_postgres_counts){
        .doubts = wf_counter_read(&appender->doubts),
        .doubt_ms = wf_counter_read(&appender->doubt_ms),
        .fenced = wf_counter_read(&appender->fenced),
    };
}

struct wf_postgres_place
wf_log_postgres_place(struct wf_log_postgres *log, uint32_t partition)
{
    struct wf_postgres_place place;

    WF_ASSERT(partition < log->partition_count);
    pthread_mutex_lock(&log->lock);
    place = log->places[partition];
    pthread_mutex_unlock(&log->lock);
    return place;
}

static void
set_place(struct wf_log_postgres *log, uint32_t partition,
          struct wf_postgres_place place)
{
    WF_ASSERT(partition < log->partition_count);
    pthread_mutex_lock(&log->lock);
    log->places[partition] = place;
    pthread_mutex_unlock(&log->lock);
}

// Why a partition could not be acquired.
static weft_err
explain_refusal(struct wf_log_postgres *log, struct wf_pool_loan *loan,
                uint32_t partition)
{
    static const char sql[] =
        "SELECT coalesce((SELECT incarnation FROM weft.node"
        " WHERE node_id = $2), 0), coalesce(owner, ''),"
        " coalesce(want_owner, '') FROM weft.part WHERE id = $1";
    struct wf_postgres_rows *rows = NULL;
    weft_err err;

    wf_postgres_params_reset(&loan->params);
    wf_postgres_put_number(&loan->params, partition);
    wf_postgres_put_text(&loan->params, log->node_id);
    err = wf_postgres_run(loan->session.postgres, sql, &loan->params,
                          WF_SESSION_LIMIT_MS, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_postgres_rows_count(rows) != 1) {
        err = wf_error(WEFT_EIO, "the database has no partition %" PRIu32,
                       partition);
    } else if (wf_postgres_number(rows, 0, 0) != log->incarnation) {
        err =
            wf_error(WEFT_ECLOSED, "another process has registered as node %s",
                     log->node_id);
    } else {
        err = wf_error(WEFT_EBUSY,
                       "partition %" PRIu32 " is node \"%s\"'s, and is to go "
                       "to node \"%s\"",
                       partition, wf_postgres_text(rows, 0, 1),
                       wf_postgres_text(rows, 0, 2));
    }
    wf_postgres_rows_destroy(rows);
    return err;
}

weft_err
wf_postgres_be_ready(struct wf_session *session, uint64_t *limited,
                     uint32_t age_ms_max)
{
    static const char sql[] = "SELECT set_config('lock_timeout', '5s', false)";
    weft_err err = wf_session_ready(session, age_ms_max);

    // A row that somebody holds is not waited for longer: nothing is lost.
    if (err == WEFT_OK && *limited != session->connections) {
        err = wf_postgres_run(session->postgres, sql, NULL, WF_SESSION_LIMIT_MS,
                              NULL);
        *limited = err == WEFT_OK ? session->connections : 0;
    }
    return err == WEFT_OK ? wf_session_permits(session) : err;
}

static struct wf_shared_place
place_in(const struct wf_postgres_rows *rows)
{
    return (struct wf_shared_place){
        .epoch = wf_postgres_number(rows, 0, 0),
        .last = wf_postgres_number(rows, 0, 1) - 1,
        .first = wf_postgres_number(rows, 0, 2),
        .snapshot = wf_postgres_number(rows, 0, 3),
    };
}

static weft_err
acquire_over(struct wf_log_postgres *log, struct wf_pool_loan *loan,
             uint32_t partition, struct wf_shared_place *out_place)
{
    static const char sql[] =
        "UPDATE weft.part p SET epoch = p.epoch + 1, owner = $2,"
        " owner_inc = $3, ready_owner = NULL, want_owner = CASE"
        " WHEN p.owner = $2 AND p.want_owner <> $2 THEN p.want_owner END"
        " WHERE p.id = $1 AND EXISTS (SELECT FROM weft.node n"
        " WHERE n.node_id = $2 AND n.incarnation = $3)"
        " AND (p.owner IS NOT DISTINCT FROM $2 OR"
        " (NOT EXISTS (SELECT FROM weft.node n WHERE n.node_id = p.owner"
        " AND n.incarnation = p.owner_inc"
        " AND n.lease_until > clock_timestamp())"
        " AND NOT EXISTS (SELECT FROM weft.node n"
        " WHERE n.node_id = p.want_owner AND n.node_id <> $2"
        " AND n.lease_until > clock_timestamp())))"
        " RETURNING p.epoch, p.next_lsn, p.first_lsn, p.snap_lsn";
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_be_ready(&loan->session, &loan->limited, 0);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_number(&loan->params, partition);
    wf_postgres_put_text(&loan->params, log->node_id);
    wf_postgres_put_number(&loan->params, log->incarnation);
    err = wf_session_commit(&loan->session, sql, &loan->params, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_postgres_rows_count(rows) == 0) {
        wf_postgres_rows_destroy(rows);
        return explain_refusal(log, loan, partition);
    }
    *out_place = place_in(rows);
    wf_postgres_rows_destroy(rows);
    return WEFT_OK;
}

static weft_err
acquire(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    struct wf_log_postgres *log = self;
    struct wf_pool_loan *loan = wf_pool_postgres_borrow(log->pool);
    weft_err err = acquire_over(log, loan, partition, out_place);

    wf_pool_postgres_give_back(log->pool, loan);
    if (err == WEFT_OK) {
        set_place(log, partition,
                  (struct wf_postgres_place){.epoch = out_place->epoch,
                                             .next = out_place->last + 1});
    }
    return err;
}

static weft_err
look(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    static const char sql[] = "SELECT epoch, next_lsn, first_lsn, snap_lsn"
                              " FROM weft.part WHERE id = $1";
    struct wf_log_postgres *log = self;
    struct wf_pool_loan *loan = wf_pool_postgres_borrow(log->pool);
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_session_ready(&loan->session, WF_SESSION_CHECK_MS);

    if (err == WEFT_OK) {
        wf_postgres_put_number(&loan->params, partition);
        err = wf_postgres_run(loan->session.postgres, sql, &loan->params,
                              WF_SESSION_LIMIT_MS, &rows);
    }
    if (err == WEFT_OK) {
        *out_place = place_in(rows);
        wf_postgres_rows_destroy(rows);
    }
    wf_pool_postgres_give_back(log->pool, loan);
    return err;
}

static weft_err
release(void *self, uint32_t partition)
{
    static const char sql[] =
        "UPDATE weft.part SET owner = NULL, owner_inc = NULL"
        " WHERE id = $1 AND epoch = $2 AND owner = $3";
    struct wf_log_postgres *log = self;
    struct wf_postgres_place place = wf_log_postgres_place(log, partition);
    struct wf_pool_loan *loan;
    weft_err err;

    set_place(log, partition, (struct wf_postgres_place){0});
    if (place.epoch == 0) {
        return WEFT_OK;
    }
    loan = wf_pool_postgres_borrow(log->pool);
    err = wf_postgres_be_ready(&loan->session, &loan->limited,
                               WF_SESSION_CHECK_MS);
    if (err == WEFT_OK) {
        wf_postgres_put_number(&loan->params, partition);
        wf_postgres_put_number(&loan->params, place.epoch);
        wf_postgres_put_text(&loan->params, log->node_id);
        err = wf_session_commit(&loan->session, sql, &loan->params, NULL);
    }
    wf_pool_postgres_give_back(log->pool, loan);
    return err;
}

static weft_err
blame(void *self, const struct wf_shared_blame *blame)
{
    static const char sql[] =
        "INSERT INTO weft.blame (part, actor, node_id, at, how)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    struct wf_log_postgres *log = self;
    struct wf_pool_loan *loan = wf_pool_postgres_borrow(log->pool);
    weft_err err = wf_postgres_be_ready(&loan->session, &loan->limited,
                                        WF_SESSION_CHECK_MS);

    if (err == WEFT_OK) {
        wf_postgres_params_reset(&loan->params);
        wf_postgres_put_number(&loan->params, blame->partition);
        wf_postgres_put_bytes(&loan->params, blame->key);
        wf_postgres_put_text(&loan->params, log->node_id);
        wf_postgres_put_number(&loan->params, blame->at_ms);
        wf_postgres_put_text(&loan->params, blame->how);
        err = wf_session_commit(&loan->session, sql, &loan->params, NULL);
    }
    wf_pool_postgres_give_back(log->pool, loan);
    return err;
}

static weft_err
blames(void *self, uint32_t partition, uint64_t reflected,
       wf_shared_blame_fn *fn, void *ctx)
{
    static const char sql[] =
        "WITH d AS (DELETE FROM weft.blame WHERE part = $1"
        " AND told BETWEEN 1 AND $2)"
        " UPDATE weft.blame b SET told = $3 FROM weft.part p"
        " WHERE p.id = $1 AND p.epoch = $3 AND b.part = $1"
        " AND NOT b.told BETWEEN 1 AND $2 RETURNING b.actor, b.how";
    struct wf_log_postgres *log = self;
    struct wf_postgres_place place = wf_log_postgres_place(log, partition);
    struct wf_pool_loan *loan = wf_pool_postgres_borrow(log->pool);
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_be_ready(&loan->session, &loan->limited,
                                        WF_SESSION_CHECK_MS);

    if (err == WEFT_OK) {
        wf_postgres_params_reset(&loan->params);
        wf_postgres_put_number(&loan->params, partition);
        wf_postgres_put_number(&loan->params, reflected);
        wf_postgres_put_number(&loan->params, place.epoch);
        err = wf_session_commit(&loan->session, sql, &loan->params, &rows);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < wf_postgres_rows_count(rows);
         i++) {
        fn(ctx, wf_postgres_bytes(rows, i, 0), wf_postgres_text(rows, i, 1));
    }
    wf_postgres_rows_destroy(rows);
    wf_pool_postgres_give_back(log->pool, loan);
    return err;
}
