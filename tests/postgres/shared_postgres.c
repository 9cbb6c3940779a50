// SPDX-License-Identifier: Apache-2.0
//
// shared_postgres.c - the database of unit/test_log_shared.c as a real one: one
// server for all tests, and a new schema for each.

#include <stdio.h>
#include <stdlib.h>

#include "postgres/servers.h"
#include "storage/log_postgres.h"
#include "support/test.h"
#include "unit/shared_rig.h"

struct shared_rig {
    struct wf_postgres_options options;
};

static struct servers *servers;

static void
stop_servers(void)
{
    servers_stop(servers);
}

struct shared_rig *
shared_rig_create(void)
{
    struct shared_rig *rig = calloc(1, sizeof(*rig));
    struct wf_cluster_facts facts;

    if (servers == NULL) {
        servers = servers_start(1, NULL);
        atexit(stop_servers);
    } else {
        servers_sql(servers, 0, "DROP SCHEMA weft CASCADE");
    }
    rig->options.conninfo = servers_conninfo(servers);
    rig->options.clock = wf_clock_system();
    CHECK_OK(wf_postgres_init(&rig->options, SHARED_RIG_PARTITIONS, &facts));
    return rig;
}

void
shared_rig_destroy(struct shared_rig *rig)
{
    free(rig);
}

void
shared_rig_log(struct shared_rig *rig, const char *node_id,
               uint64_t incarnation, struct wf_shared_log *out_log)
{
    CHECK_OK(
        wf_log_postgres_open(&rig->options, node_id, incarnation, out_log));
}

void
shared_rig_registry(struct shared_rig *rig, const char *node_id,
                    struct wf_registry *out_registry)
{
    (void)node_id;
    CHECK_OK(wf_registry_postgres_open(&rig->options, out_registry));
}

void
shared_rig_expire(struct shared_rig *rig, const char *node_id)
{
    char sql[160];

    (void)rig;
    snprintf(sql, sizeof(sql),
             "UPDATE weft.node SET lease_until = clock_timestamp()"
             " WHERE node_id = '%s'",
             node_id);
    servers_sql(servers, 0, sql);
}
