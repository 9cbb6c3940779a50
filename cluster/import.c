// SPDX-License-Identifier: Apache-2.0
//
// import.c - a stopped node's directory becomes a cluster.
//
// First the directory is opened and closed once more, without running any code
// of its actors: then its rows say all there is, and its log is not needed.
// Each partition's rows become a store of their own, and that a snapshot. The
// log of the partition begins with one commit, which no store has and the
// snapshot stands for: so who takes the partition must restore it.
//
// It may be stopped anywhere, and begun again: partitions that are there are
// left alone. No node may be there meanwhile; who tries it holds a lease. At
// the end the directory is renamed, so that no node goes on with it by mistake.
//
// Threads: the caller's.

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/cluster_impl.h"
#include "runtime/depot.h"
#include "runtime/inside.h"
#include "runtime/node.h"
#include "runtime/partition.h"
#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/log_partition.h"
#include "storage/log_postgres.h"
#include "storage/snapshots.h"
#include "storage/store.h"
#include "weft/inspect.h"

#define LEASE_MS 600000
#define BATCH_BYTES ((size_t)1 << 20)
#define FIRST_COMMIT 1 // that no store has

struct import {
    const char *data_dir;
    char *work_dir; // DATA_DIR.import
    struct wf_postgres_options options;
    struct wf_cluster_facts facts;
    uint32_t store_count;
    struct wf_registry registry;
    struct wf_registry_map map;
    struct wf_registry_node self;
    struct wf_shared_log log;
    struct wf_snapshots files;
    weft_cluster_progress_fn *progress;
    void *ctx;
    uint32_t done; // partitions that are there
};

// Release with wf_free.
static char *
path_of(const char *dir, const char *name, uint32_t number)
{
    size_t size = strlen(dir) + strlen(name) + 16;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s-%" PRIu32, dir, name, number);
    return path;
}

// The directory. --------------------------------------------------------------

static weft_err
look_at_directory(struct import *import)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_inspect *inspect = NULL;
    weft_err err;

    options.data_dir = import->data_dir;
    err = weft_inspect_open(&options, &inspect);
    if (err == WEFT_OK) {
        err = weft_inspect_get_summary(inspect, &summary);
    }
    weft_inspect_close(inspect);
    if (err == WEFT_OK &&
        summary.partition_count != import->facts.partition_count) {
        err =
            wf_error(WEFT_EINVAL,
                     "%s has %" PRIu32 " partitions, and the cluster %" PRIu32,
                     import->data_dir, summary.partition_count,
                     import->facts.partition_count);
    }
    import->store_count = summary.store_count;
    return err;
}

// A node that is never stepped but to its end runs no code, and saves all.
static weft_err
save_all(const struct import *import)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct wf_node_seams seams = {.is_manual = true};
    weft_definitions *definitions = NULL;
    weft_node *node = NULL;
    weft_err err = weft_definitions_create(&definitions);

    options.data_dir = import->data_dir;
    options.definitions = definitions;
    options.partition_count = import->facts.partition_count;
    options.store_count = import->store_count;
    options.no_fatal_handler = 1;
    if (err == WEFT_OK) {
        err = wf_node_open_with(&options, &seams, &node);
    }
    if (err == WEFT_OK) {
        weft_node_close(node);
    }
    weft_definitions_destroy(definitions);
    return err;
}

// Rows. -----------------------------------------------------------------------

// Rows on their way from one store to another.
struct copying {
    struct wf_store to;
    struct wf_batch batch;
    enum wf_cf cf;
    weft_err err;
};

static void
write_batch(struct copying *copying)
{
    if (copying->err == WEFT_OK && copying->batch.count > 0) {
        copying->err =
            copying->to.ops->write(copying->to.self, &copying->batch, false);
        wf_batch_reset(&copying->batch);
    }
}

static bool
copy_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct copying *copying = ctx;

    wf_batch_put(&copying->batch, copying->cf, key, value);
    if (copying->batch.ops.len >= BATCH_BYTES) {
        write_batch(copying);
    }
    return copying->err == WEFT_OK;
}

static weft_err
copy_range(const struct wf_store *from, struct copying *copying, enum wf_cf cf,
           weft_bytes first)
{
    struct wf_buf end = {0};
    weft_err err;

    copying->cf = cf;
    wf_keys_after(&end, first);
    err = from->ops->scan(from->self, cf, first, wf_buf_bytes(&end), copy_row,
                          copying);
    wf_buf_fini(&end);
    write_batch(copying);
    return err == WEFT_OK ? copying->err : err;
}

static weft_err
copy_rows(const struct wf_store *from, struct wf_store to, uint32_t partition)
{
    struct copying copying = {.to = to};
    struct wf_buf first = {0};
    weft_err err = WEFT_OK;

    for (const char *kind = wf_keys_kinds; err == WEFT_OK && *kind != '\0';
         kind++) {
        wf_keys_range(&first, *kind, partition);
        err = copy_range(from, &copying, WF_CF_DATA, wf_buf_bytes(&first));
    }
    if (err == WEFT_OK) {
        wf_keys_partition(&first, partition);
        err = copy_range(from, &copying, WF_CF_META, wf_buf_bytes(&first));
    }
    wf_batch_fini(&copying.batch);
    wf_buf_fini(&first);
    return err;
}

// The epoch that the partition has come to; 0: it was never used.
static weft_err
read_epoch(const struct wf_store *store, uint32_t partition,
           uint64_t *out_epoch)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    weft_err err;

    *out_epoch = 0;
    wf_keys_partition(&key, partition);
    err = store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), &value);
    if (err == WEFT_OK) {
        err = wf_partition_meta_epoch(wf_buf_bytes(&value), out_epoch);
    }
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

// Make the partition's store, and a copy of it that holds still.
static weft_err
make_store(struct import *import, const struct wf_store *from,
           uint32_t partition, const char *copy_dir)
{
    struct wf_depot_options options = {
        .index = partition,
        .count = import->facts.partition_count,
        .partition_count = import->facts.partition_count,
        .data_dir = import->work_dir,
        .shared = &import->log,
        .cluster_id = import->facts.id,
        .clock = import->options.clock,
    };
    struct wf_depot depot;
    weft_err err;

    wf_depot_init(&depot, &options);
    err = wf_snapshots_forget(depot.dir); // what an earlier try left
    if (err == WEFT_OK) {
        err = wf_depot_open_store(&depot);
    }
    if (err == WEFT_OK) {
        depot.is_new = true;
        err = wf_depot_found(&depot, import->facts.id);
    }
    if (err == WEFT_OK) {
        err = copy_rows(from, *depot.store, partition);
    }
    if (err == WEFT_OK) {
        err = wf_log_partition_found(*depot.store, FIRST_COMMIT + 1,
                                     FIRST_COMMIT);
    }
    if (err == WEFT_OK) {
        err = depot.store->ops->checkpoint(depot.store->self, copy_dir);
    }
    wf_depot_close_store(&depot);
    if (err == WEFT_OK) {
        err = wf_snapshots_forget(depot.dir);
    }
    wf_depot_fini(&depot);
    return err;
}

// Into the cluster. -----------------------------------------------------------

static weft_err
put_files(struct import *import, const char *dir,
          const struct wf_snapshots_manifest *manifest)
{
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < manifest->files_count; i++) {
        const struct wf_snapshots_file *file = &manifest->files[i];
        size_t size = strlen(dir) + strlen(file->name) + 2;
        char *path = wf_alloc(size);
        bool is_new;

        (void)snprintf(path, size, "%s/%s", dir, file->name);
        err = import->files.ops->put(import->files.self, file, path, &is_new);
        wf_free(path);
    }
    return err;
}

// Own the partition, in an epoch after all that it has seen.
static weft_err
acquire(struct import *import, uint32_t partition, uint64_t epoch,
        struct wf_shared_place *out_place)
{
    weft_err err;

    do {
        err = import->log.ops->acquire(import->log.self, partition, out_place);
    } while (err == WEFT_OK && out_place->epoch <= epoch);
    return err;
}

// The commit that no store has.
static weft_err
append_first(struct import *import, uint32_t partition, uint64_t epoch)
{
    struct wf_segment segment = {
        .partition = partition,
        .epoch = epoch,
        .first_record = 1,
    };
    struct wf_shared_append append = {.partition = partition};
    struct wf_buf frame = {0};

    wf_segment_encode(&segment, &frame);
    append.segment = wf_buf_bytes(&frame);
    import->log.ops->append(import->log.self, &append, 1);
    wf_buf_fini(&frame);
    return append.result == WF_APPEND_DURABLE
               ? WEFT_OK
               : wf_error(WEFT_EIO,
                          "partition %" PRIu32
                          ": its first commit is not known to be "
                          "durable",
                          partition);
}

// Twice: the log is forgotten up to what the last but one needs.
static weft_err
commit_snapshot(struct import *import,
                const struct wf_snapshots_manifest *manifest)
{
    struct wf_buf bytes = {0};
    weft_err err = WEFT_OK;

    wf_snapshots_encode(manifest, &bytes);
    for (int i = 0; err == WEFT_OK && i < 2; i++) {
        err = import->log.ops->snapshot_commit(
            import->log.self, manifest->partition, manifest->redo_from,
            wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
    return err;
}

static weft_err
enter(struct import *import, uint32_t partition, uint64_t epoch,
      const char *copy_dir)
{
    struct wf_snapshots_manifest manifest = {0};
    struct wf_shared_place place = {0};
    weft_err err = wf_snapshots_scan(copy_dir, NULL, &manifest);

    if (err == WEFT_OK) {
        err = put_files(import, copy_dir, &manifest);
    }
    if (err == WEFT_OK) {
        err = acquire(import, partition, epoch, &place);
    }
    if (err == WEFT_OK && place.last == 0) {
        err = append_first(import, partition, place.epoch);
    }
    if (err == WEFT_OK) {
        manifest.partition = partition;
        manifest.epoch = place.epoch;
        manifest.redo_from = FIRST_COMMIT + 1;
        manifest.last = FIRST_COMMIT;
        err = commit_snapshot(import, &manifest);
    }
    if (err == WEFT_OK) {
        err = import->log.ops->release(import->log.self, partition);
    }
    wf_snapshots_manifest_fini(&manifest);
    return err;
}

static weft_err
import_partition(struct import *import, const struct wf_store *from,
                 uint32_t partition)
{
    char *copy_dir = path_of(import->work_dir, "copy", partition);
    uint64_t epoch = 0;
    weft_err err = wf_snapshots_forget(copy_dir);

    if (err == WEFT_OK) {
        err = read_epoch(from, partition, &epoch);
    }
    if (err == WEFT_OK) {
        err = make_store(import, from, partition, copy_dir);
    }
    if (err == WEFT_OK) {
        err = enter(import, partition, epoch, copy_dir);
    }
    if (err == WEFT_OK) {
        err = wf_snapshots_forget(copy_dir);
    }
    wf_free(copy_dir);
    return err;
}

// An earlier try has brought it.
static bool
is_there(const struct import *import, uint32_t partition)
{
    return import->map.parts[partition].snapshot == FIRST_COMMIT + 1;
}

static weft_err
import_store(struct import *import, uint32_t index)
{
    char *dir = path_of(import->data_dir, "store", index);
    uint32_t count = import->facts.partition_count;
    struct wf_store from;
    weft_err err = wf_store_rocks_open(dir, true, &from);

    wf_free(dir);
    if (err != WEFT_OK) {
        return err;
    }
    for (uint32_t i = index; err == WEFT_OK && i < count;
         i += import->store_count) {
        if (!is_there(import, i)) {
            err = import_partition(import, &from, i);
        }
        if (err == WEFT_OK && import->progress != NULL) {
            import->progress(import->ctx, ++import->done, count);
        }
    }
    from.ops->close(from.self);
    return err;
}

// All of it. ------------------------------------------------------------------

static weft_err
check_empty(const struct import *import)
{
    const struct wf_registry_map *map = &import->map;

    for (uint32_t i = 0; i < map->nodes_count; i++) {
        if (map->nodes[i].is_live &&
            strcmp(map->nodes[i].id, import->self.id) != 0) {
            return wf_error(WEFT_EBUSY, "node %s is there: it must not be",
                            map->nodes[i].id);
        }
    }
    if (map->record_version < WF_SEGMENT_VERSION_MAX) {
        return wf_error(WEFT_EBUSY, "a node of an older build was there less "
                                    "than an hour ago, and may come back");
    }
    for (uint32_t i = 0; i < map->parts_count; i++) {
        if (map->parts[i].last > FIRST_COMMIT) {
            return wf_error(WEFT_EEXISTS,
                            "the cluster is in use: partition %" PRIu32
                            " has %" PRIu64 " commits",
                            i, map->parts[i].last);
        }
    }
    return WEFT_OK;
}

static weft_err
open_cluster(struct import *import, const char *snapshots)
{
    weft_err err = wf_postgres_look(&import->options, &import->facts);

    if (err == WEFT_OK) {
        err = look_at_directory(import);
    }
    if (err == WEFT_OK) {
        err = wf_registry_postgres_open(&import->options, &import->registry);
    }
    (void)snprintf(import->self.id, sizeof(import->self.id), "import");
    import->self.is_draining = true; // nobody gives it anything
    import->self.record_max = WF_SEGMENT_VERSION_MAX;
    if (err == WEFT_OK) {
        err = import->registry.ops->join(import->registry.self, &import->self,
                                         LEASE_MS);
    }
    if (err == WEFT_OK) { // what is imported may be as new as that
        err = import->registry.ops->raise(import->registry.self,
                                          WF_SEGMENT_VERSION_MAX);
    }
    if (err == WEFT_OK) {
        err = import->registry.ops->look(import->registry.self, &import->map);
    }
    if (err == WEFT_OK) {
        err = check_empty(import);
    }
    if (err == WEFT_OK) {
        err = wf_log_postgres_open(&import->options, import->self.id,
                                   import->self.incarnation, &import->log);
    }
    if (err != WEFT_OK) {
        return err;
    }
    return snapshots == NULL || strcmp(snapshots, "pg:") == 0
               ? wf_snapshots_postgres_open(&import->options, &import->files)
               : wf_snapshots_open(snapshots, import->facts.id, &import->files);
}

static void
close_cluster(struct import *import)
{
    if (import->files.ops != NULL) {
        import->files.ops->close(import->files.self);
    }
    if (import->log.ops != NULL) {
        import->log.ops->close(import->log.self);
    }
    if (import->registry.ops != NULL) {
        if (import->self.incarnation > 0) {
            (void)import->registry.ops->leave(import->registry.self);
        }
        import->registry.ops->close(import->registry.self);
    }
    wf_registry_map_fini(&import->map);
}

static weft_err
put_aside(const struct import *import)
{
    size_t size = strlen(import->data_dir) + sizeof(".imported");
    char *aside = wf_alloc(size);
    weft_err err = WEFT_OK;

    (void)snprintf(aside, size, "%s.imported", import->data_dir);
    if (rename(import->data_dir, aside) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s; all of it is in the cluster", aside,
                       strerror(errno));
    } else {
        err = wf_directory_sync_parent(aside);
    }
    wf_free(aside);
    return err;
}

static weft_err
run(struct import *import, const char *snapshots)
{
    weft_err err = open_cluster(import, snapshots);

    if (err == WEFT_OK) {
        err = save_all(import);
    }
    if (err == WEFT_OK) {
        err = wf_directory_make(import->work_dir);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < import->store_count; i++) {
        err = import_store(import, i);
    }
    if (err == WEFT_OK) {
        err = wf_snapshots_forget(import->work_dir);
    }
    return err == WEFT_OK ? put_aside(import) : err;
}

weft_err
weft_cluster_import(const char *database, const char *data_dir,
                    const char *snapshots, weft_cluster_progress_fn *progress,
                    void *ctx)
{
    struct import import = {
        .data_dir = data_dir,
        .options = {.conninfo = database, .clock = wf_clock_system()},
        .progress = progress,
        .ctx = ctx,
    };
    size_t size;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(database != NULL);
    WF_REQUIRE(data_dir != NULL && data_dir[0] != '\0');
    err = wf_inside_check("weft_cluster_import");
    if (err != WEFT_OK) {
        return err;
    }
    size = strlen(data_dir) + sizeof(".import");
    import.work_dir = wf_alloc(size);
    (void)snprintf(import.work_dir, size, "%s.import", data_dir);
    err = run(&import, snapshots);
    close_cluster(&import);
    wf_free(import.work_dir);
    return err;
}
