// SPDX-License-Identifier: Apache-2.0
//
// test_depot_beacon.c - the beacon of a store says nothing of half a record:
// else a write that failed, or a process that died in it, would leave a store
// that is refused as damaged.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "runtime/depot.h"
#include "storage/beacon.h"
#include "storage/log.h"
#include "storage/store.h"
#include "support/test.h"

enum { WAIT_MS = 300 };

static struct rig {
    const char *dir;
    struct wf_store store; // the one below
    struct wf_store_ops ops;
    struct wf_depot depot;
    bool is_cut;                         // writes stop half way, and fail
    void (*meanwhile)(struct rig *self); // NULL, or while half is written
    pthread_t other;
    atomic_bool is_done;
} rig;

// Half a record at the end of the newest log, as a full disk leaves it.
static void
write_half(void)
{
    struct wf_beacon_state state = {0};
    char dir[600];
    char path[700];
    FILE *file;

    (void)snprintf(dir, sizeof(dir), "%s/store-0", rig.dir);
    CHECK_OK(wf_beacon_list_files(dir, &state));
    CHECK(state.files_count > 0);
    (void)snprintf(path, sizeof(path), "%s/%06u.log", dir,
                   (unsigned)state.files[state.files_count - 1].number);
    file = fopen(path, "ae");
    CHECK(file != NULL);
    CHECK_EQ(fwrite("\1\2\3\4\xff\x7f\1half", 1, 11, file), 11);
    CHECK_EQ(fclose(file), 0);
}

static weft_err
write_batch(void *self, const struct wf_batch *batch, bool is_synced)
{
    if (!rig.is_cut) {
        return rig.store.ops->write(self, batch, is_synced);
    }
    write_half();
    if (rig.meanwhile != NULL) {
        rig.meanwhile(&rig);
    }
    return WEFT_EIO;
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    char path[600];
    weft_err err;

    (void)ctx;
    (void)store;
    (void)snprintf(path, sizeof(path), "%s/store-0", rig.dir);
    err = wf_store_rocks_open(path, false, &rig.store);
    if (err == WEFT_OK) {
        rig.ops = *rig.store.ops;
        rig.ops.write = write_batch;
        *out_store = (struct wf_store){&rig.ops, rig.store.self};
    }
    return err;
}

// A store with a commit that its beacon does not know yet.
static void
begin(struct test *t)
{
    static const uint8_t id[16] = {1};
    struct wf_commit commit = {0};

    rig = (struct rig){.dir = test_dir(t)};
    wf_depot_init(&rig.depot, &(struct wf_depot_options){
                                  .count = 1,
                                  .partition_count = 4,
                                  .data_dir = rig.dir,
                                  .open_store = open_store,
                                  .clock = wf_clock_system(),
                              });
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK_OK(wf_depot_found(&rig.depot, id));
    CHECK_OK(wf_depot_write_beacon(&rig.depot));
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
}

// The process dies, and another one opens what it left.
static void
open_again(uint64_t commits)
{
    struct wf_commit commit = {0};

    wf_depot_close(&rig.depot);
    rig.is_cut = false;
    CHECK_OK(wf_depot_open(&rig.depot, false));
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
    CHECK_EQ(commit.number, commits + 1);
    CHECK_OK(wf_depot_write_beacon(&rig.depot));
    CHECK_EQ(rig.depot.beacon_commit, commit.number); // it says something again
    wf_depot_close(&rig.depot);
    wf_depot_fini(&rig.depot);
}

TEST(depot_beacon, says_nothing_after_a_write_that_failed)
{
    struct wf_commit commit = {0};

    begin(t);
    rig.is_cut = true;
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_IN_DOUBT);
    CHECK_OK(wf_depot_write_beacon(&rig.depot));
    open_again(1);
}

TEST(depot_beacon, says_nothing_after_a_trim_that_failed)
{
    struct wf_commit commit = {0};

    begin(t);
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_DURABLE);
    rig.is_cut = true;
    CHECK_ERR(wf_depot_trim(&rig.depot, commit.number), WEFT_EIO);
    CHECK_OK(wf_depot_write_beacon(&rig.depot));
    open_again(commit.number);
}

static void *
say(void *arg)
{
    struct rig *self = arg;

    CHECK_OK(wf_depot_write_beacon(&self->depot));
    atomic_store(&self->is_done, true);
    return NULL;
}

// Somebody wants the beacon written now. It waits: nothing is to be seen of
// that but that it is not done.
static void
ask_for_beacon(struct rig *self)
{
    CHECK_EQ(pthread_create(&self->other, NULL, say, self), 0);
    for (int i = 0; i < WAIT_MS && !atomic_load(&self->is_done); i++) {
        (void)usleep(1000);
    }
}

TEST(depot_beacon, is_not_written_in_the_midst_of_a_commit)
{
    struct wf_commit commit = {0};

    begin(t);
    rig.is_cut = true;
    rig.meanwhile = ask_for_beacon;
    CHECK_EQ(wf_depot_append(&rig.depot, &commit), WF_DEPOT_IN_DOUBT);
    CHECK_EQ(pthread_join(rig.other, NULL), 0);
    CHECK(atomic_load(&rig.is_done));
    open_again(1);
}

// Its outcome is not known, so nothing more is written into it: it is opened
// anew for the next try.
TEST(depot_beacon, one_that_could_not_be_written_is_written_by_the_next_try)
{
    begin(t);
    wf_fault_arm(WF_FAULT_BEFORE_BEACON, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(wf_depot_write_beacon(&rig.depot), WEFT_EIO);
    CHECK_OK(wf_depot_write_beacon(&rig.depot));
    CHECK_EQ(rig.depot.beacon_commit, 1);
    open_again(1);
}

// How far another store has got, it says as well: that one's own beacon may be
// lost with it.
TEST(depot_beacon, is_written_anew_when_the_next_store_has_gone_on)
{
    static struct wf_depot next;

    begin(t);
    rig.depot.options.next = &next;
    for (uint64_t commit = 5; commit < 7; commit++) {
        atomic_store(&next.durable, commit);
        CHECK_OK(wf_depot_write_beacon(&rig.depot));
        CHECK_EQ(rig.depot.beacon_next, commit);
    }
    rig.depot.options.next = NULL;
    open_again(1);
}
