// SPDX-License-Identifier: Apache-2.0
//
// test_log_partition.c - the log of one partition of a cluster, beside the
// store that is made from it: from which commit on it is needed.

#include "storage/log_partition.h"

#include <string.h>

#include "base/error.h"
#include "storage/log.h"
#include "storage/store.h"
#include "support/test.h"

static struct rig {
    struct wf_memory_disk *disk;
    struct wf_store real;
    struct wf_store_ops ops;
    struct wf_store store;
    struct wf_shared_log shared;
    struct wf_shared_place place;
    struct wf_log log;
    bool is_stalled;
} rig;

static weft_err
write(void *self, const struct wf_batch *batch, bool sync)
{
    return rig.is_stalled ? wf_error(WEFT_EBUSY, "it stalls")
                          : rig.real.ops->write(self, batch, sync);
}

static weft_err
open_log(void)
{
    return wf_log_partition_open(&rig.shared, 0, &rig.place, rig.store,
                                 &rig.log);
}

// Of a store whose rows need the log from `redo` on; that has three commits.
static void
begin(uint64_t redo)
{
    rig = (struct rig){.disk = wf_memory_disk_create(),
                       .place = {.epoch = 1, .first = 1, .last = 3}};
    CHECK_OK(wf_store_memory_open(rig.disk, &rig.real));
    rig.ops = *rig.real.ops;
    rig.ops.write = write;
    rig.store = (struct wf_store){&rig.ops, rig.real.self};
    CHECK_OK(wf_log_partition_found(rig.store, redo, 0));
}

static void
end(void)
{
    rig.real.ops->close(rig.real.self);
    wf_memory_disk_destroy(rig.disk);
}

static void
reopen(void)
{
    rig.log.ops->close(rig.log.self);
    CHECK_OK(open_log());
}

static enum wf_append_result
append_rows(const char *key)
{
    struct wf_batch rows = {0};
    struct wf_commit commit = {.rows = &rows};
    enum wf_append_result result;

    wf_batch_put(&rows, WF_CF_DATA, weft_text(key), weft_text("value"));
    result = rig.log.ops->append(rig.log.self, &commit);
    wf_batch_fini(&rows);
    return result;
}

static uint64_t
first(void)
{
    return rig.log.ops->first(rig.log.self);
}

TEST(log_partition, rows_that_need_more_than_there_is_show_that_it_went_back)
{
    begin(5);
    CHECK_ERR(open_log(), WEFT_ELOST);
    rig.place.last = 4; // the next commit is the first that they need
    CHECK_OK(open_log());
    CHECK_EQ(first(), 5);
    rig.log.ops->close(rig.log.self);
    end();
}

TEST(log_partition, a_log_that_begins_behind_what_they_need_is_refused)
{
    begin(2);
    rig.place.first = 3;
    CHECK_ERR(open_log(), WEFT_ENOTFOUND);
    rig.place.first = 2;
    CHECK_OK(open_log());
    rig.log.ops->close(rig.log.self);
    end();
}

// Partition 1 is another node's by now.
static void
append_shared(void *self, struct wf_shared_append *appends, uint32_t count)
{
    (void)self;
    for (uint32_t i = 0; i < count; i++) {
        appends[i].number = 10 + appends[i].partition;
        appends[i].result =
            appends[i].partition == 1 ? WF_APPEND_FENCED : WF_APPEND_DURABLE;
    }
}

// Also if one of them has nothing but rows, which the shared log does not see.
TEST(log_partition, of_several_each_has_its_own_outcome)
{
    static const struct wf_shared_log_ops ops = {.append = append_shared};
    struct wf_log others[4];
    const struct wf_log *logs[4];
    struct wf_commit commits[4] = {{0}};
    enum wf_append_result results[4];

    begin(1);
    rig.shared.ops = &ops;
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_OK(wf_log_partition_open(&rig.shared, i, &rig.place, rig.store,
                                       &others[i]));
        logs[i] = &others[i];
        commits[i].segments_count = i == 2 ? 0 : 1;
        commits[i].frames = weft_text("segment");
    }
    wf_log_partition_append_all(logs, commits, results, 4);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(results[i], i == 1 ? WF_APPEND_FENCED : WF_APPEND_DURABLE);
        CHECK_EQ(commits[i].number, i == 2 ? 3 : 10 + i);
        CHECK_EQ(others[i].ops->last(others[i].self),
                 i == 1 || i == 2 ? 3 : 10 + i);
        others[i].ops->close(others[i].self);
    }
    end();
}

TEST(log_partition, it_is_cut_up_to_its_end_and_never_back)
{
    begin(1);
    CHECK_OK(open_log());
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 3));
    CHECK_EQ(first(), 3);
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 2));
    CHECK_EQ(first(), 3);
    reopen();
    CHECK_EQ(first(), 3);
    CHECK_OK(rig.log.ops->truncate(rig.log.self, 5));
    CHECK_EQ(first(), 4);
    reopen();
    CHECK_EQ(first(), 4);
    rig.log.ops->close(rig.log.self);
    end();
}

// Rows that wait for a store which stalls are in no flush: while they wait, the
// commits that they came with are needed.
TEST(log_partition, while_rows_wait_it_is_not_cut)
{
    begin(1);
    CHECK_OK(open_log());
    rig.is_stalled = true;
    CHECK_EQ(append_rows("one"), WF_APPEND_DURABLE);
    CHECK_ERR(rig.log.ops->truncate(rig.log.self, 3), WEFT_EBUSY);
    CHECK_EQ(first(), 1);
    rig.is_stalled = false;
    CHECK_EQ(append_rows("two"), WF_APPEND_DURABLE);
    reopen();
    CHECK_EQ(first(), 1); // nor is it by what waited
    rig.log.ops->close(rig.log.self);
    end();
}
