// SPDX-License-Identifier: Apache-2.0
//
// test_depot.c - a store that is not what it should be is named, and one that
// fails says so, whatever it is asked.

#include "runtime/depot.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "storage/beacon.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/store.h"
#include "support/test.h"

enum { PARTITIONS = 4 };

static struct rig {
    struct wf_memory_disk *disk;
    struct wf_store store; // the one below
    struct wf_store_ops ops;
    struct wf_depot depot;
    // What fails, each with its error.
    uint32_t gets_left; // reads that succeed; then all fail with WEFT_EIO
    weft_err flush_err;
    weft_err checkpoint_err;
    weft_err open_err;
    uint32_t commits_meanwhile; // that are made while it is copied
} rig;

// A store that fails as the test says. ----------------------------------------

static weft_err
get(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    if (rig.gets_left == 0) {
        return WEFT_EIO;
    }
    rig.gets_left--;
    return rig.store.ops->get(self, cf, key, out_value);
}

static weft_err
flush(void *self)
{
    return rig.flush_err != WEFT_OK ? rig.flush_err
                                    : rig.store.ops->flush(self);
}

// The log goes on, and is trimmed.
static weft_err
checkpoint(void *self, const char *dir)
{
    struct wf_commit commit = {0};

    (void)self;
    if (dir[0] != '\0' && rig.commits_meanwhile > 0) {
        CHECK_EQ(mkdir(dir, 0755), 0);
    }
    for (uint32_t i = 0; i < rig.commits_meanwhile; i++) {
        CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
        CHECK_OK(wf_depot_trim(&rig.depot, commit.number));
    }
    return rig.checkpoint_err;
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    weft_err err;

    (void)ctx;
    (void)store;
    if (rig.open_err != WEFT_OK) {
        return rig.open_err;
    }
    err = wf_store_memory_open(rig.disk, &rig.store);
    if (err == WEFT_OK) {
        rig.ops = *rig.store.ops;
        rig.ops.get = get;
        rig.ops.flush = flush;
        rig.ops.checkpoint = checkpoint;
        *out_store = (struct wf_store){&rig.ops, rig.store.self};
    }
    return err;
}

static void
init_depot(uint32_t index, uint32_t count, uint32_t partitions)
{
    wf_depot_init(&rig.depot, &(struct wf_depot_options){
                                  .index = index,
                                  .count = count,
                                  .partition_count = partitions,
                                  .open_store = open_store,
                                  .clock = wf_clock_system(),
                              });
}

static void
rig_begin(void)
{
    rig =
        (struct rig){.disk = wf_memory_disk_create(), .gets_left = UINT32_MAX};
    init_depot(0, 1, PARTITIONS);
}

// A store that was founded and has a commit.
static void
rig_open(void)
{
    static const uint8_t id[16] = {1};
    struct wf_commit commit = {0};

    rig_begin();
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK(rig.depot.is_new);
    CHECK_OK(wf_depot_found(&rig.depot, id));
    CHECK(!rig.depot.is_new);
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
}

static void
rig_close(void)
{
    wf_depot_close(&rig.depot);
    wf_depot_fini(&rig.depot);
    wf_memory_disk_destroy(rig.disk);
}

static weft_err
open_again(void)
{
    weft_err err;

    wf_depot_close(&rig.depot);
    err = wf_depot_open(&rig.depot, false);
    CHECK_EQ(err == WEFT_OK, rig.depot.store != NULL);
    return err;
}

// NULL: the row goes.
static void
set_row(const char *name, const void *value, size_t len)
{
    struct wf_buf key = {0};
    struct wf_batch batch = {0};

    wf_keys_store(&key, name);
    if (value == NULL) {
        wf_batch_delete(&batch, WF_CF_META, wf_buf_bytes(&key));
    } else {
        wf_batch_put(&batch, WF_CF_META, wf_buf_bytes(&key),
                     weft_bytes_of(value, len));
    }
    CHECK_OK(rig.store.ops->write(rig.store.self, &batch, true));
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
}

static bool
is_said(const char *text)
{
    return strstr(weft_err_detail(), text) != NULL;
}

// What it says it is. ---------------------------------------------------------

TEST(depot, a_store_that_does_not_say_what_it_is_is_refused)
{
    static const struct {
        const char *name;
        const char *said;
    } rows[] = {
        {"partitions", "store-0: it does not say its partitions"},
        {"stores", "store-0: it does not say its stores"},
        {"index", "store-0: it does not say its index"},
        {"id", "store-0: it has no id"},
        {"format", "store-0: it has commits and no format"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_open();
        CHECK_OK(open_again());
        set_row(rows[i].name, "short", 5);
        CHECK_ERR(open_again(), WEFT_ECORRUPT);
        CHECK(is_said("store-0: it "));
        CHECK_OK(wf_store_memory_open(rig.disk, &rig.store));
        set_row(rows[i].name, NULL, 0);
        rig.store.ops->close(rig.store.self);
        CHECK_ERR(open_again(), WEFT_ECORRUPT);
        CHECK(is_said(rows[i].said));
        rig_close();
    }
}

TEST(depot, a_store_of_another_system_is_refused)
{
    static const struct {
        uint32_t index, count, partitions;
        const char *said;
    } others[] = {
        {1, 1, PARTITIONS, "its index is 0, and 1 was asked for"},
        {0, 2, PARTITIONS, "its stores is 1, and 2 was asked for"},
        {0, 1, 8, "its partitions is 4, and 8 was asked for"},
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        rig_open();
        wf_depot_close(&rig.depot);
        wf_depot_fini(&rig.depot);
        init_depot(others[i].index, others[i].count, others[i].partitions);
        CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_EFORMAT);
        CHECK(is_said(others[i].said));
        CHECK(rig.depot.store == NULL);
        rig_close();
    }
}

// Failures. -------------------------------------------------------------------

TEST(depot, a_store_that_cannot_be_read_is_not_called_damaged)
{
    rig_open();
    for (uint32_t gets = 0;; gets++) {
        weft_err err;

        rig.gets_left = gets;
        err = open_again();
        if (err == WEFT_OK) {
            CHECK(gets >= 6); // format twice, three numbers, the id
            break;
        }
        CHECK_ERR(err, WEFT_EIO);
        CHECK(!rig.depot.is_new);
    }
    rig.gets_left = UINT32_MAX;
    wf_depot_close(&rig.depot);
    rig.open_err = WEFT_EBUSY;
    CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_EBUSY);
    rig.open_err = WEFT_OK;
    CHECK_OK(wf_depot_open(&rig.depot, false));
    rig_close();
}

TEST(depot, one_that_could_not_be_founded_is_still_to_be)
{
    static const uint8_t id[16] = {1};

    rig_begin();
    CHECK_OK(wf_depot_open(&rig.depot, false));
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, false);
    CHECK_ERR(wf_depot_found(&rig.depot, id), WEFT_EIO);
    CHECK(rig.depot.is_new);
    CHECK_OK(open_again());
    CHECK(rig.depot.is_new);
    CHECK_OK(wf_depot_found(&rig.depot, id));
    rig_close();
}

TEST(depot, one_that_is_opened_anew_must_be_there_and_take_a_commit)
{
    struct wf_memory_disk *disk;

    rig_open();
    rig.open_err = WEFT_EIO;
    CHECK_ERR(wf_depot_reopen(&rig.depot), WEFT_EIO);
    CHECK(rig.depot.store == NULL);
    rig.open_err = WEFT_OK;
    wf_fault_arm(WF_FAULT_BEFORE_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(wf_depot_reopen(&rig.depot), WEFT_EIO);
    CHECK(is_said("store-0: it takes no commit"));
    CHECK(rig.depot.store == NULL);
    wf_fault_disarm_all();
    disk = rig.disk;
    rig.disk = wf_memory_disk_create();
    CHECK_ERR(wf_depot_reopen(&rig.depot), WEFT_ELOST);
    CHECK(is_said("store-0: it is empty"));
    wf_memory_disk_destroy(rig.disk);
    rig.disk = disk;
    CHECK_OK(wf_depot_reopen(&rig.depot));
    rig_close();
}

TEST(depot, a_trim_that_fails_leaves_the_log)
{
    struct wf_commit commit = {0};
    uint64_t first;

    rig_open();
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
    first = wf_depot_first(&rig.depot);
    rig.flush_err = WEFT_EIO;
    CHECK_ERR(wf_depot_trim(&rig.depot, first + 1), WEFT_EIO);
    rig.flush_err = WEFT_OK;
    wf_fault_arm(WF_FAULT_BEFORE_TRIM, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(wf_depot_trim(&rig.depot, first + 1), WEFT_EBUSY);
    CHECK_EQ(wf_depot_first(&rig.depot), first);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    CHECK_ERR(wf_depot_trim(&rig.depot, first + 1), WEFT_EBUSY);
    CHECK_EQ(wf_depot_first(&rig.depot), first);
    wf_fault_arm(WF_FAULT_AFTER_TRIM, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(wf_depot_trim(&rig.depot, first + 1), WEFT_EBUSY);
    wf_fault_disarm_all();
    CHECK_EQ(wf_depot_first(&rig.depot), first + 1);
    CHECK_OK(wf_depot_trim(&rig.depot, first + 1));
    rig_close();
}

// What has failed before was said then; at the end nobody is told again.
TEST(depot, it_is_finished_as_far_as_it_goes)
{
    rig_open();
    rig.flush_err = WEFT_ECLOSED;
    CHECK_OK(wf_depot_finish(&rig.depot));
    rig.flush_err = WEFT_EIO;
    CHECK_ERR(wf_depot_finish(&rig.depot), WEFT_EIO);
    rig.flush_err = WEFT_OK;
    CHECK_OK(wf_depot_finish(&rig.depot));
    wf_depot_close(&rig.depot);
    CHECK_OK(wf_depot_finish(&rig.depot));
    rig_close();
}

// Was it the copy that failed, or the store? The first may be tried again.
TEST(depot, a_copy_of_a_store_that_failed_is_refused)
{
    const char *dir = test_dir(t);

    rig_open();
    rig.checkpoint_err = WEFT_EIO;
    CHECK_ERR(wf_depot_backup(&rig.depot, dir), WEFT_EIO);
    rig.flush_err = WEFT_EIO;
    CHECK_ERR(wf_depot_backup(&rig.depot, dir), WEFT_ECLOSED);
    CHECK(is_said("store-0: it failed"));
    rig.flush_err = WEFT_OK;
    rig.checkpoint_err = WEFT_EFULL;
    CHECK_ERR(wf_depot_backup(&rig.depot, dir), WEFT_EFULL);
    wf_depot_close(&rig.depot);
    CHECK_ERR(wf_depot_backup(&rig.depot, dir), WEFT_ECLOSED);
    CHECK(is_said("store-0: it is being opened anew"));
    rig_close();
}

// Where it begins in the log is what was needed when the copy began; how far it
// got is what it has at least.
TEST(depot, a_copy_needs_what_was_needed_when_it_began)
{
    uint64_t redo_from = 0;
    uint64_t last = 0;

    rig_open();
    rig.commits_meanwhile = 3;
    CHECK_OK(wf_depot_checkpoint(&rig.depot, "", &redo_from, &last));
    CHECK_EQ(redo_from, 1);
    CHECK_EQ(last, 4);
    rig_close();
}

TEST(depot, a_commit_is_durable_refused_or_in_doubt)
{
    struct wf_commit commit = {0};

    rig_open();
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_REFUSED);
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
    wf_fault_arm(WF_FAULT_AFTER_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_IN_DOUBT);
    wf_fault_disarm_all();
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, true);
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_IN_DOUBT);
    CHECK_OK(wf_depot_reopen(&rig.depot));
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
    rig_close();
}

// What its beacon says. -------------------------------------------------------

// With files in a directory: a beacon that knows of a commit.
static void
rig_open_with_beacon(struct test *t, struct wf_beacon_state *out_state)
{
    static const uint8_t id[16] = {1};
    struct wf_commit commit = {0};

    rig =
        (struct rig){.disk = wf_memory_disk_create(), .gets_left = UINT32_MAX};
    wf_depot_init(&rig.depot, &(struct wf_depot_options){
                                  .count = 1,
                                  .partition_count = PARTITIONS,
                                  .data_dir = test_dir(t),
                                  .open_store = open_store,
                                  .clock = wf_clock_system(),
                              });
    CHECK_EQ(mkdir(rig.depot.dir, 0755), 0); // whose files are listed
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK_OK(wf_depot_found(&rig.depot, id));
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
    CHECK_OK(wf_depot_write_beacon(&rig.depot));
    wf_depot_close(&rig.depot);
    CHECK_OK(wf_beacon_read(rig.depot.beacon_path, out_state));
    CHECK_OK(open_again());
}

// It says this; and what becomes of the store is said in those words.
static void
check_refused(const struct wf_beacon_state *state, weft_err expected,
              const char *said)
{
    struct wf_beacon_state before;
    struct wf_beacon *beacon;
    bool is_new;

    wf_depot_close(&rig.depot);
    CHECK_OK(wf_beacon_open(rig.depot.beacon_path, &beacon, &before, &is_new));
    CHECK_OK(wf_beacon_write(beacon, state));
    wf_beacon_close(beacon);
    CHECK_ERR(wf_depot_open(&rig.depot, false), expected);
    CHECK(is_said(said));
    if (expected == WEFT_ELOST) {
        CHECK(!rig.depot.has_lost);
        CHECK_OK(wf_depot_open(&rig.depot, true));
        CHECK(rig.depot.has_lost);
        rig.depot.has_lost = false;
    }
}

TEST(depot, a_store_is_what_its_beacon_says)
{
    struct wf_beacon_state state;
    struct wf_beacon_state other;

    rig_open_with_beacon(t, &state);
    other = state;
    other.format = WF_DEPOT_FORMAT + 8;
    check_refused(&other, WEFT_EFORMAT, "its format is 9");
    other = state;
    other.store_id[3] ^= 1;
    check_refused(&other, WEFT_ELOST, "it is not the store of its beacon");
    other = state;
    other.last_commit += 1;
    check_refused(&other, WEFT_ELOST, "commits 2 to 2 are missing");
    other.last_commit += 4;
    check_refused(&other, WEFT_ELOST, "commits 2 to 6 are missing");
    rig_close();
}

TEST(depot, a_beacon_that_is_gone_or_damaged_is_a_loss)
{
    struct wf_beacon_state state;

    rig_open_with_beacon(t, &state);
    wf_depot_close(&rig.depot);
    CHECK_EQ(truncate(rig.depot.beacon_path, 0), 0);
    CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_ECORRUPT);
    CHECK_OK(wf_depot_open(&rig.depot, true)); // and it is removed
    CHECK(rig.depot.has_lost);
    wf_depot_close(&rig.depot);
    (void)remove(rig.depot.beacon_path);
    CHECK_ERR(wf_depot_open(&rig.depot, false), WEFT_ELOST);
    CHECK(is_said("the beacon is missing"));
    rig_close();
}

// Else the copy would be refused, as one that lost its end.
TEST(depot, the_beacon_of_a_copy_says_no_more_than_what_it_has)
{
    struct wf_beacon_state state;
    char dir[4096];
    char path[4200];

    (void)snprintf(dir, sizeof(dir), "%s/copy", test_dir(t));
    CHECK_EQ(mkdir(dir, 0755), 0);
    rig_open_with_beacon(t, &state);
    rig.commits_meanwhile = 3;
    CHECK_OK(wf_depot_backup(&rig.depot, dir));
    (void)snprintf(path, sizeof(path), "%s/store-0.beacon", dir);
    CHECK_OK(wf_beacon_read(path, &state));
    CHECK_EQ(state.last_commit, 1);
    rig_close();
}

TEST(depot, a_store_is_as_far_as_the_beacon_of_another_says)
{
    rig_open();
    rig.depot.beacon_next = 99;
    CHECK_ERR(wf_depot_check_next(&rig.depot, &rig.depot, false), WEFT_ELOST);
    CHECK(is_said("to 99 are missing, as the beacon of store-0 says"));
    CHECK_OK(wf_depot_check_next(&rig.depot, &rig.depot, true));
    CHECK(rig.depot.has_lost);
    rig.depot.beacon_next = 2; // one more than it has
    CHECK_ERR(wf_depot_check_next(&rig.depot, &rig.depot, false), WEFT_ELOST);
    rig.depot.beacon_next = 1;
    CHECK_OK(wf_depot_check_next(&rig.depot, &rig.depot, false));
    rig_close();
}
