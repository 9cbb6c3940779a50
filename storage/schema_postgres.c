// SPDX-License-Identifier: Apache-2.0
//
// schema_postgres.c - the tables of a cluster, and which version they are of.
//
// docs/formats/cluster.md says what is in them. A version is a step from the
// one before; making is all steps that are missing, in one transaction, under
// an advisory lock, so that two may do it at once.
//
//   part   a row is updated by each commit: most of its page is left free, so
//          that each update stays on the page and touches no index
//   clog   rows come at one end and leave at the other; what is appended is not
//          compressed (a segment knows better), and vacuum is to keep up with
//          what was deleted, in the table that holds the long ones too
//
// Threads: none of its own.

#include "storage/schema_postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { LIMIT_MS = 30000 };

static const char version_1[] =
    "CREATE TABLE weft.cluster ("
    "    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),"
    "    id bytea NOT NULL,"
    "    schema_version bigint NOT NULL,"
    "    partition_count bigint NOT NULL,"
    "    system_identifier bigint NOT NULL,"
    "    made_at timestamptz NOT NULL DEFAULT clock_timestamp());"
    "CREATE TABLE weft.node ("
    "    node_id text PRIMARY KEY,"
    "    incarnation bigint NOT NULL,"
    "    endpoint text NOT NULL,"
    "    service text NOT NULL,"
    "    curve_key text NOT NULL,"
    "    protocol_min bigint NOT NULL,"
    "    protocol_max bigint NOT NULL,"
    "    record_max bigint NOT NULL,"
    "    lease_until timestamptz NOT NULL,"
    "    draining boolean NOT NULL DEFAULT false) WITH (fillfactor = 30);"
    "CREATE TABLE weft.part ("
    "    id integer PRIMARY KEY,"
    "    epoch bigint NOT NULL DEFAULT 0,"
    "    owner text,"
    "    owner_inc bigint,"
    "    next_lsn bigint NOT NULL DEFAULT 1,"
    "    first_lsn bigint NOT NULL DEFAULT 1,"
    "    snap_lsn bigint NOT NULL DEFAULT 0,"
    "    snap_number bigint NOT NULL DEFAULT 0,"
    "    want_owner text,"
    "    ready_owner text) WITH (fillfactor = 30,"
    "    autovacuum_vacuum_scale_factor = 0,"
    "    autovacuum_vacuum_threshold = 2000,"
    "    autovacuum_vacuum_cost_delay = 0);"
    "CREATE TABLE weft.clog ("
    "    part integer NOT NULL,"
    "    lsn bigint NOT NULL,"
    "    epoch bigint NOT NULL,"
    "    data bytea NOT NULL,"
    "    PRIMARY KEY (part, lsn)) WITH ("
    "    autovacuum_vacuum_scale_factor = 0,"
    "    autovacuum_vacuum_threshold = 20000,"
    "    autovacuum_vacuum_insert_scale_factor = 0,"
    "    autovacuum_vacuum_insert_threshold = 200000,"
    "    autovacuum_analyze_scale_factor = 0,"
    "    autovacuum_analyze_threshold = 500000,"
    "    autovacuum_vacuum_cost_delay = 1,"
    "    toast.autovacuum_vacuum_scale_factor = 0,"
    "    toast.autovacuum_vacuum_threshold = 20000,"
    "    toast.autovacuum_vacuum_cost_delay = 1);"
    "ALTER TABLE weft.clog ALTER COLUMN data SET STORAGE EXTERNAL;"
    "CREATE TABLE weft.snap ("
    "    part integer NOT NULL,"
    "    number bigint NOT NULL,"
    "    lsn bigint NOT NULL,"
    "    epoch bigint NOT NULL,"
    "    manifest bytea NOT NULL,"
    "    PRIMARY KEY (part, number));"
    "CREATE TABLE weft.snap_file ("
    "    hash bytea NOT NULL,"
    "    chunk integer NOT NULL,"
    "    data bytea NOT NULL,"
    "    PRIMARY KEY (hash, chunk));"
    "ALTER TABLE weft.snap_file ALTER COLUMN data SET STORAGE EXTERNAL;";

static const char version_2[] =
    "ALTER TABLE weft.cluster ADD COLUMN forgotten bigint NOT NULL DEFAULT 0;"
    "ALTER TABLE weft.cluster ADD COLUMN record_version bigint NOT NULL"
    "    DEFAULT 2;"
    "CREATE TABLE weft.blame ("
    "    part integer NOT NULL,"
    "    actor bytea NOT NULL,"
    "    node_id text NOT NULL,"
    "    at bigint NOT NULL,"
    "    how text NOT NULL,"
    "    told bigint NOT NULL DEFAULT 0,"
    "    PRIMARY KEY (part, actor, node_id, at));";

// From here on builds say who can work with what they make.
static const char version_3[] =
    "ALTER TABLE weft.cluster ADD COLUMN schema_least bigint NOT NULL"
    "    DEFAULT 3;"
    "CREATE TABLE weft.copy ("
    "    part integer PRIMARY KEY,"
    "    node_id text NOT NULL,"
    "    incarnation bigint NOT NULL,"
    "    lsn bigint NOT NULL) WITH (fillfactor = 30);";

#ifdef WF_NEXT
static const char version_4[] =
    "ALTER TABLE weft.node ADD COLUMN next bigint NOT NULL DEFAULT 1;";
#endif

// From version i to i + 1.
static const char *const steps[WF_SCHEMA_VERSION] = {
    version_1,
    version_2,
    version_3,
#ifdef WF_NEXT
    version_4,
#endif
};

weft_err
wf_schema_read(struct wf_postgres *postgres, struct wf_cluster_facts *out_facts)
{
    // A column that older schemas have not, in a way that finds that out.
    static const char sql[] =
        "SELECT id, schema_version, partition_count, system_identifier,"
        " coalesce((to_jsonb(c)->>'schema_least')::bigint, schema_version)"
        " FROM weft.cluster c";
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_run(postgres, sql, NULL, LIMIT_MS, &rows);
    const char *state = wf_postgres_sqlstate(postgres);
    weft_bytes id;

    if (strcmp(state, "3F000") == 0 || strcmp(state, "42P01") == 0) {
        return wf_error(WEFT_ENOTFOUND,
                        "the database has no cluster: weft cluster init "
                        "makes one");
    }
    if (strcmp(state, "42703") == 0) { // a column is missing
        return wf_error(WEFT_EFORMAT,
                        "the database's schema weft is not one of Weft's: %s",
                        weft_err_detail());
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_postgres_rows_count(rows) != 1 ||
        wf_postgres_bytes(rows, 0, 0).len != sizeof(out_facts->id)) {
        wf_postgres_rows_destroy(rows);
        return wf_error(WEFT_EFORMAT,
                        "the database's table weft.cluster is not one of "
                        "Weft's");
    }
    id = wf_postgres_bytes(rows, 0, 0);
    memcpy(out_facts->id, id.data, sizeof(out_facts->id));
    out_facts->schema_version = (uint32_t)wf_postgres_number(rows, 0, 1);
    out_facts->partition_count = (uint32_t)wf_postgres_number(rows, 0, 2);
    out_facts->system_identifier = wf_postgres_number(rows, 0, 3);
    out_facts->schema_least = (uint32_t)wf_postgres_number(rows, 0, 4);
    wf_postgres_rows_destroy(rows);
    if (out_facts->schema_least > WF_SCHEMA_VERSION) {
        return wf_error(WEFT_EFORMAT,
                        "the database's schema weft is of version %" PRIu32
                        ", and who works with it must know %" PRIu32
                        ": this build knows up to %d",
                        out_facts->schema_version, out_facts->schema_least,
                        WF_SCHEMA_VERSION);
    }
    return WEFT_OK;
}

static weft_err
add_cluster(struct wf_postgres *postgres, uint32_t partition_count)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "INSERT INTO weft.cluster (id, schema_version, schema_least,"
             " partition_count, system_identifier)"
             " SELECT uuid_send(gen_random_uuid()), %d, %d, %" PRIu32
             ", system_identifier FROM pg_control_system();"
             "INSERT INTO weft.part (id) SELECT generate_series(0, %" PRIu32
             ")",
             WF_SCHEMA_VERSION, WF_SCHEMA_LEAST, partition_count,
             partition_count - 1);
    return wf_postgres_script(postgres, sql, LIMIT_MS);
}

static weft_err
take_steps(struct wf_postgres *postgres, uint32_t from)
{
    weft_err err = WEFT_OK;

    for (uint32_t i = from; i < WF_SCHEMA_VERSION && err == WEFT_OK; i++) {
        err = wf_postgres_script(postgres, steps[i], LIMIT_MS);
    }
    return err;
}

static weft_err
exists(struct wf_postgres *postgres, const char *sql, bool *out_exists)
{
    struct wf_postgres_rows *rows = NULL;
    weft_err err = wf_postgres_run(postgres, sql, NULL, LIMIT_MS, &rows);

    if (err == WEFT_OK) {
        *out_exists = wf_postgres_flag(rows, 0, 0);
        wf_postgres_rows_destroy(rows);
    }
    return err;
}

static weft_err
make_all(struct wf_postgres *postgres, uint32_t partition_count)
{
    static const char sql[] = "SELECT to_regnamespace('weft') IS NOT NULL";
    bool has_schema = false; // its owner may have made it, empty, for us
    weft_err err = exists(postgres, sql, &has_schema);

    if (err == WEFT_OK && !has_schema) {
        err = wf_postgres_script(postgres, "CREATE SCHEMA weft", LIMIT_MS);
    }
    if (err == WEFT_OK) {
        err = take_steps(postgres, 0);
    }
    return err == WEFT_OK ? add_cluster(postgres, partition_count) : err;
}

static weft_err
bring_up_to_date(struct wf_postgres *postgres)
{
    struct wf_cluster_facts facts = {0};
    char sql[120];
    weft_err err = wf_schema_read(postgres, &facts);

    if (err != WEFT_OK || facts.schema_version >= WF_SCHEMA_VERSION) {
        return err;
    }
    err = take_steps(postgres, facts.schema_version);
    if (err != WEFT_OK) {
        return err;
    }
    snprintf(sql, sizeof(sql),
             "UPDATE weft.cluster SET schema_version = %d, schema_least = %d",
             WF_SCHEMA_VERSION, WF_SCHEMA_LEAST);
    return wf_postgres_script(postgres, sql, LIMIT_MS);
}

weft_err
wf_schema_make(struct wf_postgres *postgres, uint32_t partition_count)
{
    static const char sql[] = "SELECT to_regclass('weft.cluster') IS NOT NULL";
    bool has_cluster = false;
    weft_err err;

    // The number is "weft" in ASCII.
    err = wf_postgres_script(
        postgres, "BEGIN; SELECT pg_advisory_xact_lock(2003133044)", LIMIT_MS);
    if (err == WEFT_OK) {
        err = exists(postgres, sql, &has_cluster);
    }
    if (err == WEFT_OK) {
        err = has_cluster ? bring_up_to_date(postgres)
                          : make_all(postgres, partition_count);
    }
    if (err == WEFT_OK) {
        err = wf_postgres_script(postgres, "COMMIT", LIMIT_MS);
    }
    if (err == WEFT_OK && wf_postgres_warning(postgres)[0] != '\0') {
        err = wf_error(WEFT_EIO, "postgres: %s", wf_postgres_warning(postgres));
    }
    if (err != WEFT_OK) {
        wf_postgres_disconnect(postgres); // rolls back
    }
    return err;
}
