// SPDX-License-Identifier: Apache-2.0
//
// test_io.c - files that cannot be opened, read, written, synced or renamed.
//
// Each deed is done again and again, and each time the next call of the system
// fails in it (io_rig.h).

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/beacon.h"
#include "storage/control.h"
#include "storage/directory.h"
#include "storage/lockfile.h"
#include "storage/manifest.h"
#include "storage/rocks_archive.h"
#include "storage/rocks_files.h"
#include "storage/rocks_records.h"
#include "storage/rocks_tables.h"
#include "storage/snapshot.h"
#include "storage/store.h"
#include "storage/wal.h"
#include "support/test.h"
#include "unit/io_rig.h"

// The beacon. ---------------------------------------------------------------

static struct wf_beacon_state
beacon_state(uint64_t last_commit)
{
    struct wf_beacon_state state = {.store_id = "a store",
                                    .format = 1,
                                    .last_commit = last_commit,
                                    .files_count = 1,
                                    .files[0] = {7, 2}};

    return state;
}

static weft_err
write_beacon(const char *dir, uint64_t last_commit)
{
    struct wf_beacon_state state = beacon_state(last_commit);
    struct wf_beacon_state found;
    struct wf_beacon *beacon = NULL;
    bool is_new;
    weft_err err =
        wf_beacon_open(test_file_in(dir, "beacon"), &beacon, &found, &is_new);

    if (err == WEFT_OK) {
        err = wf_beacon_write(beacon, &state);
    }
    wf_beacon_close(beacon);
    return err;
}

static weft_err
write_first(const char *dir)
{
    return write_beacon(dir, 5);
}

static void
check_first(const char *dir, weft_err err)
{
    struct wf_beacon_state found = {0};
    weft_err read = wf_beacon_read(test_file_in(dir, "beacon"), &found);

    if (err == WEFT_OK || read == WEFT_OK) {
        CHECK_OK(read);
        CHECK_EQ(found.last_commit, 5);
        CHECK(io_rig_directory_syncs() > 0);
        CHECK(io_rig_file_syncs() >= (err == WEFT_OK ? 2 : 1));
    } else {
        CHECK_ERR(read, WEFT_ENOTFOUND);
    }
}

TEST(io, a_beacon_is_made_whole_or_not_at_all)
{
    io_rig_do(
        t, &(struct io_rig_deed){.do_it = write_first, .check = check_first});
}

static void
prepare_first(const char *dir)
{
    CHECK_OK(write_beacon(dir, 5));
}

static weft_err
write_second(const char *dir)
{
    return write_beacon(dir, 6);
}

static void
check_second(const char *dir, weft_err err)
{
    struct wf_beacon_state found = {0};

    CHECK_OK(wf_beacon_read(test_file_in(dir, "beacon"), &found));
    CHECK(found.last_commit == 6 || (err != WEFT_OK && found.last_commit == 5));
    CHECK_EQ(found.files_count, 1);
    CHECK(err != WEFT_OK || io_rig_file_syncs() > 0);
}

TEST(io, a_beacon_that_cannot_be_written_says_what_it_said)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_first,
                                       .do_it = write_second,
                                       .check = check_second});
}

static weft_err
read_beacon(const char *dir)
{
    struct wf_beacon_state found = {0};
    weft_err err = wf_beacon_read(test_file_in(dir, "beacon"), &found);

    CHECK_EQ(found.last_commit, err == WEFT_OK ? 5 : 0);
    return err;
}

static void
check_nothing(const char *dir, weft_err err)
{
    (void)dir;
    (void)err; // what was read was looked at
}

TEST(io, a_beacon_that_cannot_be_read_is_not_a_damaged_one)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_first,
                                       .do_it = read_beacon,
                                       .check = check_nothing});
}

static void
prepare_files(const char *dir)
{
    test_file_write(test_file_in(dir, "000007.log"), "77");
    test_file_write(test_file_in(dir, "000008.log"), "8");
    test_file_write(test_file_in(dir, "000009.sst"), "9");
}

static weft_err
list_files(const char *dir)
{
    struct wf_beacon_state state = {0};
    weft_err err = wf_beacon_list_files(dir, &state);

    if (err == WEFT_OK) {
        CHECK_EQ(state.files_count, 2);
        CHECK_EQ(state.files[0].bytes, 2);
        err = wf_beacon_sync_files(dir, &state);
    }
    CHECK(err != WEFT_OK || io_rig_file_syncs() >= 2); // on the disk
    return err;
}

TEST(io, of_the_files_of_a_store_all_are_listed_or_none)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_files,
                                       .do_it = list_files,
                                       .check = check_nothing});
}

static weft_err
check_files(const char *dir)
{
    struct wf_beacon_state state = beacon_state(5);

    return wf_beacon_check_files(dir, &state);
}

TEST(io, files_that_cannot_be_looked_at_are_not_lost_ones)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_files,
                                       .do_it = check_files,
                                       .check = check_nothing});
}

// What RocksDB keeps. -------------------------------------------------------

static void
prepare_manifest(const char *dir)
{
    test_file_write(test_file_in(dir, "CURRENT"), "MANIFEST-000005\n");
    test_file_write(test_file_in(dir, "MANIFEST-000005"), "some edits");
}

static weft_err
measure_manifest(const char *dir)
{
    struct wf_manifest manifest = {0};
    weft_err err = wf_manifest_measure(dir, &manifest);

    CHECK_EQ(manifest.number, err == WEFT_OK ? 5 : 0);
    CHECK_EQ(manifest.bytes, err == WEFT_OK ? 10 : 0);
    CHECK(err != WEFT_OK || io_rig_file_syncs() > 0);
    return err == WEFT_OK ? wf_manifest_check(dir, &manifest) : err;
}

TEST(io, a_manifest_that_cannot_be_read_is_not_a_lost_one)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_manifest,
                                       .do_it = measure_manifest,
                                       .check = check_nothing,
                                       .needs_all = true});
}

static weft_err
find_end(const char *dir)
{
    struct wf_wal_end end = {0};
    weft_err err = wf_wal_find_end(dir, &end);

    if (err == WEFT_OK) {
        CHECK(end.is_torn); // "8" is half a head
        CHECK_EQ(end.number, 8);
    }
    return err;
}

TEST(io, a_log_that_cannot_be_looked_at_is_not_a_whole_one)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_files,
                                       .do_it = find_end,
                                       .check = check_nothing,
                                       .needs_all = true});
}

// One for all tries: nobody changes it.
static void
prepare_store(const char *dir)
{
    struct wf_store store;
    struct wf_batch batch = {0};

    if (access(test_file_in(dir, "../store"), F_OK) == 0) {
        return;
    }
    CHECK_OK(wf_store_rocks_open(test_file_in(dir, "../store"), false, &store));
    wf_batch_put(&batch, WF_CF_DATA, weft_text("key"), weft_text("value"));
    CHECK_OK(store.ops->write(store.self, &batch, true));
    CHECK_OK(store.ops->flush(store.self));
    store.ops->close(store.self);
    wf_batch_fini(&batch);
}

static weft_err
check_store(const char *dir)
{
    weft_err err = wf_rocks_records_check(test_file_in(dir, "../store"));

    return err == WEFT_OK
               ? wf_rocks_tables_check(test_file_in(dir, "../store"), true)
               : err;
}

TEST(io, records_and_tables_that_cannot_be_read_are_not_right)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_store,
                                       .do_it = check_store,
                                       .check = check_nothing,
                                       .needs_all = true});
}

// Directories. --------------------------------------------------------------

static weft_err
make_directory(const char *dir)
{
    return wf_directory_make(test_file_in(dir, "new"));
}

static void
check_synced(const char *dir, weft_err err)
{
    (void)dir;
    if (err == WEFT_OK) {
        CHECK(io_rig_directory_syncs() > 0);
    }
}

TEST(io, a_directory_that_was_made_is_on_the_disk)
{
    io_rig_do(t, &(struct io_rig_deed){.do_it = make_directory,
                                       .check = check_synced});
}

static weft_err
check_outside(const char *dir)
{
    weft_err err =
        wf_directory_check_outside(dir, test_file_in(dir, "../other/"));

    return err == WEFT_OK ? wf_directory_check_absent(test_file_in(dir, "gone"))
                          : err;
}

TEST(io, a_path_that_cannot_be_looked_at_is_not_called_free)
{
    io_rig_do(t, &(struct io_rig_deed){.do_it = check_outside,
                                       .check = check_nothing});
}

// Copies. -------------------------------------------------------------------

static void
prepare_source(const char *dir)
{
    CHECK_EQ(mkdir(test_file_in(dir, "from"), 0755), 0);
    CHECK_EQ(mkdir(test_file_in(dir, "from/inner"), 0755), 0);
    test_file_write(test_file_in(dir, "from/one"), "1");
    test_file_write(test_file_in(dir, "from/LOCK"), "");
    test_file_write(test_file_in(dir, "from/inner/two"), "22");
}

static weft_err
copy(const char *dir)
{
    return wf_snapshot_copy_dir(test_file_in(dir, "from"),
                                test_file_in(dir, "to"));
}

static void
check_copy(const char *dir, weft_err err)
{
    struct stat status;

    if (err != WEFT_OK && lstat(test_file_in(dir, "to"), &status) != 0) {
        return;
    }
    test_file_check(test_file_in(dir, "to/one"), "1");
    test_file_check(test_file_in(dir, "to/inner/two"), "22");
    CHECK(lstat(test_file_in(dir, "to/LOCK"), &status) != 0);
    if (err == WEFT_OK) {
        CHECK(lstat(test_file_in(dir, "to.partial"), &status) != 0);
        // Each of its two in its parent, and with what is in it; its name.
        CHECK(io_rig_directory_syncs() >= 5);
        CHECK(io_rig_file_syncs() >= 2);
    } else { // it could not be taken back: for the next try
        CHECK_EQ(
            rename(test_file_in(dir, "to"), test_file_in(dir, "to.partial")),
            0);
    }
}

TEST(io, a_copy_is_there_whole_or_not_at_all)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_source,
                                       .do_it = copy,
                                       .check = check_copy});
}

// Logs that go back to the disk. --------------------------------------------

static void
prepare_archive(const char *dir)
{
    CHECK_EQ(mkdir(test_file_in(dir, "archive"), 0755), 0);
    test_file_write(test_file_in(dir, "archive/000005.log"), "5");
    test_file_write(test_file_in(dir, "archive/000007.log"), "7");
}

static uint64_t logs_before;

// By a call that does not fail.
static bool
has_log(const char *dir, const char *name)
{
    char target[2];

    return readlink(test_file_in(dir, name), target, 1) < 0 && errno == EINVAL;
}

static uint64_t
count_logs(const char *dir)
{
    return (uint64_t)has_log(dir, "archive/000005.log") +
           (uint64_t)has_log(dir, "archive/000007.log");
}

// All of them. What goes wrong is not told, but they are there then.
static weft_err
shrink(const char *dir)
{
    struct wf_rocks_archive archive;

    logs_before = count_logs(dir);
    wf_rocks_archive_init(&archive, dir);
    while (wf_rocks_archive_shrink(&archive)) {
    }
    wf_rocks_archive_fini(&archive);
    return count_logs(dir) == 0 ? WEFT_OK
                                : wf_error(WEFT_EIO, "%s: a log is left", dir);
}

// Before one goes, it is sure that it is there and not where it was.
static void
check_shrunk(const char *dir, weft_err err)
{
    (void)dir;
    CHECK(err != WEFT_OK || io_rig_directory_syncs() >= 2 * logs_before);
}

TEST(io, a_log_is_where_it_is_cut_before_it_is)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_archive,
                                       .do_it = shrink,
                                       .check = check_shrunk});
}

// Asking for a backup. ------------------------------------------------------

static weft_err
ask_and_answer(const char *dir)
{
    struct wf_control_request request = {0};
    struct wf_control_ask *ask = NULL;
    weft_err answer = WEFT_OK;
    weft_err err = wf_control_ask(dir, "/some/where", &ask);

    if (err == WEFT_OK) {
        err = wf_control_find(dir, &request);
    }
    if (err == WEFT_OK) {
        CHECK_STR(request.to, "/some/where");
        err = wf_control_answer(dir, request.id, WEFT_EFULL, "no room");
    }
    if (err == WEFT_OK && wf_control_is_answered(ask, &answer)) {
        CHECK_ERR(answer, WEFT_EFULL);
        CHECK_STR(weft_err_detail(), "no room");
    }
    wf_free(request.to);
    wf_control_end(ask);
    return err;
}

// A request that has a name and no lock is that of somebody who died, and goes
// when the next one asks.
static void
check_control(const char *dir, weft_err err)
{
    struct wf_control_request request = {0};

    (void)err;
    CHECK_ERR(wf_control_find(dir, &request), WEFT_ENOTFOUND);
    wf_free(request.to);
}

TEST(io, a_backup_is_asked_for_and_answered_or_it_fails)
{
    io_rig_do(t, &(struct io_rig_deed){.do_it = ask_and_answer,
                                       .check = check_control,
                                       .can_be_refused = true});
}

// Who holds a store. --------------------------------------------------------

static void
prepare_lock(const char *dir)
{
    test_file_write(test_file_in(dir, "LOCK"), "");
}

static weft_err
hold(const char *dir)
{
    struct wf_lockfile *lock = NULL;
    weft_err err = wf_lockfile_check(dir);

    if (err == WEFT_OK) {
        err = wf_lockfile_hold(dir, &lock);
    }
    wf_lockfile_release(lock);
    return err;
}

TEST(io, a_lock_that_cannot_be_looked_at_is_not_called_free)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = prepare_lock,
                                       .do_it = hold,
                                       .check = check_nothing,
                                       .can_be_refused = true});
}

static weft_err
look_for_store(const char *dir)
{
    weft_err err = wf_rocks_files_check(test_file_in(dir, "store"), false);

    if (err == WEFT_OK) {
        // There is a log now, and no CURRENT: never a store to begin anew.
        test_file_write(test_file_in(dir, "store/000004.log"), "");
        err = wf_rocks_files_check(test_file_in(dir, "store"), false);
        CHECK(err != WEFT_OK);
        err = err == WEFT_ECORRUPT ? WEFT_OK : err;
        CHECK_EQ(unlink(test_file_in(dir, "store/000004.log")), 0);
    }
    return err;
}

TEST(io, a_store_that_cannot_be_looked_at_is_not_begun_anew)
{
    io_rig_do(t, &(struct io_rig_deed){.do_it = look_for_store,
                                       .check = check_nothing});
}
