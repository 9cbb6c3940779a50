// SPDX-License-Identifier: Apache-2.0
//
// witness.c - triggers in a cluster's database, and what they saw.
//
// A writer's connection has its node's name as application_name, and the
// address that it comes from. Of an epoch the commits are a range: first, last,
// and how many did not follow the one before. The version of what was written
// is the second byte of a segment; beside it is the newest that all nodes could
// read whose lease ran then.

#include "nodes/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/servers.h"

void
witness_begin(struct servers *servers, int server)
{
    (void)servers_sql(
        servers, server,
        "CREATE TABLE owned (part integer, epoch bigint, owner text,"
        " inc bigint, PRIMARY KEY (part, epoch));"
        "CREATE TABLE written (part integer, epoch bigint, who text,"
        " address text, first bigint, last bigint, gaps bigint,"
        " PRIMARY KEY (part, epoch, who, address)) WITH (fillfactor = 50);"
        "CREATE TABLE version (version integer, readable bigint,"
        " PRIMARY KEY (version, readable));"
        "CREATE FUNCTION see_owner() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN INSERT INTO owned VALUES"
        " (NEW.id, NEW.epoch, NEW.owner, NEW.owner_inc); RETURN NULL; END $$;"
        "CREATE FUNCTION see_commit() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN INSERT INTO written AS w VALUES (NEW.part, NEW.epoch,"
        " current_setting('application_name'),"
        " coalesce(host(inet_client_addr()), ''), NEW.lsn, NEW.lsn, 0)"
        " ON CONFLICT (part, epoch, who, address) DO UPDATE SET"
        " last = NEW.lsn,"
        " gaps = w.gaps + CASE WHEN w.last + 1 <> NEW.lsn THEN 1 ELSE 0 END;"
        " INSERT INTO version SELECT get_byte(NEW.data, 1), min(record_max)"
        " FROM weft.node WHERE lease_until > clock_timestamp()"
        " HAVING min(record_max) IS NOT NULL ON CONFLICT DO NOTHING;"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER see_owner AFTER UPDATE ON weft.part FOR EACH ROW"
        " WHEN (OLD.epoch <> NEW.epoch) EXECUTE FUNCTION see_owner();"
        "CREATE TRIGGER see_commit AFTER INSERT ON weft.clog FOR EACH ROW"
        " EXECUTE FUNCTION see_commit()");
}

uint32_t
witness_owned(struct servers *servers, int server, const char *node)
{
    char sql[160];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM weft.part WHERE owner = '%s'", node);
    return (uint32_t)strtoul(servers_sql(servers, server, sql), NULL, 10);
}

uint32_t
witness_check(struct servers *servers, int server)
{
    static const char *const faults[][2] = {
        {"two wrote in one epoch",
         "SELECT part, epoch, string_agg(who || ' ' || address, ', ')"
         " FROM written GROUP BY part, epoch HAVING count(*) > 1"},
        {"somebody wrote who was not the owner",
         "SELECT w.* FROM written w LEFT JOIN owned o USING (part, epoch)"
         " WHERE w.who IS DISTINCT FROM 'weft ' || o.owner"},
        {"commits of an epoch are not one after the other",
         "SELECT * FROM written WHERE gaps <> 0"},
        {"an epoch does not begin where the one before ended",
         "SELECT * FROM (SELECT part, epoch, first, coalesce(lag(last)"
         " OVER (PARTITION BY part ORDER BY epoch), 0) AS before"
         " FROM written) w WHERE first <> before + 1"},
        {"the log has not what was written",
         "SELECT p.id, p.next_lsn, max(w.last) FROM weft.part p"
         " LEFT JOIN written w ON w.part = p.id GROUP BY p.id, p.next_lsn"
         " HAVING p.next_lsn <> coalesce(max(w.last), 0) + 1"},
    };
    uint32_t count = 0;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const char *rows = servers_sql(servers, server, faults[i][1]);

        if (rows[0] != '\0') {
            (void)fprintf(stderr, "%s:\n%s", faults[i][0], rows);
            count++;
        }
    }
    return count;
}
