// SPDX-License-Identifier: Apache-2.0
//
// test_snapshots_io.c - each call of the system fails while a file is put to
// snapshots, or a store is restored from them; and what was said to be there is
// on the disk.

#include <stdio.h>

#include "storage/directory.h"
#include "storage/snapshots.h"
#include "unit/io_rig.h"

static const uint8_t cluster_id[16] = "a cluster of us";
static const char *const names[] = {"000001.sst", "CURRENT"};

static struct wf_snapshots_manifest manifest; // of what is to be kept

// A file of one of these.
static const char *
file_in(const char *dir, const char *part, const char *name)
{
    char within[256];

    (void)snprintf(within, sizeof(within), "%s/%s", part, name);
    return test_file_in(dir, within);
}

static void
write_files(const char *dir)
{
    CHECK_OK(wf_directory_make(test_file_in(dir, "from")));
    CHECK_OK(wf_directory_make(test_file_in(dir, "kept")));
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(file_in(dir, "from", names[i]), "w");

        CHECK(file != NULL);
        CHECK(fputs(names[i], file) >= 0);
        CHECK_EQ(fclose(file), 0);
    }
    wf_snapshots_manifest_fini(&manifest);
    CHECK_OK(wf_snapshots_scan(test_file_in(dir, "from"), NULL, &manifest));
    CHECK_EQ(manifest.files_count, 2);
}

static weft_err
put_all(const char *dir)
{
    struct wf_snapshots snapshots = {0};
    char where[600];
    weft_err err;

    (void)snprintf(where, sizeof(where), "dir:%s", test_file_in(dir, "kept"));
    err = wf_snapshots_open(where, cluster_id, &snapshots);
    for (uint32_t i = 0; err == WEFT_OK && i < manifest.files_count; i++) {
        bool is_new;

        err = snapshots.ops->put(snapshots.self, &manifest.files[i],
                                 file_in(dir, "from", manifest.files[i].name),
                                 &is_new);
    }
    if (snapshots.ops != NULL) {
        snapshots.ops->close(snapshots.self);
    }
    return err;
}

static void
check_put(const char *dir, weft_err err)
{
    (void)dir;
    if (err == WEFT_OK) { // each file; where they are, and the names of each
        CHECK(io_rig_file_syncs() >= 2);
        CHECK(io_rig_directory_syncs() >= 3);
    }
}

TEST(snapshots_io, what_was_put_is_on_the_disk)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = write_files,
                                       .do_it = put_all,
                                       .check = check_put});
    wf_snapshots_manifest_fini(&manifest);
}

static void
keep_files(const char *dir)
{
    write_files(dir);
    CHECK_OK(put_all(dir));
}

static void
check_put_again(const char *dir, weft_err err)
{
    (void)dir;
    if (err == WEFT_OK) { // where they are, and the names of each
        CHECK(io_rig_directory_syncs() >= 3);
    }
}

// Who has put it before may have been killed before that was on the disk.
TEST(snapshots_io, what_was_put_before_is_on_the_disk)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = keep_files,
                                       .do_it = put_all,
                                       .check = check_put_again});
    wf_snapshots_manifest_fini(&manifest);
}

static weft_err
restore(const char *dir)
{
    struct wf_snapshots snapshots = {0};
    char where[600];
    weft_err err;

    (void)snprintf(where, sizeof(where), "dir:%s", test_file_in(dir, "kept"));
    err = wf_snapshots_open(where, cluster_id, &snapshots);
    if (err == WEFT_OK) {
        err = wf_snapshots_restore(&snapshots, &manifest,
                                   test_file_in(dir, "store"));
        snapshots.ops->close(snapshots.self);
    }
    return err;
}

static void
check_restored(const char *dir, weft_err err)
{
    for (uint32_t i = 0; err == WEFT_OK && i < manifest.files_count; i++) {
        CHECK_OK(wf_snapshots_check(
            &manifest.files[i], file_in(dir, "store", manifest.files[i].name)));
    }
    // Each file; their names, and those of the directory, made and renamed.
    if (err == WEFT_OK) {
        CHECK(io_rig_file_syncs() >= 2);
        CHECK(io_rig_directory_syncs() >= 4);
    }
}

TEST(snapshots_io, a_store_that_was_restored_is_on_the_disk)
{
    io_rig_do(t, &(struct io_rig_deed){.prepare = keep_files,
                                       .do_it = restore,
                                       .check = check_restored});
    wf_snapshots_manifest_fini(&manifest);
}
