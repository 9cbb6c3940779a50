// SPDX-License-Identifier: Apache-2.0
//
// test_snapshots_postgres.c - files of snapshots in a real database: what only
// a database has. What all places promise: unit/test_kept.c.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postgres/servers.h"
#include "storage/log_postgres.h"
#include "storage/snapshots.h"
#include "support/test.h"

#define LARGE_BYTES (((size_t)5 << 20) / 2 + 3) // three chunks

struct rig {
    struct servers *servers;
    struct wf_snapshots snapshots;
    struct wf_snapshots_manifest manifest; // of DIR/store
    char store[512];
    char other[512];
};

static void
write_file(const char *dir, const char *name, size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    char path[600];
    FILE *file;

    CHECK(bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 997);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes, 1, len, file), len);
    CHECK_EQ(fclose(file), 0);
    free(bytes);
}

static void
begin(struct rig *rig, struct test *t)
{
    struct wf_postgres_options options = {.clock = wf_clock_system()};
    struct wf_cluster_facts facts;

    *rig = (struct rig){.servers = servers_start(1, NULL)};
    options.conninfo = servers_conninfo(rig->servers);
    CHECK_OK(wf_postgres_init(&options, 4, &facts));
    CHECK_OK(wf_snapshots_postgres_open(&options, &rig->snapshots));
    (void)snprintf(rig->store, sizeof(rig->store), "%s/store", test_dir(t));
    (void)snprintf(rig->other, sizeof(rig->other), "%s/other", test_dir(t));
    CHECK_EQ(mkdir(rig->store, 0755), 0);
    write_file(rig->store, "000001.sst", LARGE_BYTES);
    write_file(rig->store, "CURRENT", 16);
    write_file(rig->store, "EMPTY", 0);
    CHECK_OK(wf_snapshots_scan(rig->store, NULL, &rig->manifest));
    CHECK_EQ(rig->manifest.files_count, 3);
}

static void
end(struct rig *rig)
{
    wf_snapshots_manifest_fini(&rig->manifest);
    rig->snapshots.ops->close(rig->snapshots.self);
    servers_stop(rig->servers);
}

static weft_err
put(struct rig *rig, uint32_t i, bool *out_is_new)
{
    const struct wf_snapshots_file *file = &rig->manifest.files[i];
    char path[800];

    (void)snprintf(path, sizeof(path), "%s/%s", rig->store, file->name);
    return rig->snapshots.ops->put(rig->snapshots.self, file, path, out_is_new);
}

static void
put_all(struct rig *rig, bool are_new)
{
    for (uint32_t i = 0; i < rig->manifest.files_count; i++) {
        bool is_new = !are_new;

        CHECK_OK(put(rig, i, &is_new));
        CHECK_EQ(is_new, are_new);
    }
}

static void
count_one(void *ctx, const uint8_t *hash)
{
    CHECK(hash != NULL);
    ++*(uint32_t *)ctx;
}

static uint32_t
count_older(struct rig *rig, uint64_t age_ms)
{
    uint32_t count = 0;

    CHECK_OK(rig->snapshots.ops->list(rig->snapshots.self, age_ms, count_one,
                                      &count));
    return count;
}

// A file is in pieces there.
TEST(snapshots_postgres, a_piece_that_is_missing_or_damaged_is_found)
{
    struct rig rig;

    begin(&rig, t);
    put_all(&rig, true);
    (void)servers_sql(rig.servers, 0,
                      "UPDATE weft.snap_file SET data = set_byte(data, 7, "
                      "255 - get_byte(data, 7)) WHERE chunk = 2");
    CHECK_ERR(wf_snapshots_restore(&rig.snapshots, &rig.manifest, rig.other),
              WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "000001.sst") != NULL);
    (void)servers_sql(rig.servers, 0,
                      "DELETE FROM weft.snap_file WHERE chunk = 3");
    CHECK_ERR(wf_snapshots_restore(&rig.snapshots, &rig.manifest, rig.other),
              WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "000001.sst") != NULL);
    end(&rig);
}

// A put that was cut short is garbage too.
TEST(snapshots_postgres, garbage_is_listed_by_age_and_removed)
{
    struct rig rig;
    bool is_new;

    begin(&rig, t);
    put_all(&rig, true);
    (void)servers_sql(rig.servers, 0,
                      "UPDATE weft.snap_file SET data = int8send(-1) || "
                      "int8send(7) WHERE chunk = 0 AND hash = (SELECT hash "
                      "FROM weft.snap_file WHERE chunk = 3)");
    CHECK_EQ(count_older(&rig, 0), 3);
    CHECK_EQ(count_older(&rig, 3600000), 1);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_OK(rig.snapshots.ops->remove(
            rig.snapshots.self, rig.manifest.files[i].hash, 3600000));
    }
    CHECK_EQ(count_older(&rig, 0), 2); // those that are young
    CHECK_STR(
        servers_sql(rig.servers, 0,
                    "SELECT count(*) FROM weft.snap_file WHERE chunk > 1"),
        "0\n");
    CHECK_OK(put(&rig, 0, &is_new));
    CHECK(is_new);
    end(&rig);
}
