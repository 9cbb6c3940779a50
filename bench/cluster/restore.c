// SPDX-License-Identifier: Apache-2.0
//
// restore.c - how fast a partition's store is made of a snapshot, as lines of
// tab separated values.
//
//     weft-bench-restore [MIB]
//
// Of so many MiB in files of FILE_MIB, as RocksDB's tables are: put to "pg:",
// which is a PostgreSQL on this machine, and to "dir:", and restored to a
// directory that has nothing, every hash checked, synced.

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "postgres/servers.h"
#include "storage/directory.h"
#include "storage/log_postgres.h"
#include "storage/snapshots.h"

#define FILE_MIB 4
#define PARTITIONS 1

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s: %s %s\n", what, weft_err_name(err),
                      weft_err_detail());
        exit(1);
    }
}

static double
now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Bytes that nothing makes smaller.
static void
write_file(const char *path, struct wf_random *random)
{
    static uint64_t block[(1 << 20) / sizeof(uint64_t)];
    FILE *file = fopen(path, "wb");
    bool is_good = file != NULL;

    for (int i = 0; is_good && i < FILE_MIB; i++) {
        for (size_t j = 0; j < sizeof(block) / sizeof(block[0]); j++) {
            block[j] = wf_random_u64(random);
        }
        is_good = fwrite(block, sizeof(block), 1, file) == 1;
    }
    if (!is_good || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void
make_store(const char *dir, uint32_t mib)
{
    struct wf_random random;
    char path[512];

    wf_random_init(&random, 1);
    must(wf_directory_make(dir), dir);
    for (uint32_t i = 0; i < mib / FILE_MIB; i++) {
        (void)snprintf(path, sizeof(path), "%s/%06" PRIu32 ".sst", dir, i);
        write_file(path, &random);
    }
}

static void
measure(const char *where, const struct wf_snapshots *snapshots,
        const char *dir, uint32_t mib)
{
    struct wf_snapshots_manifest manifest = {0};
    char source[192];
    char target[192];
    char path[512];
    double began_s;
    double put_s;
    double restored_s;

    (void)snprintf(source, sizeof(source), "%s/source", dir);
    (void)snprintf(target, sizeof(target), "%s/target", dir);
    began_s = now_s();
    must(wf_snapshots_scan(source, NULL, &manifest), "scan");
    for (uint32_t i = 0; i < manifest.files_count; i++) {
        bool is_new;

        (void)snprintf(path, sizeof(path), "%s/%s", source,
                       manifest.files[i].name);
        must(snapshots->ops->put(snapshots->self, &manifest.files[i], path,
                                 &is_new),
             "put");
    }
    put_s = now_s() - began_s;
    began_s = now_s();
    must(wf_snapshots_restore(snapshots, &manifest, target), "restore");
    restored_s = now_s() - began_s;
    (void)printf("snapshot in %s\t%" PRIu32 " MiB\tput %.0f MB/s\t"
                 "restored %.0f MB/s\n",
                 where, mib, mib * 1.048576 / put_s,
                 mib * 1.048576 / restored_s);
    (void)fflush(stdout);
    wf_snapshots_manifest_fini(&manifest);
    wf_directory_remove(target);
    snapshots->ops->close(snapshots->self);
}

int
main(int argc, char **argv)
{
    uint32_t mib = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 128;
    char dir[] = "/var/tmp/weft-restore-XXXXXX";
    struct servers *servers = servers_start(1, "/var/tmp");
    struct wf_postgres_options options = {
        .conninfo = servers_conninfo(servers),
        .clock = wf_clock_system(),
    };
    struct wf_cluster_facts facts;
    struct wf_snapshots snapshots;
    char path[64];

    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/source", dir);
    make_store(path, mib);
    must(wf_postgres_init(&options, PARTITIONS, &facts), "init");
    must(wf_snapshots_postgres_open(&options, &snapshots), "pg:");
    measure("pg:", &snapshots, dir, mib);
    (void)snprintf(path, sizeof(path), "%s/kept", dir);
    must(wf_directory_make(path), path);
    (void)snprintf(path, sizeof(path), "dir:%s/kept", dir);
    must(wf_snapshots_open(path, facts.id, &snapshots), "dir:");
    measure("dir:", &snapshots, dir, mib);
    wf_directory_remove(dir);
    servers_stop(servers);
    return 0;
}
