// SPDX-License-Identifier: Apache-2.0
//
// test_committer.c - jobs in, one commit, jobs out; on a store in memory that
// can refuse and fail.

#include "runtime/committer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/limits.h"
#include "runtime/depot.h"
#include "storage/log.h"
#include "storage/store.h"
#include "support/test.h"

enum { JOBS = 3 };

// A committer, its store, and what it said.
struct rig {
    struct wf_memory_disk *disk, *other_disk;
    struct wf_depot depots[2];
    struct wf_committer *committer;
    struct wf_job jobs[JOBS];
    uint64_t now_ns;
    uint32_t done[JOBS];
    bool is_stalled;
    uint32_t stalls, doubts, fenced;
};

static uint64_t
rig_wall_ms(void *self)
{
    const struct rig *rig = self;

    return rig->now_ns / 1000000U;
}

static uint64_t
rig_mono_ns(void *self)
{
    const struct rig *rig = self;

    return rig->now_ns;
}

static weft_err
rig_open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    struct rig *rig = ctx;

    return wf_store_memory_open(store == 0 ? rig->disk : rig->other_disk,
                                out_store);
}

static void
rig_done(void *ctx, struct wf_job *job)
{
    struct rig *rig = ctx;

    CHECK_EQ(job->post.type, WF_POST_COMMITTED);
    rig->done[job->shard]++;
}

static void
rig_stall(void *ctx, uint32_t store, bool is_stalled)
{
    struct rig *rig = ctx;

    (void)store;
    CHECK(rig->is_stalled != is_stalled);
    rig->is_stalled = is_stalled;
    rig->stalls++;
}

static void
rig_in_doubt(void *ctx, uint32_t store)
{
    struct rig *rig = ctx;

    (void)store;
    rig->doubts++;
}

static void
rig_fenced(void *ctx, uint32_t store)
{
    struct rig *rig = ctx;

    (void)store;
    rig->fenced++;
}

static void
rig_open(struct rig *rig)
{
    static const uint8_t id[16] = {1};
    struct wf_clock clock = {rig_wall_ms, rig_mono_ns, rig};
    struct wf_depot_options depot = {
        .count = 2,
        .partition_count = 4,
        .open_store = rig_open_store,
        .ctx = rig,
        .clock = clock,
    };
    struct wf_committer_options options = {
        .depots = rig->depots,
        .stores_count = 2,
        .clock = clock,
        .done = rig_done,
        .stall = rig_stall,
        .in_doubt = rig_in_doubt,
        .fenced = rig_fenced,
        .ctx = rig,
    };

    *rig = (struct rig){.now_ns = 1000000000};
    rig->disk = wf_memory_disk_create();
    rig->other_disk = wf_memory_disk_create();
    for (depot.index = 0; depot.index < 2; depot.index++) {
        struct wf_depot *made = &rig->depots[depot.index];

        wf_depot_init(made, &depot);
        CHECK_OK(wf_depot_open(made, false));
        CHECK(made->is_new);
        CHECK_OK(wf_depot_found(made, id));
    }
    rig->committer = wf_committer_create(&options);
    for (uint32_t i = 0; i < JOBS; i++) {
        wf_job_init(&rig->jobs[i], i, 0);
    }
}

static void
rig_close(struct rig *rig)
{
    wf_committer_destroy(rig->committer);
    for (uint32_t i = 0; i < JOBS; i++) {
        wf_job_fini(&rig->jobs[i]);
    }
    for (int i = 0; i < 2; i++) {
        wf_depot_close(&rig->depots[i]);
        wf_depot_fini(&rig->depots[i]);
    }
    wf_memory_disk_destroy(rig->disk);
    wf_memory_disk_destroy(rig->other_disk);
}

// One segment of the job's own partition, and one row.
static void
seal(struct rig *rig, uint32_t i, size_t records_len)
{
    struct wf_job *job = &rig->jobs[i];
    uint8_t *records = wf_calloc(records_len);
    struct wf_segment segment = {
        .partition = i,
        .epoch = 1,
        .first_record = 1,
        .record_count = 1,
        .records = weft_bytes_of(records, records_len),
    };
    char key[8] = "row ";

    key[4] = (char)('0' + i);
    wf_job_reset(job);
    wf_segment_encode(&segment, &job->frames);
    job->segments_count = 1;
    wf_batch_put(job->rows, WF_CF_DATA, weft_text(key), weft_text("value"));
    job->post.type = WF_POST_SEAL;
    wf_post_push(wf_committer_inbox(rig->committer), &job->post);
    wf_free(records);
}

static bool
has_row(struct rig *rig, uint32_t i)
{
    struct wf_buf value = {0};
    char key[8] = "row ";
    weft_err err;

    key[4] = (char)('0' + i);
    err = rig->depots[0].store->ops->get(rig->depots[0].store->self, WF_CF_DATA,
                                         weft_text(key), &value);
    wf_buf_fini(&value);
    return err == WEFT_OK;
}

static void
step_to_rest(struct rig *rig)
{
    while (wf_committer_step(rig->committer) == 0) {
    }
}

TEST(committer, one_job_is_one_commit)
{
    struct rig rig;

    rig_open(&rig);
    CHECK_EQ(wf_committer_step(rig.committer), UINT64_MAX);
    seal(&rig, 0, 10);
    step_to_rest(&rig);
    CHECK_EQ(rig.done[0], 1);
    CHECK(rig.jobs[0].is_durable);
    CHECK_EQ(rig.jobs[0].commit, 1);
    CHECK_EQ(rig.jobs[0].log_bytes, rig.jobs[0].frames.len);
    CHECK(has_row(&rig, 0));
    CHECK_EQ(atomic_load(&rig.depots[0].durable), 1);
    rig_close(&rig);
}

TEST(committer, jobs_that_wait_are_joined_into_one_commit)
{
    struct rig rig;

    rig_open(&rig);
    for (uint32_t i = 0; i < JOBS; i++) {
        seal(&rig, i, 10);
    }
    step_to_rest(&rig);
    for (uint32_t i = 0; i < JOBS; i++) {
        CHECK_EQ(rig.done[i], 1);
        CHECK(rig.jobs[i].is_durable);
        CHECK_EQ(rig.jobs[i].commit, 1);
        CHECK(has_row(&rig, i));
    }
    CHECK_EQ(atomic_load(&rig.depots[0].commits), 1);
    rig_close(&rig);
}

// What a row is by now is not undone by a commit that was joined before.
TEST(committer, rows_of_joined_commits_are_written_once)
{
    struct rig rig;

    rig_open(&rig);
    seal(&rig, 0, 10);
    seal(&rig, 1, 10);
    step_to_rest(&rig);
    CHECK(has_row(&rig, 0));
    seal(&rig, 2, 10);
    wf_batch_delete(rig.jobs[2].rows, WF_CF_DATA, weft_text("row 0"));
    step_to_rest(&rig);
    CHECK(!has_row(&rig, 0));
    seal(&rig, 1, 10);
    seal(&rig, 2, 10);
    step_to_rest(&rig);
    CHECK(!has_row(&rig, 0));
    rig_close(&rig);
}

TEST(committer, a_commit_is_bounded_but_the_first_job_always_goes)
{
    struct rig rig;

    rig_open(&rig);
    seal(&rig, 0, WF_COMMIT_BYTES_MAX + 1);
    seal(&rig, 1, 10);
    seal(&rig, 2, WF_COMMIT_BYTES_MAX);
    step_to_rest(&rig);
    CHECK_EQ(rig.jobs[0].commit, 1);
    CHECK_EQ(rig.jobs[1].commit, 2);
    CHECK_EQ(rig.jobs[2].commit, 3);
    rig_close(&rig);
}

TEST(committer, a_refused_commit_is_tried_again_with_backoff)
{
    struct rig rig;
    uint64_t wait_ms;

    rig_open(&rig);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    seal(&rig, 0, 10);
    CHECK_EQ(wf_committer_step(rig.committer), 0);
    CHECK(rig.is_stalled);
    CHECK_EQ(rig.done[0], 0);
    seal(&rig, 1, 10); // waits for the commit after
    CHECK_EQ(wf_committer_step(rig.committer), 0);
    wait_ms = wf_committer_step(rig.committer);
    CHECK(wait_ms > 0 && wait_ms <= 100);
    rig.now_ns += wait_ms * 1000000U;
    step_to_rest(&rig);
    CHECK(!rig.is_stalled);
    CHECK_EQ(rig.stalls, 2);
    CHECK_EQ(rig.jobs[0].commit, 1);
    CHECK_EQ(rig.jobs[1].commit, 2);
    CHECK_EQ(rig.doubts, 0);
    rig_close(&rig);
}

// So often the next commit is refused; how long the pause after the last is.
static uint64_t
refuse(struct rig *rig, int times)
{
    uint64_t wait_ms = 0;

    seal(rig, 0, 10);
    for (int i = 0; i < times; i++) {
        wf_memory_disk_fail_write(rig->disk, 0, WEFT_EBUSY, false);
        CHECK_EQ(wf_committer_step(rig->committer), 0);
        wait_ms = wf_committer_step(rig->committer);
        rig->now_ns += wait_ms * 1000000U;
    }
    step_to_rest(rig);
    CHECK(!rig->is_stalled);
    return wait_ms;
}

TEST(committer, each_stall_begins_with_a_short_pause_and_none_is_long)
{
    struct rig rig;

    rig_open(&rig);
    CHECK_EQ(refuse(&rig, 1), 1);
    CHECK_EQ(refuse(&rig, 4), 8);
    CHECK_EQ(refuse(&rig, 12), 100);
    CHECK_EQ(refuse(&rig, 2), 2);
    rig_close(&rig);
}

TEST(committer, a_commit_in_doubt_gives_every_job_back_void)
{
    struct rig rig;

    rig_open(&rig);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, true);
    seal(&rig, 0, 10);
    step_to_rest(&rig);
    CHECK_EQ(rig.doubts, 1);
    CHECK_EQ(rig.done[0], 1);
    CHECK(!rig.jobs[0].is_durable);
    // What comes later is not even tried.
    seal(&rig, 1, 10);
    step_to_rest(&rig);
    CHECK_EQ(rig.done[1], 1);
    CHECK(!rig.jobs[1].is_durable);
    CHECK_EQ(rig.doubts, 1);
    rig_close(&rig);
}

TEST(committer, it_goes_on_after_fence_reopen_and_resume)
{
    struct rig rig;

    rig_open(&rig);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, true);
    seal(&rig, 0, 10);
    step_to_rest(&rig);
    wf_post_tell(wf_committer_inbox(rig.committer), WF_POST_FENCE, 0);
    step_to_rest(&rig);
    CHECK_EQ(rig.fenced, 1);
    CHECK_OK(wf_depot_reopen(&rig.depots[0]));
    CHECK(has_row(&rig, 0));                          // it was there
    CHECK_EQ(atomic_load(&rig.depots[0].durable), 2); // and the barrier
    wf_post_tell(wf_committer_inbox(rig.committer), WF_POST_RESUME, 0);
    seal(&rig, 1, 10);
    step_to_rest(&rig);
    CHECK(rig.jobs[1].is_durable);
    CHECK_EQ(rig.jobs[1].commit, 3);
    rig_close(&rig);
}

// Nothing of it is tried again, and nobody is refused for it any more.
TEST(committer, a_fence_ends_a_stall)
{
    struct rig rig;

    rig_open(&rig);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    seal(&rig, 0, 10);
    CHECK_EQ(wf_committer_step(rig.committer), 0);
    CHECK(rig.is_stalled);
    seal(&rig, 2, 10); // waits for the commit after
    wf_post_tell(wf_committer_inbox(rig.committer), WF_POST_FENCE, 0);
    step_to_rest(&rig);
    CHECK(!rig.is_stalled);
    CHECK_EQ(rig.fenced, 1);
    CHECK_EQ(rig.done[0], 1);
    CHECK(!rig.jobs[0].is_durable);
    CHECK_EQ(rig.done[2], 1);
    CHECK(!rig.jobs[2].is_durable);
    wf_post_tell(wf_committer_inbox(rig.committer), WF_POST_RESUME, 0);
    seal(&rig, 1, 10);
    step_to_rest(&rig);
    CHECK(rig.jobs[1].is_durable);
    rig_close(&rig);
}

TEST(committer, a_fence_is_of_one_store)
{
    struct rig rig;

    rig_open(&rig);
    wf_job_fini(&rig.jobs[1]);
    wf_job_init(&rig.jobs[1], 1, 1);
    seal(&rig, 0, 10);
    seal(&rig, 1, 10);
    wf_post_tell(wf_committer_inbox(rig.committer), WF_POST_FENCE, 0);
    step_to_rest(&rig);
    CHECK_EQ(rig.fenced, 1);
    CHECK_EQ(rig.done[0], 1);
    CHECK(!rig.jobs[0].is_durable);
    CHECK_EQ(rig.done[1], 1);
    CHECK(rig.jobs[1].is_durable);
    rig_close(&rig);
}

TEST(committer, a_fault_before_or_after_the_write_is_a_doubt)
{
    static const enum wf_fault faults[] = {WF_FAULT_BEFORE_COMMIT,
                                           WF_FAULT_AFTER_COMMIT};

    for (size_t i = 0; i < 2; i++) {
        struct rig rig;

        rig_open(&rig);
        wf_fault_arm(faults[i], WF_FAULT_ACTION_FAIL, 0, 1);
        seal(&rig, 0, 10);
        step_to_rest(&rig);
        CHECK_EQ(rig.doubts, 1);
        CHECK(!rig.jobs[0].is_durable);
        CHECK_EQ(has_row(&rig, 0), faults[i] == WF_FAULT_AFTER_COMMIT);
        wf_fault_disarm_all();
        rig_close(&rig);
    }
}

TEST(committer, stop_ends_it_after_what_came_before)
{
    struct rig rig;

    rig_open(&rig);
    seal(&rig, 0, 10);
    wf_post_tell(wf_committer_inbox(rig.committer), WF_POST_STOP, 0);
    step_to_rest(&rig);
    CHECK(wf_committer_is_stopped(rig.committer));
    CHECK(rig.jobs[0].is_durable);
    rig_close(&rig);
}
