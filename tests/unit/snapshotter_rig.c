// SPDX-License-Identifier: Apache-2.0
//
// snapshotter_rig.c - see snapshotter_rig.h.

#include "snapshotter_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "runtime/node.h"

static uint64_t
wall_ms(void *self)
{
    return ((struct rig *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((struct rig *)self)->now_ms * 1000000;
}

static void
hear(void *ctx, enum wf_trace_level level, uint64_t now_ms, const char *who,
     const char *verb, const char *text)
{
    struct rig *rig = ctx;
    size_t len = strlen(rig->said);

    (void)level;
    (void)now_ms;
    (void)who;
    (void)snprintf(rig->said + len, sizeof(rig->said) - len, "%s %s\n", verb,
                   text);
}

static bool
log_size(void *ctx, uint32_t partition, uint64_t *out_commit,
         uint64_t *out_bytes)
{
    struct rig *rig = ctx;

    *out_commit = rig->commits[partition];
    *out_bytes = rig->bytes[partition];
    return rig->are_here[partition];
}

static weft_err
checkpoint(void *ctx, uint32_t partition, const char *dir,
           struct wf_node_checkpoint *out_checkpoint)
{
    struct rig *rig = ctx;
    struct wf_store *store = &rig->stores[partition];

    rig->checkpoints++;
    if (!rig->are_here[partition]) {
        return wf_error(WEFT_EBUSY, "it is not here");
    }
    *out_checkpoint = (struct wf_node_checkpoint){
        .epoch = 1,
        .redo_from = rig->redo[partition],
        .last = rig->commits[partition],
    };
    return store->ops->checkpoint(store->self, dir);
}

void
rig_store_dir(const struct rig *rig, uint32_t partition, char *path,
              size_t size)
{
    (void)snprintf(path, size, "%s/store-%u", rig->dir, partition);
}

static void
open_store(struct rig *rig, uint32_t partition)
{
    char path[440];

    rig_store_dir(rig, partition, path, sizeof(path));
    if (rig->is_real) {
        CHECK_OK(wf_store_rocks_open(path, false, &rig->stores[partition]));
    } else {
        CHECK_OK(wf_store_memory_open(rig->disks[partition],
                                      &rig->stores[partition]));
    }
}

void
rig_close_store(struct rig *rig, uint32_t partition)
{
    struct wf_store *store = &rig->stores[partition];

    store->ops->close(store->self);
    store->ops = NULL;
}

struct wf_snapshotter *
rig_create(struct rig *rig)
{
    struct wf_snapshotter_options options = {
        .log = &rig->log,
        .files = rig->files,
        .partition_count = PARTS,
        .dir = rig->dir,
        .log_bytes = 1000,
        .every_ms = EVERY_MS,
        .grace_ms = GRACE_MS,
        .collector = rig->collector,
        .node_id = "a",
        .clock = {wall_ms, mono_ns, rig},
        .trace = &rig->trace,
        .log_size = log_size,
        .checkpoint = checkpoint,
        .ctx = rig,
    };

    return wf_snapshotter_create(&options);
}

void
rig_make(struct test *t, struct rig *rig, bool is_real)
{
    struct wf_clock clock = {wall_ms, mono_ns, rig};
    struct wf_registry_node self = {.id = "a",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_shared_place place;

    *rig = (struct rig){.now_ms = 1000000, .is_real = is_real};
    rig->trace = (struct wf_trace){.emit = hear, .ctx = rig};
    (void)snprintf(rig->dir, sizeof(rig->dir), "%s/data", test_dir(t));
    CHECK_EQ(mkdir(rig->dir, 0755), 0);
    rig->database = wf_memory_database_create(PARTS, clock, false);
    wf_registry_memory_open(rig->database, "a", &rig->registry);
    CHECK_OK(rig->registry.ops->join(rig->registry.self, &self, 1000000000));
    wf_log_memory_open(rig->database, "a", self.incarnation, &rig->log);
    rig->memory = wf_snapshots_memory_create(clock);
    wf_snapshots_memory_open(rig->memory, &rig->files);
    for (uint32_t i = 0; i < PARTS; i++) {
        CHECK_OK(rig->log.ops->acquire(rig->log.self, i, &place));
        rig->disks[i] = wf_memory_disk_create();
        rig->redo[i] = 1;
        rig->are_here[i] = i == 0;
        open_store(rig, i);
    }
    rig->snapshotter = rig_create(rig);
}

void
rig_free(struct rig *rig)
{
    wf_snapshotter_destroy(rig->snapshotter);
    for (uint32_t i = 0; i < PARTS; i++) {
        if (rig->stores[i].ops != NULL) {
            rig_close_store(rig, i);
        }
        wf_memory_disk_destroy(rig->disks[i]);
    }
    wf_snapshots_memory_destroy(rig->memory);
    rig->log.ops->close(rig->log.self);
    rig->registry.ops->close(rig->registry.self);
    wf_memory_database_destroy(rig->database);
}

void
rig_commit(struct rig *rig, uint32_t partition, uint64_t bytes)
{
    struct wf_segment segment = {.partition = partition, .epoch = 1};
    struct wf_shared_append append = {.partition = partition};
    struct wf_store *store = &rig->stores[partition];
    struct wf_batch batch = {0};
    struct wf_buf frame = {0};
    struct wf_buf value = {0};

    segment.first_record = rig->commits[partition] + 1;
    wf_segment_encode(&segment, &frame);
    append.segment = wf_buf_bytes(&frame);
    rig->log.ops->append(rig->log.self, &append, 1);
    CHECK_EQ(append.result, WF_APPEND_DURABLE);
    wf_buf_put_u64(&value, append.number);
    wf_batch_put(&batch, WF_CF_DATA, weft_bytes_of("row", 3),
                 wf_buf_bytes(&value));
    CHECK_OK(store->ops->write(store->self, &batch, false));
    rig->commits[partition] = append.number;
    rig->redo[partition] = append.number;
    rig->bytes[partition] += bytes;
    wf_batch_fini(&batch);
    wf_buf_fini(&frame);
    wf_buf_fini(&value);
}

void
rig_settle(struct rig *rig)
{
    for (int i = 0; wf_snapshotter_step(rig->snapshotter) == 0; i++) {
        CHECK(i < 1000);
    }
}

struct wf_snapshotter_counts
rig_counts(const struct rig *rig)
{
    struct wf_snapshotter_counts counts;

    wf_snapshotter_count(rig->snapshotter, &counts);
    return counts;
}

uint64_t
rig_restore(struct rig *rig, uint32_t partition)
{
    struct wf_store *store = &rig->stores[partition];
    struct wf_buf value = {0};
    struct wf_reader reader;
    char path[440];
    uint64_t number = 0;

    rig_store_dir(rig, partition, path, sizeof(path));
    if (store->ops != NULL) {
        rig_close_store(rig, partition);
    }
    CHECK_OK(wf_snapshotter_restore(rig->snapshotter, partition, path));
    if (!rig->is_real) {
        wf_memory_disk_destroy(rig->disks[partition]);
        rig->disks[partition] = wf_memory_disk_create();
        if (access(path, F_OK) == 0) {
            CHECK_OK(wf_memory_disk_load(rig->disks[partition], path));
        }
    }
    open_store(rig, partition);
    if (store->ops->get(store->self, WF_CF_DATA, weft_bytes_of("row", 3),
                        &value) == WEFT_OK) {
        reader = wf_reader_of(wf_buf_bytes(&value));
        number = wf_reader_u64(&reader);
    }
    wf_buf_fini(&value);
    return number;
}
