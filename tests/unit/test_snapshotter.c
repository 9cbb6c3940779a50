// SPDX-License-Identifier: Apache-2.0
//
// test_snapshotter.c - snapshots of partitions whose log is in memory: what is
// uploaded, what fails, what is restored. The last test has a real store.

#include "cluster/snapshotter.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/node.h"
#include "snapshotter_rig.h"
#include "storage/directory.h"
#include "support/test.h"

#define FOREVER UINT32_MAX

static uint64_t
first_kept(struct rig *rig, uint32_t partition)
{
    struct wf_shared_place place;

    CHECK_OK(rig->log.ops->acquire(rig->log.self, partition, &place));
    return place.first;
}

// When. -----------------------------------------------------------------------

TEST(snapshotter, makes_one_after_so_much_log)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 999);
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 0);
    rig_commit(&rig, 0, 1);
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 1);
    CHECK(strstr(rig.said, "snapshot partition 0: of commit 2, with the log "
                           "from 2") != NULL);
    rig_commit(&rig, 0, 999); // since then
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 1);
    rig_commit(&rig, 0, 1);
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 2);
    rig_free(&rig);
}

TEST(snapshotter, makes_one_after_so_long_if_there_was_a_commit)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1);
    rig.now_ms += EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 1);
    rig.now_ms += 10 * EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 1);
    CHECK_EQ(rig.checkpoints, 1);
    for (int i = 0; i < 2; i++) { // the second is not due so soon
        rig_commit(&rig, 0, 1);
        rig_settle(&rig);
        CHECK_EQ(rig_counts(&rig).made, 2);
    }
    rig_free(&rig);
}

TEST(snapshotter, makes_none_of_what_is_not_here)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 1, 5000);
    rig.now_ms += EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(rig.checkpoints, 0);
    rig_free(&rig);
}

// However much one writes, the others have their turn.
TEST(snapshotter, partitions_that_are_due_take_turns)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig.are_here[1] = true;
    for (uint32_t i = 0; i < 2; i++) {
        rig_commit(&rig, 0, 1000);
        rig_commit(&rig, 1, 1000);
        rig.said[0] = '\0';
        while (rig_counts(&rig).made <= i) {
            CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0);
        }
        CHECK(strstr(rig.said, i == 0 ? "partition 1:" : "partition 0:") !=
              NULL);
    }
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 3);
    rig_free(&rig);
}

TEST(snapshotter, uploads_only_what_is_new)
{
    struct rig rig;
    uint64_t before;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    before = rig_counts(&rig).uploaded_files;
    CHECK_EQ(before, 2); // data, and what is empty: log and meta
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 2);
    CHECK_EQ(rig_counts(&rig).uploaded_files, before + 1);
    rig_free(&rig);
}

TEST(snapshotter, forgets_the_log_below_the_last_but_one)
{
    struct rig rig;

    rig_make(t, &rig, false);
    for (uint64_t i = 1; i <= 5; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
        CHECK_EQ(first_kept(&rig, 0), i == 1 ? 1 : i - 1);
    }
    rig_free(&rig);
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
        rig_make(t, &rig, false);
        rig_commit(&rig, 0, 1000);
        wf_snapshots_memory_fail(rig.memory, skip);
        rig_settle(&rig);
        CHECK_EQ(rig_counts(&rig).failed, 1);
        CHECK_EQ(rig_counts(&rig).made, skip < 3 ? 0 : 1);
        CHECK(strstr(rig.said, "a failure was asked for") != NULL);
        CHECK(is_no_copy_left(&rig));
        rig_settle(&rig); // not at once
        CHECK_EQ(rig_counts(&rig).failed, 1);
        wf_snapshots_memory_fail(rig.memory, FOREVER);
        rig.now_ms += 1000;
        rig_settle(&rig);
        CHECK_EQ(rig_counts(&rig).failed, 1);
        CHECK_EQ(rig_counts(&rig).made, skip < 3 ? 1 : 2);
        CHECK_EQ(rig_restore(&rig, 0), 1);
        rig_free(&rig);
        wf_directory_remove(rig.dir);
    }
}

TEST(snapshotter, waits_longer_each_time_that_it_fails)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    wf_snapshots_memory_fail(rig.memory, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        rig_settle(&rig);
        rig.now_ms += 1000;
    }
    // 1, 2, 4 ... 32 seconds, then each minute.
    CHECK_EQ(rig_counts(&rig).failed, 6 + 16);
    rig_free(&rig);
}

TEST(snapshotter, after_one_that_is_whole_the_pause_is_short_again)
{
    struct rig rig;

    rig_make(t, &rig, false);
    for (uint32_t i = 0; i < 2; i++) {
        rig_commit(&rig, 0, 1000);
        wf_snapshots_memory_fail(rig.memory, 0);
        rig_settle(&rig);
        rig.now_ms += 1000;
        rig_settle(&rig);
        CHECK_EQ(rig_counts(&rig).failed, 2 * i + 2);
        wf_snapshots_memory_fail(rig.memory, FOREVER);
        rig.now_ms += 1999;
        rig_settle(&rig);
        CHECK_EQ(rig_counts(&rig).made, i);
        rig.now_ms += 1;
        rig_settle(&rig);
        CHECK_EQ(rig_counts(&rig).made, i + 1);
    }
    rig_free(&rig);
}

// Another node, which has taken partition 0.
struct other {
    struct wf_registry registry;
    struct wf_shared_log log;
};

static void
lose_to(struct rig *rig, struct other *other)
{
    struct wf_registry_node node = {.id = "b",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_shared_place place;

    wf_registry_memory_open(rig->database, "b", &other->registry);
    CHECK_OK(other->registry.ops->join(other->registry.self, &node, 1000));
    wf_log_memory_open(rig->database, "b", node.incarnation, &other->log);
    wf_memory_database_expire(rig->database, "a");
    CHECK_OK(other->log.ops->acquire(other->log.self, 0, &place));
}

static void
end_other(struct other *other)
{
    other->log.ops->close(other->log.self);
    other->registry.ops->close(other->registry.self);
}

TEST(snapshotter, a_partition_that_was_lost_meanwhile_is_not_committed)
{
    struct rig rig;
    struct other b;
    struct wf_buf manifest = {0};
    uint64_t redo;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0); // copied
    lose_to(&rig, &b);
    rig.are_here[0] = false;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 0);
    CHECK_EQ(rig_counts(&rig).failed, 0); // others make it now
    CHECK_ERR(b.log.ops->snapshot_read(b.log.self, 0, 0, &redo, &manifest),
              WEFT_ENOTFOUND);
    CHECK(is_no_copy_left(&rig));
    wf_buf_fini(&manifest);
    end_other(&b);
    rig_free(&rig);
}

// A node finds out with its next commit, which may take long to come.
TEST(snapshotter, one_that_was_lost_and_seems_to_be_here_is_not_copied_at_once)
{
    struct rig rig;
    struct other b;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    lose_to(&rig, &b);
    for (uint32_t i = 1; i <= 3; i++) {
        rig_settle(&rig);
        CHECK_EQ(rig.checkpoints, i);
        rig.now_ms += 1000;
    }
    CHECK_EQ(rig_counts(&rig).failed, 0);
    end_other(&b);
    rig_free(&rig);
}

// Somebody took it for garbage: another one is made.
TEST(snapshotter, a_file_that_is_gone_again_is_put_anew)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    while (rig_counts(&rig).made == 0) {
        CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0);
    }
    wf_snapshots_memory_lose(rig.memory, 0);
    rig_settle(&rig);
    CHECK(strstr(rig.said, "was put, and is gone") != NULL);
    rig.now_ms += 1000;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 2);
    CHECK_EQ(rig_restore(&rig, 0), 1);
    rig_free(&rig);
}

// Before it is needed: a file is read back now and then.
TEST(snapshotter, a_file_that_was_damaged_is_put_anew)
{
    uint64_t made;
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, 1);
    for (uint32_t i = 0; i < wf_snapshots_memory_count(rig.memory); i++) {
        wf_snapshots_memory_damage(rig.memory, i);
    }
    for (int i = 0; i < 20; i++) {
        rig.now_ms += EVERY_MS;
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
        rig.now_ms += 120000; // the longest pause after a failure
        rig_settle(&rig);
    }
    CHECK(strstr(rig.said, "it is put anew") != NULL);
    made = rig_counts(&rig).made;
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).made, made + 1);
    CHECK_EQ(rig_restore(&rig, 0), rig.commits[0]);
    rig_free(&rig);
}

TEST(snapshotter, what_was_put_long_ago_is_put_once_more)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0); // copied
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), 0); // put, the first
    wf_snapshots_memory_lose(rig.memory, 0);
    rig.now_ms += GRACE_MS;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).failed, 0);
    CHECK_EQ(rig_counts(&rig).made, 1);
    CHECK_EQ(rig_restore(&rig, 0), 1);
    rig_free(&rig);
}

TEST(snapshotter, what_an_earlier_process_left_is_removed)
{
    struct rig rig;
    char path[440];

    rig_make(t, &rig, false);
    (void)snprintf(path, sizeof(path), "%s/store-0.snapshot", rig.dir);
    CHECK_EQ(mkdir(path, 0755), 0);
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = rig_create(&rig);
    CHECK(is_no_copy_left(&rig));
    rig_free(&rig);
}

TEST(snapshotter, does_nothing_when_stopped)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    wf_snapshotter_stop(rig.snapshotter);
    CHECK_EQ(wf_snapshotter_step(rig.snapshotter), UINT64_MAX);
    CHECK_EQ(rig.checkpoints, 0);
    rig_free(&rig);
}

// Restoring. ------------------------------------------------------------------

TEST(snapshotter, restores_the_newest)
{
    struct rig rig;

    rig_make(t, &rig, false);
    CHECK_EQ(rig_restore(&rig, 0), 0); // there is none
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    CHECK_EQ(rig_restore(&rig, 0), 2);
    CHECK_EQ(rig_counts(&rig).restored, 1);
    rig_free(&rig);
}

TEST(snapshotter, restores_the_last_but_one_if_the_newest_is_damaged)
{
    struct rig rig;
    uint32_t before;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    before = wf_snapshots_memory_count(rig.memory);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    wf_snapshots_memory_damage(rig.memory, before);
    CHECK_EQ(rig_restore(&rig, 0), 1);
    CHECK(strstr(rig.said, "restore partition 0, newest snapshot: data: its "
                           "bytes are others") != NULL);
    wf_snapshots_memory_lose(rig.memory, before);
    CHECK_EQ(rig_restore(&rig, 0), 1);
    CHECK(strstr(rig.said, "data: its bytes are gone") != NULL);
    rig_free(&rig);
}

// Whoever mixes up rows of the database mixes up no partitions.
TEST(snapshotter, a_manifest_of_another_snapshot_restores_nothing)
{
    struct rig rig;
    struct wf_buf manifest = {0};
    uint64_t redo;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    CHECK_OK(rig.log.ops->snapshot_read(rig.log.self, 0, 0, &redo, &manifest));
    rig_commit(&rig, 1, 1);
    CHECK_OK(rig.log.ops->snapshot_commit(rig.log.self, 1, redo,
                                          wf_buf_bytes(&manifest)));
    CHECK_EQ(rig_restore(&rig, 1), 0);
    rig_commit(&rig, 0, 1);
    CHECK_OK(rig.log.ops->snapshot_commit(rig.log.self, 0, redo + 1,
                                          wf_buf_bytes(&manifest)));
    CHECK_EQ(rig_restore(&rig, 0), 1); // the last but one
    CHECK(strstr(rig.said, "partition 1, newest snapshot: the manifest is of "
                           "another snapshot") != NULL);
    CHECK(strstr(rig.said, "partition 0, newest snapshot: the manifest is of "
                           "another snapshot") != NULL);
    wf_buf_fini(&manifest);
    rig_free(&rig);
}

// It was restored, and is of no use, or else nobody would ask again.
TEST(snapshotter, restores_the_last_but_one_if_the_newest_was_no_help)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    CHECK_EQ(rig_restore(&rig, 0), 2);
    CHECK_EQ(rig_restore(&rig, 0), 1);
    CHECK_EQ(rig_restore(&rig, 0), 2);
    rig_free(&rig);
}

TEST(snapshotter, leaves_the_store_as_it_is_while_snapshots_are_away)
{
    struct rig rig;
    char path[440];
    char file[460];

    rig_make(t, &rig, false);
    rig_commit(&rig, 0, 1000);
    rig_settle(&rig);
    rig_store_dir(&rig, 0, path, sizeof(path));
    (void)snprintf(file, sizeof(file), "%s/something", path);
    CHECK_EQ(mkdir(path, 0755), 0);
    CHECK_EQ(mkdir(file, 0755), 0);
    wf_snapshots_memory_fail(rig.memory, 0);
    CHECK_ERR(wf_snapshotter_restore(rig.snapshotter, 0, path), WEFT_EIO);
    CHECK_EQ(access(file, F_OK), 0);
    wf_snapshots_memory_fail(rig.memory, FOREVER);
    CHECK_OK(wf_snapshotter_restore(rig.snapshotter, 0, path));
    CHECK(access(file, F_OK) != 0);
    rig_free(&rig);
}

// RocksDB's files, in a directory: the local one is lost, or an old one.
TEST(snapshotter, a_real_store_comes_back)
{
    static const uint8_t cluster_id[16] = {1};
    struct rig rig;
    char where[440];
    char kept[430];
    char path[440];

    rig_make(t, &rig, true);
    (void)snprintf(kept, sizeof(kept), "%s/kept", test_dir(t));
    (void)snprintf(where, sizeof(where), "dir:%s", kept);
    CHECK_EQ(mkdir(kept, 0755), 0);
    CHECK_OK(wf_snapshots_open(where, cluster_id, &rig.files));
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = rig_create(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    CHECK_EQ(rig_counts(&rig).made, 3);
    CHECK_EQ(rig_counts(&rig).failed, 0);
    CHECK(is_no_copy_left(&rig));

    rig_commit(&rig, 0, 1); // in no snapshot
    CHECK_EQ(rig_restore(&rig, 0), 3);
    CHECK_OK(rig.stores[0].ops->verify(rig.stores[0].self));
    rig_close_store(&rig, 0);
    rig_store_dir(&rig, 0, path, sizeof(path));
    wf_directory_remove(path);
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = rig_create(&rig);
    CHECK_EQ(rig_restore(&rig, 0), 3);
    CHECK_OK(rig.stores[0].ops->verify(rig.stores[0].self));
    rig.files.ops->close(rig.files.self);
    rig_free(&rig);
}
