// SPDX-License-Identifier: Apache-2.0
//
// registry_postgres.c - who is in a cluster whose database is PostgreSQL.
//
// A lease is renewed by a commit like any other, which waits for the standbys.
// So a server that was replaced, and does not know it, renews none; and whoever
// answers from memory while a lease runs has not been replaced either.
//
// Threads: one at a time, on a connection of its own; stop from any.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/log_postgres.h"
#include "storage/registry_rows_postgres.h"
#include "storage/session_postgres.h"

// Time enough to connect.
#define LIMIT_MS_MIN 1000

struct wf_registry_postgres {
    struct wf_session_shared shared;
    struct wf_session session;
    struct wf_postgres_params params;
    char id[WF_NODE_ID_CHARS_MAX + 1];
    uint64_t incarnation; // 0: not joined
    uint32_t ttl_ms;
};

static weft_err join(void *self, struct wf_registry_node *node,
                     uint32_t ttl_ms);
static weft_err renew(void *self, bool is_draining);
static weft_err look(void *self, struct wf_registry_map *map);
static weft_err want(void *self, uint32_t partition, const char *node_id);
static weft_err ready(void *self, uint32_t partition);
static weft_err copied(void *self, const struct wf_registry_copy *copies,
                       uint32_t count);
static weft_err drain(void *self, const char *node_id, bool is_on);
static weft_err raise_records(void *self, uint32_t record_version);
static weft_err leave(void *self);
static weft_err forget(void *self, const char *node_id);
static weft_err forget_old(void *self, uint64_t silent_ms);
static void stop_registry(void *self);
static void close_registry(void *self);

static const struct wf_registry_ops postgres_ops = {
    .join = join,
    .renew = renew,
    .look = look,
    .want = want,
    .ready = ready,
    .copied = copied,
    .drain = drain,
    .raise = raise_records,
    .leave = leave,
    .forget = forget,
    .forget_old = forget_old,
    .stop = stop_registry,
    .close = close_registry,
};

weft_err
wf_registry_postgres_open(const struct wf_postgres_options *options,
                          struct wf_registry *out_registry)
{
    struct wf_registry_postgres *registry = wf_calloc(sizeof(*registry));
    weft_err err = wf_session_shared_init(&registry->shared, options);

    if (err == WEFT_OK) {
        err =
            wf_session_init(&registry->session, &registry->shared, "registry");
    }
    if (err == WEFT_OK) {
        err = wf_session_ready(&registry->session, 0);
    }
    if (err != WEFT_OK) {
        close_registry(registry);
        return err;
    }
    out_registry->ops = &postgres_ops;
    out_registry->self = registry;
    return WEFT_OK;
}

static void
close_registry(void *self)
{
    struct wf_registry_postgres *registry = self;

    wf_session_fini(&registry->session);
    wf_postgres_params_fini(&registry->params);
    wf_session_shared_fini(&registry->shared);
    wf_free(registry);
}

static void
stop_registry(void *self)
{
    struct wf_registry_postgres *registry = self;

    wf_session_shared_stop(&registry->shared);
}

// Whoever asks has to see to its partitions when its lease is over. It is
// renewed at a third of it, and so waits no longer than for the rest.
static uint32_t
limit_ms(const struct wf_registry_postgres *registry)
{
    uint32_t ms = registry->ttl_ms / 3 * 2;

    if (registry->ttl_ms == 0) {
        return 0; // it has not joined
    }
    return ms < LIMIT_MS_MIN ? LIMIT_MS_MIN : ms;
}

// Connected, with no parameters yet.
static weft_err
be_ready(struct wf_registry_postgres *registry)
{
    static const char sql[] = "SELECT set_config('lock_timeout', '2s', false)";
    struct wf_session *session = &registry->session;
    uint64_t connections = session->connections;
    weft_err err;

    wf_postgres_hurry(session->postgres, limit_ms(registry));
    err = wf_session_ready(session, WF_SESSION_CHECK_MS);
    wf_postgres_params_reset(&registry->params);
    // What an earlier call left behind may hold the row.
    if (err == WEFT_OK && session->connections != connections) {
        err = wf_postgres_run(session->postgres, sql, NULL, WF_SESSION_LIMIT_MS,
                              NULL);
    }
    return err;
}

// Commit what the parameters are for, and give how many rows came back.
static weft_err
commit(struct wf_registry_postgres *registry, const char *sql,
       uint64_t *out_number, uint32_t *out_count)
{
    struct wf_postgres_rows *rows = NULL;
    weft_err err =
        wf_session_commit(&registry->session, sql, &registry->params, &rows);

    if (err != WEFT_OK) {
        return err;
    }
    *out_count = wf_postgres_rows_count(rows);
    if (*out_count > 0 && out_number != NULL) {
        *out_number = wf_postgres_number(rows, 0, 0);
    }
    wf_postgres_rows_destroy(rows);
    return WEFT_OK;
}

static weft_err
read_version(struct wf_registry_postgres *registry, uint32_t *out_version)
{
    static const char sql[] = "SELECT record_version FROM weft.cluster";
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_run(registry->session.postgres, sql, NULL,
                                   WF_SESSION_LIMIT_MS, &rows);

    if (err == WEFT_OK) {
        *out_version = (uint32_t)wf_postgres_number(rows, 0, 0);
        wf_postgres_rows_destroy(rows);
    }
    return err;
}

// Why it could not join.
static weft_err
explain_version(struct wf_registry_postgres *registry, uint32_t record_max)
{
    uint32_t version = 0;
    weft_err err = read_version(registry, &version);

    return err == WEFT_OK ? wf_registry_too_old(record_max, version) : err;
}

// A node that joins holds the cluster's row, and so do we: who is too old has
// joined before we look, or sees the new version.
static weft_err
raise_records(void *self, uint32_t record_version)
{
    struct wf_registry_postgres *registry = self;
    struct wf_postgres *postgres = registry->session.postgres;
    char sql[512];
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(
        sql, sizeof(sql),
        "BEGIN; SELECT id FROM weft.cluster FOR UPDATE;"
        "UPDATE weft.cluster SET record_version = %" PRIu32
        " WHERE record_version < %" PRIu32
        " AND NOT EXISTS (SELECT FROM weft.node"
        " WHERE record_max < %" PRIu32 " AND lease_until > clock_timestamp()"
        " - %d * interval '1 millisecond'); COMMIT",
        record_version, record_version, record_version, WF_REGISTRY_BACK_MS);
    err = wf_postgres_script(postgres, sql, WF_SESSION_LIMIT_MS);
    if (err == WEFT_OK && wf_postgres_warning(postgres)[0] != '\0') {
        err = wf_error(WEFT_EIO, "postgres: %s", wf_postgres_warning(postgres));
    }
    if (err != WEFT_OK) {
        wf_postgres_disconnect(postgres); // rolls back
    }
    return err;
}

static weft_err
join(void *self, struct wf_registry_node *node, uint32_t ttl_ms)
{
    static const char sql[] =
        "INSERT INTO weft.node AS n (node_id, incarnation, endpoint, service,"
        " curve_key, protocol_min, protocol_max, record_max, draining,"
        " lease_until) SELECT $1, c.forgotten + 1, $2, $3, $4, $5, $6, $7, $8,"
        " clock_timestamp() + $9 * interval '1 millisecond' FROM weft.cluster c"
        " WHERE c.record_version <= $7 FOR SHARE"
        " ON CONFLICT (node_id) DO UPDATE SET incarnation = n.incarnation + 1,"
        " endpoint = $2, service = $3, curve_key = $4, protocol_min = $5,"
        " protocol_max = $6, record_max = $7, draining = $8,"
        " lease_until = clock_timestamp() + $9 * interval '1 millisecond'"
        " RETURNING incarnation";
    struct wf_registry_postgres *registry = self;
    struct wf_postgres_params *params = &registry->params;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    if (err == WEFT_OK) {
        err = wf_session_permits(&registry->session);
    }
    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(params, node->id);
    wf_postgres_put_text(params, node->endpoint);
    wf_postgres_put_text(params, node->service);
    wf_postgres_put_text(params, node->curve_key);
    wf_postgres_put_number(params, node->protocol_min);
    wf_postgres_put_number(params, node->protocol_max);
    wf_postgres_put_number(params, node->record_max);
    wf_postgres_put_flag(params, node->is_draining);
    wf_postgres_put_number(params, ttl_ms);
    err = commit(registry, sql, &node->incarnation, &count);
    if (err == WEFT_OK && count == 0) {
        err = explain_version(registry, node->record_max);
    }
    if (err != WEFT_OK) {
        return err;
    }
    memcpy(registry->id, node->id, sizeof(registry->id));
    registry->incarnation = node->incarnation;
    registry->ttl_ms = ttl_ms;
    return WEFT_OK;
}

// WEFT_ECLOSED if the row of our incarnation was not there.
static weft_err
check_replaced(const struct wf_registry_postgres *registry, uint32_t count)
{
    return count > 0 ? WEFT_OK
                     : wf_error(WEFT_ECLOSED,
                                "another process has registered as node %s",
                                registry->id);
}

static weft_err
renew(void *self, bool is_draining)
{
    static const char sql[] =
        "UPDATE weft.node SET draining = draining OR $3,"
        " lease_until = clock_timestamp() + $4 * interval '1 millisecond'"
        " WHERE node_id = $1 AND incarnation = $2 RETURNING incarnation";
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    WF_ASSERT(registry->incarnation != 0);
    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(&registry->params, registry->id);
    wf_postgres_put_number(&registry->params, registry->incarnation);
    wf_postgres_put_flag(&registry->params, is_draining);
    wf_postgres_put_number(&registry->params, registry->ttl_ms);
    err = commit(registry, sql, NULL, &count);
    return err == WEFT_OK ? check_replaced(registry, count) : err;
}

static weft_err
leave(void *self)
{
    static const char sql[] =
        "UPDATE weft.node SET lease_until = clock_timestamp()"
        " WHERE node_id = $1 AND incarnation = $2 RETURNING incarnation";
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    WF_ASSERT(registry->incarnation != 0);
    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(&registry->params, registry->id);
    wf_postgres_put_number(&registry->params, registry->incarnation);
    err = commit(registry, sql, NULL, &count);
    return err == WEFT_OK ? check_replaced(registry, count) : err;
}

static weft_err
look(void *self, struct wf_registry_map *map)
{
    struct wf_registry_postgres *registry = self;
    struct wf_registry_map found = {0};
    weft_err err = be_ready(registry);

    // An owner that joined between the two is seen with the next look.
    if (err == WEFT_OK) {
        err = wf_registry_rows_nodes(registry->session.postgres, &found);
    }
    if (err == WEFT_OK) {
        err = wf_registry_rows_parts(registry->session.postgres, &found);
    }
    if (err == WEFT_OK) {
        err = read_version(registry, &found.record_version);
    }
    if (err != WEFT_OK) {
        wf_registry_map_fini(&found);
        return err;
    }
    memcpy(found.cluster_id, registry->session.facts.id,
           sizeof(found.cluster_id));
    found.durability = registry->session.promise.durability;
    wf_registry_map_fini(map);
    *map = found;
    return WEFT_OK;
}

static weft_err
want(void *self, uint32_t partition, const char *node_id)
{
    static const char sql[] =
        "UPDATE weft.part SET want_owner = nullif($2, owner) WHERE id = $1"
        " AND ($2 IS NULL OR EXISTS (SELECT FROM weft.node"
        " WHERE node_id = $2 AND lease_until > clock_timestamp()))"
        " RETURNING epoch";
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_number(&registry->params, partition);
    wf_postgres_put_text(&registry->params, node_id);
    err = commit(registry, sql, NULL, &count);
    if (err == WEFT_OK && count == 0) {
        err = wf_error(WEFT_ENOTFOUND,
                       "there is no partition %" PRIu32 ", or no live node %s",
                       partition, node_id != NULL ? node_id : "");
    }
    return err;
}

static weft_err
ready(void *self, uint32_t partition)
{
    static const char sql[] =
        "UPDATE weft.part SET ready_owner = $2 WHERE id = $1"
        " RETURNING epoch";
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    if (err == WEFT_OK) {
        wf_postgres_put_number(&registry->params, partition);
        wf_postgres_put_text(&registry->params, registry->id);
        err = commit(registry, sql, NULL, &count);
    }
    return err;
}

static weft_err
copied(void *self, const struct wf_registry_copy *copies, uint32_t count)
{
    static const char sql[] =
        "INSERT INTO weft.copy AS c (part, node_id, incarnation, lsn)"
        " SELECT t.part, $1, $2, t.lsn"
        " FROM unnest($3::bigint[], $4::bigint[]) AS t(part, lsn)"
        " ON CONFLICT (part) DO UPDATE SET node_id = $1, incarnation = $2,"
        " lsn = excluded.lsn WHERE excluded.lsn > 0 OR c.node_id = $1"
        " RETURNING incarnation";
    struct wf_registry_postgres *registry = self;
    struct wf_postgres_params *params = &registry->params;
    uint32_t told = 0;
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(params, registry->id);
    wf_postgres_put_number(params, registry->incarnation);
    wf_postgres_open_numbers(params, count);
    for (uint32_t i = 0; i < count; i++) {
        wf_postgres_add_number(params, copies[i].partition);
    }
    wf_postgres_open_numbers(params, count);
    for (uint32_t i = 0; i < count; i++) {
        wf_postgres_add_number(params, copies[i].commit);
    }
    return commit(registry, sql, NULL, &told);
}

static weft_err
drain(void *self, const char *node_id, bool is_on)
{
    static const char sql[] = "UPDATE weft.node SET draining = $2"
                              " WHERE node_id = $1 RETURNING incarnation";
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(&registry->params, node_id);
    wf_postgres_put_flag(&registry->params, is_on);
    err = commit(registry, sql, NULL, &count);
    if (err == WEFT_OK && count == 0) {
        err = wf_error(WEFT_ENOTFOUND, "there is no node %s", node_id);
    }
    return err;
}

// What may be forgotten of those that `condition` names: who left and has
// nothing. The newest incarnation of all that were is kept.
#define FORGET_SQL(condition)                                                  \
    "WITH d AS (DELETE FROM weft.node n WHERE " condition                      \
    " AND n.lease_until <= clock_timestamp() AND NOT EXISTS"                   \
    " (SELECT FROM weft.part p WHERE p.owner = n.node_id)"                     \
    " RETURNING n.node_id, n.incarnation),"                                    \
    " w AS (UPDATE weft.part SET want_owner = NULL"                            \
    " WHERE want_owner IN (SELECT node_id FROM d)),"                           \
    " c AS (UPDATE weft.cluster SET forgotten = greatest(forgotten,"           \
    " (SELECT max(incarnation) FROM d)) WHERE EXISTS (SELECT FROM d))"         \
    " SELECT incarnation FROM d"

// Why a node could not be forgotten.
static weft_err
explain_refusal(struct wf_registry_postgres *registry, const char *node_id)
{
    static const char sql[] =
        "SELECT n.lease_until > clock_timestamp(), (SELECT count(*) FROM"
        " weft.part p WHERE p.owner = n.node_id) FROM weft.node n"
        " WHERE n.node_id = $1";
    struct wf_postgres_rows *rows = NULL;
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(&registry->params, node_id);
    err = wf_postgres_run(registry->session.postgres, sql, &registry->params,
                          WF_SESSION_LIMIT_MS, &rows);
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_postgres_rows_count(rows) == 0) {
        err = wf_error(WEFT_ENOTFOUND, "there is no node %s", node_id);
    } else {
        err = wf_registry_refuse_forget(node_id, wf_postgres_flag(rows, 0, 0),
                                        wf_postgres_number(rows, 0, 1));
    }
    wf_postgres_rows_destroy(rows);
    return err;
}

static weft_err
forget(void *self, const char *node_id)
{
    static const char sql[] = FORGET_SQL("n.node_id = $1");
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_text(&registry->params, node_id);
    err = commit(registry, sql, NULL, &count);
    return err == WEFT_OK && count == 0 ? explain_refusal(registry, node_id)
                                        : err;
}

static weft_err
forget_old(void *self, uint64_t silent_ms)
{
    static const char sql[] = FORGET_SQL("n.lease_until <= clock_timestamp()"
                                         " - $1 * interval '1 millisecond'");
    struct wf_registry_postgres *registry = self;
    uint32_t count = 0;
    weft_err err = be_ready(registry);

    if (err != WEFT_OK) {
        return err;
    }
    wf_postgres_put_number(&registry->params, silent_ms);
    return commit(registry, sql, NULL, &count);
}
