// SPDX-License-Identifier: Apache-2.0
//
// test_snapshotter_garbage.c - which files of snapshots are removed, and which
// are not.

#include <string.h>

#include "snapshotter_rig.h"
#include "support/test.h"

TEST(snapshotter, collects_what_no_manifest_names)
{
    struct rig rig;

    rig_make(t, &rig, false);
    for (uint32_t i = 0; i < 5; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 6); // one is empty
    rig.now_ms += GRACE_MS - 1;
    rig_settle(&rig);
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 6);
    rig.now_ms += EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 3);
    CHECK_EQ(rig_counts(&rig).removed_files, 3);
    CHECK_EQ(rig_restore(&rig, 0), 5);
    rig_free(&rig);
}

TEST(snapshotter, collects_nothing_that_another_partition_needs)
{
    struct rig rig;

    rig_make(t, &rig, false);
    rig.are_here[1] = true;
    rig_commit(&rig, 1, 1000); // row 1, as in partition 0's first
    for (uint32_t i = 0; i < 3; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    rig.now_ms += GRACE_MS + EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).removed_files, 0);
    CHECK_EQ(rig_restore(&rig, 1), 1);
    rig_free(&rig);
}

TEST(snapshotter, collects_nothing_where_partition_0_is_not)
{
    struct rig rig;

    rig_make(t, &rig, false);
    for (uint32_t i = 0; i < 3; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    rig.are_here[0] = false;
    rig.now_ms += GRACE_MS + EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).removed_files, 0);
    rig_free(&rig);
}

// Three snapshots, of which one is garbage by now: how many files go?
static uint64_t
count_removed(struct test *t, enum wf_snapshotter_collector collector,
              bool has_0)
{
    uint64_t removed;
    struct rig rig;

    rig_make(t, &rig, false);
    rig.collector = collector;
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = rig_create(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    rig.are_here[0] = has_0;
    rig.now_ms += GRACE_MS + EVERY_MS;
    rig_settle(&rig);
    removed = rig_counts(&rig).removed_files;
    CHECK_EQ(rig_restore(&rig, 0), 3);
    rig_free(&rig);
    return removed;
}

// A cluster without a database: each node has a directory of its own.
TEST(snapshotter, collects_its_own_without_partition_0)
{
    CHECK_EQ(count_removed(t, WF_SNAPSHOTTER_EACH, false), 1);
}

// The same, with a place that all reach: others need files that this node's log
// does not tell of.
TEST(snapshotter, collects_nothing_of_others_that_it_does_not_know)
{
    CHECK_EQ(count_removed(t, WF_SNAPSHOTTER_NOBODY, true), 0);
}

// Somebody puts them while they are collected. --------------------------------

// The files, where each that was listed is put anew before it is removed.
static struct anew {
    struct wf_snapshots real;
    struct wf_snapshots_ops ops;
    uint32_t count;
} anew;

static void
put_anew(void *ctx, const uint8_t *hash)
{
    struct wf_snapshots_file file = {0};
    bool is_new = true;

    (void)ctx;
    memcpy(file.hash, hash, sizeof(file.hash));
    CHECK_OK(anew.real.ops->put(anew.real.self, &file, "not read", &is_new));
    CHECK(!is_new);
    anew.count++;
}

static weft_err
list_anew(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn, void *ctx)
{
    weft_err err = anew.real.ops->list(self, age_ms, fn, ctx);

    CHECK_OK(anew.real.ops->list(self, age_ms, put_anew, NULL));
    return err;
}

TEST(snapshotter, collects_nothing_that_was_put_anew_meanwhile)
{
    struct rig rig;

    rig_make(t, &rig, false);
    anew = (struct anew){.real = rig.files, .ops = *rig.files.ops};
    anew.ops.list = list_anew;
    rig.files.ops = &anew.ops;
    wf_snapshotter_destroy(rig.snapshotter);
    rig.snapshotter = rig_create(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    rig.now_ms += GRACE_MS + EVERY_MS;
    rig_settle(&rig);
    CHECK(anew.count > 0);
    CHECK_EQ(wf_snapshots_memory_count(rig.memory), 4);
    CHECK_EQ(rig_restore(&rig, 0), 3);
    rig_free(&rig);
}

// What cannot be read. --------------------------------------------------------

TEST(snapshotter, collects_nothing_while_a_manifest_cannot_be_read)
{
    struct rig rig;

    rig_make(t, &rig, false);
    for (uint32_t i = 0; i < 3; i++) {
        rig_commit(&rig, 0, 1000);
        rig_settle(&rig);
    }
    rig_commit(&rig, 1, 1);
    CHECK_OK(rig.log.ops->snapshot_commit(rig.log.self, 1, 1,
                                          weft_text("no manifest")));
    rig.now_ms += GRACE_MS + EVERY_MS;
    rig_settle(&rig);
    CHECK_EQ(rig_counts(&rig).removed_files, 0);
    CHECK(strstr(rig.said, "collect ") != NULL);
    rig_free(&rig);
}
