// SPDX-License-Identifier: Apache-2.0
//
// test_snapshotter.c - snapshots of partitions whose log is in memory: what is
// uploaded, what fails, what is collected, what is restored. The last test has
// a real store.

#include "cluster/snapshotter.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/trace.h"
#include "runtime/node.h"
#include "storage/directory.h"
#include "storage/log_memory.h"
#include "storage/snapshots.h"
#include "storage/store.h"
#include "support/test.h"

#define PARTS 2
#define EVERY_MS 1000
#define GRACE_MS 10000
#define FOREVER UINT32_MAX

// A node, as far as snapshots see it: each partition has a store whose one row
// is that of its last commit.
struct rig {
    uint64_t now_ms;
    struct wf_trace trace;
    char said[4096];
    struct wf_memory_database *database;
    struct wf_registry registry;
    struct wf_shared_log log;
    struct wf_snapshots_memory *memory;
    struct wf_snapshots files;
    struct wf_snapshotter *snapshotter;
    char dir[400];
    struct wf_memory_disk *disks[PARTS];
    struct wf_store stores[PARTS]; // ops NULL: closed
    bool are_here[PARTS];
    uint64_t commits[PARTS];
    uint64_t bytes[PARTS];
    uint64_t redo[PARTS];
    uint32_t checkpoints;
    bool is_real; // RocksDB
};

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

static void
store_dir(const struct rig *rig, uint32_t partition, char *path, size_t size)
{
    (void)snprintf(path, size, "%s/store-%u", rig->dir, partition);
}

static void
open_store(struct rig *rig, uint32_t partition)
{
    char path[440];

    store_dir(rig, partition, path, sizeof(path));
    if (rig->is_real) {
        CHECK_OK(wf_store_rocks_open(path, false, &rig->stores[partition]));
    } else {
        CHECK_OK(wf_store_memory_open(rig->disks[partition],
                                      &rig->stores[partition]));
    }
}

static void
close_store(struct rig *rig, uint32_t partition)
{
    struct wf_store *store = &rig->stores[partition];

    store->ops->close(store->self);
    store->ops = NULL;
}

static struct wf_snapshotter *
create(struct rig *rig)
{
    struct wf_snapshotter_options options = {
        .log = &rig->log,
        .files = rig->files,
        .partition_count = PARTS,
        .dir = rig->dir,
        .log_bytes = 1000,
        .every_ms = EVERY_MS,
        .grace_ms = GRACE_MS,
        .node_id = "a",
        .clock = {wall_ms, mono_ns, rig},
        .trace = &rig->trace,
        .log_size = log_size,
        .checkpoint = checkpoint,
        .ctx = rig,
    };

    return wf_snapshotter_create(&options);
}

static void
make_rig(struct test *t, struct rig *rig, bool is_real)
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
    rig->snapshotter = create(rig);
}

static void
free_rig(struct rig *rig)
{
    wf_snapshotter_destroy(rig->snapshotter);
    for (uint32_t i = 0; i < PARTS; i++) {
        if (rig->stores[i].ops != NULL) {
            close_store(rig, i);
        }
        wf_memory_disk_destroy(rig->disks[i]);
    }
    wf_snapshots_memory_destroy(rig->memory);
    rig->log.ops->close(rig->log.self);
    rig->registry.ops->close(rig->registry.self);
    wf_memory_database_destroy(rig->database);
}

// Another commit, as large as that; its rows need the log from itself on.
static void
commit(struct rig *rig, uint32_t partition, uint64_t bytes)
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

// Until it has nothing to do at this moment.
static void
settle(struct rig *rig)
{
    for (int i = 0; wf_snapshotter_step(rig->snapshotter) == 0; i++) {
        CHECK(i < 1000);
    }
}

static struct wf_snapshotter_counts
counts(const struct rig *rig)
{
    struct wf_snapshotter_counts counts;

    wf_snapshotter_count(rig->snapshotter, &counts);
    return counts;
}

static uint64_t
first_kept(struct rig *rig, uint32_t partition)
{
    struct wf_shared_place place;

    CHECK_OK(rig->log.ops->acquire(rig->log.self, partition, &place));
    return place.first;
}

// The store is gone; make it anew, and read its row. 0: there is none.
static uint64_t
restore(struct rig *rig, uint32_t partition)
{
    struct wf_store *store = &rig->stores[partition];
    struct wf_buf value = {0};
    struct wf_reader reader;
    char path[440];
    uint64_t number = 0;

    store_dir(rig, partition, path, sizeof(path));
    if (store->ops != NULL) {
        close_store(rig, partition);
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

// When. -----------------------------------------------------------------------

TEST(snapshotter, makes_one_after_so_much_log)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 999);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 0);
    commit(&rig, 0, 1);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 1);
    CHECK(strstr(rig.said, "snapshot partition 0: of commit 2, with the log "
                           "from 2") != NULL);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 1);
    free_rig(&rig);
}

TEST(snapshotter, makes_one_after_so_long_if_there_was_a_commit)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1);
    rig.now_ms += EVERY_MS;
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 1);
    rig.now_ms += 10 * EVERY_MS;
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 1);
    CHECK_EQ(rig.checkpoints, 1);
    commit(&rig, 0, 1);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 2);
    free_rig(&rig);
}

TEST(snapshotter, makes_none_of_what_is_not_here)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 1, 5000);
    rig.now_ms += EVERY_MS;
    settle(&rig);
    CHECK_EQ(rig.checkpoints, 0);
    free_rig(&rig);
}

TEST(snapshotter, uploads_only_what_is_new)
{
    struct rig rig;
    uint64_t before;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    settle(&rig);
    before = counts(&rig).uploaded_files;
    CHECK_EQ(before, 2); // data, and what is empty: log and meta
    commit(&rig, 0, 1000);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 2);
    CHECK_EQ(counts(&rig).uploaded_files, before + 1);
    free_rig(&rig);
}

TEST(snapshotter, forgets_the_log_below_the_last_but_one)
{
    struct rig rig;

    make_rig(t, &rig, false);
    for (uint64_t i = 1; i <= 5; i++) {
        commit(&rig, 0, 1000);
        settle(&rig);
        CHECK_EQ(first_kept(&rig, 0), i == 1 ? 1 : i - 1);
    }
    free_rig(&rig);
}

// What fails. -----------------------------------------------------------------

static bool
is_no_copy_left(const struct rig *rig)
{
    char path[440];

    (void)snprintf(path, sizeof(path), "%s/store-0.snapshot", rig->dir);
    return access(path, F_OK) != 0;
}

// Whichever of its calls fails: it is said, nothing counts, and the next try is
// whole.
TEST(snapshotter, tries_again_after_a_failure)
{
    for (uint32_t skip = 0; skip < 6; skip++) {
        struct rig rig;
        char dir[64];

        (void)dir;
        make_rig(t, &rig, false);
        commit(&rig, 0, 1000);
        wf_snapshots_memory_fail(rig.memory, skip);
        settle(&rig);
        CHECK_EQ(counts(&rig).failed, 1);
        CHECK_EQ(counts(&rig).made, skip < 3 ? 0 : 1);
        CHECK(strstr(rig.said, "a failure was asked for") != NULL);
        CHECK(is_no_copy_left(&rig));
        settle(&rig); // not at once
        CHECK_EQ(counts(&rig).failed, 1);
        wf_snapshots_memory_fail(rig.memory, FOREVER);
        rig.now_ms += 1000;
        settle(&rig);
        CHECK_EQ(counts(&rig).failed, 1);
        CHECK_EQ(counts(&rig).made, skip < 3 ? 1 : 2);
        CHECK_EQ(restore(&rig, 0), 1);
        free_rig(&rig);
        wf_directory_remove(rig.dir);
    }
}

TEST(snapshotter, waits_longer_each_time_that_it_fails)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    wf_snapshots_memory_fail(rig.memory, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        settle(&rig);
        rig.now_ms += 1000;
    }
    // 1, 2, 4 ... 32 seconds, then each minute.
    CHECK_EQ(counts(&rig).failed, 6 + 16);
    free_rig(&rig);
}

TEST(snapshotter, a_partition_that_was_lost_meanwhile_is_not_committed)
{
    struct rig rig;
    struct wf_registry registry;
    struct wf_registry_node node = {.id = "b",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_shared_log theirs;
    struct wf_shared_place place;
    struct wf_buf manifest = {0};
    uint64_t redo;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0); // copied
    wf_registry_memory_open(rig.database, "b", &registry);
    CHECK_OK(registry.ops->join(registry.self, &node, 1000));
    wf_log_memory_open(rig.database, "b", node.incarnation, &theirs);
    wf_memory_database_expire(rig.database, "a");
    CHECK_OK(theirs.ops->acquire(theirs.self, 0, &place));
    rig.are_here[0] = false;
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 0);
    CHECK_ERR(theirs.ops->snapshot_read(theirs.self, 0, 0, &redo, &manifest),
              WEFT_ENOTFOUND);
    CHECK(is_no_copy_left(&rig));
    wf_buf_fini(&manifest);
    theirs.ops->close(theirs.self);
    registry.ops->close(registry.self);
    free_rig(&rig);
}

// Somebody took it for garbage: another one is made.
TEST(snapshotter, a_file_that_is_gone_again_is_put_anew)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    while (counts(&rig).made == 0) {
        CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0);
    }
    wf_snapshots_memory_lose(rig.memory, 0);
    settle(&rig);
    CHECK(strstr(rig.said, "was put, and is gone") != NULL);
    rig.now_ms += 1000;
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 2);
    CHECK_EQ(restore(&rig, 0), 1);
    free_rig(&rig);
}

// Before it is needed: a file is read back now and then.
TEST(snapshotter, a_file_that_was_damaged_is_put_anew)
{
    uint64_t made;
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, 1);
    for (uint32_t i = 0; i < wf_snapshots_memory_count(rig.memory); i++) {
        wf_snapshots_memory_damage(rig.memory, i);
    }
    for (int i = 0; i < 20; i++) {
        rig.now_ms += EVERY_MS;
        commit(&rig, 0, 1000);
        settle(&rig);
        rig.now_ms += 120000; // the longest pause after a failure
        settle(&rig);
    }
    CHECK(strstr(rig.said, "it is put anew") != NULL);
    made = counts(&rig).made;
    commit(&rig, 0, 1000);
    settle(&rig);
    CHECK_EQ(counts(&rig).made, made + 1);
    CHECK_EQ(restore(&rig, 0), rig.commits[0]);
    free_rig(&rig);
}

TEST(snapshotter, what_was_put_long_ago_is_put_once_more)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0); // copied
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0); // put, the first
    wf_snapshots_memory_lose(rig.memory, 0);
    rig.now_ms += GRACE_MS;
    settle(&rig);
    CHECK_EQ(counts(&rig).failed, 0);
    CHECK_EQ(counts(&rig).made, 1);
    CHECK_EQ(restore(&rig, 0), 1);
    free_rig(&rig);
}

TEST(snapshotter, what_an_earlier_process_left_is_removed)
{
    struct rig rig;
    char path[440];

    make_rig(t, &rig, false);
    (void)snprintf(path, sizeof(path), "%s/store-0.snapshot", rig.dir);
    CHECK_EQ(mkdir(path, 0755), 0);
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = create(&rig);
    CHECK(is_no_copy_left(&rig));
    free_rig(&rig);
}

TEST(snapshotter, does_nothing_when_stopped)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    wf_snapshotter_stop(rig.snapshotter);
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), UINT64_MAX);
    CHECK_EQ(rig.checkpoints, 0);
    free_rig(&rig);
}

// Garbage. --------------------------------------------------------------------

TEST(snapshotter, collects_what_no_manifest_names)
{
    struct rig rig;

    make_rig(t, &rig, false);
    for (uint32_t i = 0; i < 5; i++) {
        commit(&rig, 0, 1000);
        settle(&rig);
    }
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 6); // one is empty
    rig.now_ms += GRACE_MS - 1;
    settle(&rig);
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 6);
    rig.now_ms += EVERY_MS;
    settle(&rig);
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 3);
    CHECK_EQ(counts(&rig).removed_files, 3);
    CHECK_EQ(restore(&rig, 0), 5);
    free_rig(&rig);
}

TEST(snapshotter, collects_nothing_that_another_partition_needs)
{
    struct rig rig;

    make_rig(t, &rig, false);
    rig.are_here[1] = true;
    commit(&rig, 1, 1000); // row 1, as in partition 0's first
    for (uint32_t i = 0; i < 3; i++) {
        commit(&rig, 0, 1000);
        settle(&rig);
    }
    rig.now_ms += GRACE_MS + EVERY_MS;
    settle(&rig);
    CHECK_EQ(counts(&rig).removed_files, 0);
    CHECK_EQ(restore(&rig, 1), 1);
    free_rig(&rig);
}

TEST(snapshotter, collects_nothing_where_partition_0_is_not)
{
    struct rig rig;

    make_rig(t, &rig, false);
    for (uint32_t i = 0; i < 3; i++) {
        commit(&rig, 0, 1000);
        settle(&rig);
    }
    rig.are_here[0] = false;
    rig.now_ms += GRACE_MS + EVERY_MS;
    settle(&rig);
    CHECK_EQ(counts(&rig).removed_files, 0);
    free_rig(&rig);
}

// Restoring. ------------------------------------------------------------------

TEST(snapshotter, restores_the_newest)
{
    struct rig rig;

    make_rig(t, &rig, false);
    CHECK_EQ(restore(&rig, 0), 0); // there is none
    commit(&rig, 0, 1000);
    settle(&rig);
    commit(&rig, 0, 1000);
    settle(&rig);
    CHECK_EQ(restore(&rig, 0), 2);
    CHECK_EQ(counts(&rig).restored, 1);
    free_rig(&rig);
}

TEST(snapshotter, restores_the_last_but_one_if_the_newest_is_damaged)
{
    struct rig rig;
    uint32_t before;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    settle(&rig);
    before = wf_snapshots_memory_count(rig.memory);
    commit(&rig, 0, 1000);
    settle(&rig);
    wf_snapshots_memory_damage(rig.memory, before);
    CHECK_EQ(restore(&rig, 0), 1);
    CHECK(strstr(rig.said, "restore partition 0, newest snapshot: data: its "
                           "bytes are others") != NULL);
    wf_snapshots_memory_lose(rig.memory, before);
    CHECK_EQ(restore(&rig, 0), 1);
    CHECK(strstr(rig.said, "data: its bytes are gone") != NULL);
    free_rig(&rig);
}

// It was restored, and is of no use, or else nobody would ask again.
TEST(snapshotter, restores_the_last_but_one_if_the_newest_was_no_help)
{
    struct rig rig;

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    settle(&rig);
    commit(&rig, 0, 1000);
    settle(&rig);
    CHECK_EQ(restore(&rig, 0), 2);
    CHECK_EQ(restore(&rig, 0), 1);
    CHECK_EQ(restore(&rig, 0), 2);
    free_rig(&rig);
}

TEST(snapshotter, leaves_the_store_as_it_is_while_snapshots_are_away)
{
    struct rig rig;
    char path[440];
    char file[460];

    make_rig(t, &rig, false);
    commit(&rig, 0, 1000);
    settle(&rig);
    store_dir(&rig, 0, path, sizeof(path));
    (void)snprintf(file, sizeof(file), "%s/something", path);
    CHECK_EQ(mkdir(path, 0755), 0);
    CHECK_EQ(mkdir(file, 0755), 0);
    wf_snapshots_memory_fail(rig.memory, 0);
    CHECK_ERR(wf_snapshotter_restore(rig.snapshotter, 0, path), WEFT_EIO);
    CHECK_EQ(access(file, F_OK), 0);
    wf_snapshots_memory_fail(rig.memory, FOREVER);
    CHECK_OK(wf_snapshotter_restore(rig.snapshotter, 0, path));
    CHECK(access(file, F_OK) != 0);
    free_rig(&rig);
}

// RocksDB's files, in a directory: the local one is lost, or an old one.
TEST(snapshotter, a_real_store_comes_back)
{
    static const uint8_t cluster_id[16] = {1};
    struct rig rig;
    char where[440];
    char kept[430];
    char path[440];

    make_rig(t, &rig, true);
    (void)snprintf(kept, sizeof(kept), "%s/kept", test_dir(t));
    (void)snprintf(where, sizeof(where), "dir:%s", kept);
    CHECK_EQ(mkdir(kept, 0755), 0);
    CHECK_OK(wf_snapshots_open(where, cluster_id, &rig.files));
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = create(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        commit(&rig, 0, 1000);
        settle(&rig);
    }
    CHECK_EQ(counts(&rig).made, 3);
    CHECK_EQ(counts(&rig).failed, 0);
    CHECK(is_no_copy_left(&rig));

    commit(&rig, 0, 1); // in no snapshot
    CHECK_EQ(restore(&rig, 0), 3);
    CHECK_OK(rig.stores[0].ops->verify(rig.stores[0].self));
    close_store(&rig, 0);
    store_dir(&rig, 0, path, sizeof(path));
    wf_directory_remove(path);
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = create(&rig);
    CHECK_EQ(restore(&rig, 0), 3);
    CHECK_OK(rig.stores[0].ops->verify(rig.stores[0].self));
    rig.files.ops->close(rig.files.self);
    free_rig(&rig);
}
