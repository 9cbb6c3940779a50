// SPDX-License-Identifier: Apache-2.0
//
// test_depot_shared.c - the store of a partition of a cluster, beside a shared
// log that ends and begins where the test says.

#include <string.h>

#include "base/error.h"
#include "runtime/depot.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/log_partition.h"
#include "storage/log_shared.h"
#include "storage/store.h"
#include "support/test.h"

static struct rig {
    struct wf_memory_disk *disk;
    struct wf_store store; // the one below
    struct wf_store_ops ops;
    struct wf_shared_log log;
    struct wf_shared_place place; // that is acquired next
    struct wf_depot depot;
    uint8_t cluster_id[16];
    bool has_failed;   // the store that is open, for good
    bool is_stalled;   // it refuses every write
    uint32_t opens;    // of stores
    uint32_t restores; // to nothing
} rig;

// The shared log. -------------------------------------------------------------

static weft_err
acquire(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    (void)self;
    (void)partition;
    rig.place.epoch++;
    *out_place = rig.place;
    return WEFT_OK;
}

static void
append(void *self, struct wf_shared_append *appends, uint32_t count)
{
    (void)self;
    CHECK_EQ(count, 1);
    appends[0].number = ++rig.place.last;
    appends[0].result = WF_APPEND_DURABLE;
}

static const struct wf_shared_log_ops log_ops = {
    .acquire = acquire,
    .append = append,
};

// The store. ------------------------------------------------------------------

static weft_err
get(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    return rig.has_failed ? wf_error(WEFT_ECLOSED, "a write has failed before")
                          : rig.store.ops->get(self, cf, key, out_value);
}

static weft_err
write(void *self, const struct wf_batch *batch, bool sync)
{
    return rig.is_stalled ? wf_error(WEFT_EBUSY, "it stalls")
                          : rig.store.ops->write(self, batch, sync);
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    weft_err err = wf_store_memory_open(rig.disk, &rig.store);

    (void)ctx;
    (void)store;
    CHECK_OK(err);
    rig.opens++;
    rig.has_failed = false;
    rig.ops = *rig.store.ops;
    rig.ops.get = get;
    rig.ops.write = write;
    *out_store = (struct wf_store){&rig.ops, rig.store.self};
    return WEFT_OK;
}

// There is no snapshot.
static weft_err
restore(void *ctx, uint32_t store, const char *dir)
{
    (void)ctx;
    (void)store;
    (void)dir;
    rig.restores++;
    wf_memory_disk_destroy(rig.disk);
    rig.disk = wf_memory_disk_create();
    return WEFT_OK;
}

// A process begins, with what is on the disk.
static void
start(void)
{
    wf_depot_init(&rig.depot, &(struct wf_depot_options){
                                  .count = 1,
                                  .partition_count = 1,
                                  .open_store = open_store,
                                  .shared = &rig.log,
                                  .cluster_id = rig.cluster_id,
                                  .restore = restore,
                                  .clock = wf_clock_system(),
                              });
}

static void
stop(void)
{
    wf_depot_close_store(&rig.depot);
    wf_depot_fini(&rig.depot);
}

static void
begin(void)
{
    rig = (struct rig){
        .disk = wf_memory_disk_create(),
        .log = {.ops = &log_ops},
        .place = {.first = 1},
        .cluster_id = {1},
    };
    start();
}

static void
end(void)
{
    stop();
    wf_memory_disk_destroy(rig.disk);
}

// A commit, and a row of so many bytes with it; 0: none.
static enum wf_depot_result
commit(uint32_t segments, size_t bytes)
{
    static uint8_t value[1 << 20];
    struct wf_batch rows = {0};
    struct wf_commit one = {.segments_count = segments};
    struct wf_depot *depots[] = {&rig.depot};
    enum wf_depot_result result;

    CHECK(bytes <= sizeof(value));
    if (bytes > 0) {
        wf_batch_put(&rows, WF_CF_DATA, weft_text("row"),
                     weft_bytes_of(value, bytes));
    }
    one.rows = &rows;
    wf_depot_append_all(depots, &one, &result, 1);
    wf_batch_fini(&rows);
    return result;
}

// Tests. ----------------------------------------------------------------------

// Rows say what they are of; so does what this process was told.
TEST(depot_shared, a_log_that_has_gone_back_is_found_out)
{
    begin();
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK_EQ(commit(1, 10), WF_DEPOT_DURABLE);
    CHECK_EQ(commit(1, 10), WF_DEPOT_DURABLE);
    CHECK_EQ(commit(1, 0), WF_DEPOT_DURABLE);
    rig.place.last = 2;
    CHECK_ERR(wf_depot_reopen(&rig.depot), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "commit 3 was acknowledged") != NULL);
    CHECK(atomic_load(&rig.depot.is_stopped));
    stop();
    start(); // its rows do not know of the third
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK(!atomic_load(&rig.depot.is_stopped));
    stop();
    rig.place.last = 1;
    start();
    CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_ELOST);
    CHECK(strstr(weft_err_detail(), "its rows are of commit 2") != NULL);
    end();
}

TEST(depot_shared, a_store_of_another_cluster_is_refused)
{
    begin();
    CHECK_OK(wf_depot_open(&rig.depot, false));
    stop();
    rig.cluster_id[15] = 1;
    start();
    CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_EFORMAT);
    CHECK_EQ(rig.restores, 0);
    end();
}

TEST(depot_shared, what_the_log_has_forgotten_and_no_snapshot_has_is_lost)
{
    begin();
    rig.place.first = 5;
    rig.place.last = 8;
    CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_ELOST);
    CHECK_EQ(rig.restores, 1);
    CHECK(strstr(weft_err_detail(), "no snapshot reaches so far") != NULL);
    CHECK(atomic_load(&rig.depot.is_stopped));
    end();
}

TEST(depot_shared, a_store_that_has_failed_is_opened_anew)
{
    begin();
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK_EQ(commit(1, 10), WF_DEPOT_DURABLE);
    CHECK_OK(wf_depot_reopen(&rig.depot));
    CHECK_EQ(rig.opens, 1); // it was open
    rig.has_failed = true;
    CHECK_OK(wf_depot_reopen(&rig.depot));
    CHECK_EQ(rig.opens, 2);
    CHECK_EQ(rig.restores, 0);
    CHECK_EQ(commit(1, 10), WF_DEPOT_DURABLE);
    end();
}

// They wait in memory, and are not less durable for that; but not without end.
TEST(depot_shared, rows_wait_for_a_store_that_stalls_up_to_a_bound)
{
    enum wf_depot_result result = WF_DEPOT_DURABLE;
    uint32_t count = 0;
    struct wf_buf value = {0};

    begin();
    CHECK_OK(wf_depot_open(&rig.depot, false));
    rig.is_stalled = true;
    CHECK_EQ(commit(1, 1000), WF_DEPOT_DURABLE);
    rig.is_stalled = false;
    CHECK_EQ(commit(1, 10), WF_DEPOT_DURABLE);
    CHECK_OK(rig.store.ops->get(rig.store.self, WF_CF_DATA, weft_text("row"),
                                &value));
    CHECK_EQ(value.len, 10); // both, in their order
    rig.is_stalled = true;
    for (; count < 100 && result == WF_DEPOT_DURABLE; count++) {
        result = commit(1, 1 << 20);
    }
    CHECK_EQ(result, WF_DEPOT_IN_DOUBT);
    CHECK(count >= 8 && count <= 32);
    wf_buf_fini(&value);
    end();
}
