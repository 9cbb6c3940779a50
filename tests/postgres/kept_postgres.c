// SPDX-License-Identifier: Apache-2.0
//
// kept_postgres.c - the place of unit/test_kept.c is a database: one server for
// all tests, and a new schema for each.

#include <stdio.h>
#include <stdlib.h>

#include "postgres/servers.h"
#include "storage/log_postgres.h"
#include "unit/kept_rig.h"

struct kept_rig {
    struct wf_postgres_options options;
};

static struct servers *servers;

static void
stop_servers(void)
{
    servers_stop(servers);
}

struct kept_rig *
kept_rig_create(struct test *t)
{
    struct kept_rig *rig = calloc(1, sizeof(*rig));
    struct wf_cluster_facts facts;

    (void)t;
    CHECK(rig != NULL);
    if (servers == NULL) {
        servers = servers_start(1, NULL);
        atexit(stop_servers);
    } else {
        servers_sql(servers, 0, "DROP SCHEMA weft CASCADE");
    }
    rig->options.conninfo = servers_conninfo(servers);
    rig->options.clock = wf_clock_system();
    CHECK_OK(wf_postgres_init(&rig->options, 4, &facts));
    return rig;
}

void
kept_rig_destroy(struct kept_rig *rig)
{
    free(rig);
}

void
kept_rig_open(struct kept_rig *rig, struct wf_snapshots *out_snapshots)
{
    CHECK_OK(wf_snapshots_postgres_open(&rig->options, out_snapshots));
}

// "BEFORE ... hash = ... BEHIND"
static void
run(const char *before, const uint8_t *hash, const char *behind)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];
    char sql[400];

    wf_snapshots_hex(hash, hex);
    (void)snprintf(sql, sizeof(sql), "%s WHERE hash = '\\x%s' AND %s", before,
                   hex, behind);
    (void)servers_sql(servers, 0, sql);
}

void
kept_rig_lose(struct kept_rig *rig, const uint8_t *hash)
{
    (void)rig;
    run("DELETE FROM weft.snap_file", hash, "true");
}

void
kept_rig_damage(struct kept_rig *rig, const uint8_t *hash)
{
    (void)rig;
    run("UPDATE weft.snap_file SET data = set_byte(data, 7, "
        "255 - get_byte(data, 7))",
        hash, "chunk = 1");
}

// Chunk 0 is its length and when it was put.
void
kept_rig_age(struct kept_rig *rig, const uint8_t *hash)
{
    (void)rig;
    run("UPDATE weft.snap_file SET data = substr(data, 1, 8) || "
        "int8send(((extract(epoch FROM clock_timestamp()) - 7200) * "
        "1000)::bigint)",
        hash, "chunk = 0");
}
