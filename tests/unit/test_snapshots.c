// SPDX-License-Identifier: Apache-2.0

#include "storage/snapshots.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "support/test.h"

static const uint8_t cluster_id[16] = "a cluster of us";
static const uint8_t other_id[16] = "another cluster";

// Manifests. ------------------------------------------------------------------

// The example of docs/formats/snapshot.md.
static const uint8_t golden[] = {
    0xd8, 0x01, 0x03, 0x05, 0x07, 0xac, 0x02, 0x02, 0x0a, '0',  '0',
    '0',  '0',  '0',  '4',  '.',  's',  's',  't',  0xe8, 0x07, 0x00,
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
    0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
    0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x07, 'C',
    'U',  'R',  'R',  'E',  'N',  'T',  0x10, 0x01, 0x02, 0x03, 0x04,
    0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a,
    0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x2d, 0x7a, 0x1b, 0xd6,
};

static void
make_manifest(struct wf_snapshots_manifest *manifest)
{
    struct wf_snapshots_file table = {.name = "000004.sst", .bytes = 1000};
    struct wf_snapshots_file current = {.name = "CURRENT", .bytes = 16};

    for (uint8_t i = 0; i < WF_SNAPSHOTS_HASH_BYTES; i++) {
        table.hash[i] = i;
        current.hash[i] = (uint8_t)(i + 1);
    }
    *manifest = (struct wf_snapshots_manifest){
        .partition = 3, .epoch = 5, .redo_from = 7, .last = 300};
    wf_snapshots_add(manifest, &table);
    wf_snapshots_add(manifest, &current);
}

TEST(snapshots, a_manifest_has_the_bytes_of_the_page)
{
    struct wf_snapshots_manifest manifest;
    struct wf_snapshots_manifest found;
    struct wf_buf bytes = {0};

    make_manifest(&manifest);
    wf_snapshots_encode(&manifest, &bytes);
    CHECK_BYTES(wf_buf_bytes(&bytes), weft_bytes_of(golden, sizeof(golden)));
    CHECK_OK(wf_snapshots_decode(wf_buf_bytes(&bytes), &found));
    CHECK_EQ(found.partition, 3);
    CHECK_EQ(found.epoch, 5);
    CHECK_EQ(found.redo_from, 7);
    CHECK_EQ(found.last, 300);
    CHECK_EQ(found.files_count, 2);
    CHECK_STR(found.files[0].name, "000004.sst");
    CHECK_STR(found.files[1].name, "CURRENT");
    CHECK_EQ(found.files[1].bytes, 16);
    CHECK(memcmp(found.files[0].hash, manifest.files[0].hash,
                 WF_SNAPSHOTS_HASH_BYTES) == 0);
    wf_snapshots_manifest_fini(&found);
    wf_snapshots_manifest_fini(&manifest);
    wf_buf_fini(&bytes);
}

TEST(snapshots, a_manifest_that_was_cut_or_damaged_is_refused)
{
    struct wf_snapshots_manifest found;
    uint8_t bytes[sizeof(golden)];

    for (size_t len = 0; len < sizeof(golden); len++) {
        CHECK_ERR(wf_snapshots_decode(weft_bytes_of(golden, len), &found),
                  WEFT_ECORRUPT);
    }
    for (size_t bit = 0; bit < 8 * sizeof(golden); bit++) {
        memcpy(bytes, golden, sizeof(golden));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(wf_snapshots_decode(weft_bytes_of(bytes, sizeof(bytes)),
                                  &found) != WEFT_OK);
        CHECK_EQ(found.files_count, 0);
    }
    memcpy(bytes, golden, sizeof(golden));
    bytes[1] = WF_SNAPSHOTS_VERSION + 1;
    CHECK_ERR(wf_snapshots_decode(weft_bytes_of(bytes, sizeof(bytes)), &found),
              WEFT_EFORMAT);
}

// Whoever can write to the database must not reach other directories.
TEST(snapshots, a_manifest_names_no_file_elsewhere)
{
    static const char *const names[] = {"..",     "../x", "a/b",
                                        "/etc/x", "",     ".hidden"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct wf_snapshots_file file = {.name = (char *)(uintptr_t)names[i]};
        struct wf_snapshots_manifest manifest = {.redo_from = 1};
        struct wf_snapshots_manifest found;
        struct wf_buf bytes = {0};

        wf_snapshots_add(&manifest, &file);
        wf_snapshots_encode(&manifest, &bytes);
        CHECK_ERR(wf_snapshots_decode(wf_buf_bytes(&bytes), &found),
                  WEFT_ECORRUPT);
        wf_snapshots_manifest_fini(&manifest);
        wf_buf_fini(&bytes);
    }
}

TEST(snapshots, a_manifest_names_each_file_once_and_in_order)
{
    static const char *const pairs[][2] = {{"a", "a"}, {"b", "a"}};

    for (size_t i = 0; i < 2; i++) {
        struct wf_snapshots_manifest manifest = {.redo_from = 1};
        struct wf_snapshots_manifest found;
        struct wf_buf bytes = {0};

        for (size_t k = 0; k < 2; k++) {
            wf_snapshots_add(&manifest,
                             &(struct wf_snapshots_file){
                                 .name = (char *)(uintptr_t)pairs[i][k]});
        }
        wf_snapshots_encode(&manifest, &bytes);
        CHECK_ERR(wf_snapshots_decode(wf_buf_bytes(&bytes), &found),
                  WEFT_ECORRUPT);
        wf_snapshots_manifest_fini(&manifest);
        wf_buf_fini(&bytes);
    }
}

// A directory of files. -------------------------------------------------------

struct place {
    char dir[400];   // PATH
    char files[450]; // PATH/CLUSTER
    char store[420];
    struct wf_snapshots snapshots;
    struct wf_snapshots_manifest manifest;
};

// A store of three files, put into an empty place.
static void
make_place(struct test *t, struct place *place)
{
    char where[420];
    bool is_new;

    *place = (struct place){0};
    (void)snprintf(place->dir, sizeof(place->dir), "%s/kept", test_dir(t));
    (void)snprintf(place->store, sizeof(place->store), "%s/store", test_dir(t));
    CHECK_EQ(mkdir(place->dir, 0755), 0);
    CHECK_EQ(mkdir(place->store, 0755), 0);
    (void)snprintf(where, sizeof(where), "dir:%s", place->dir);
    CHECK_OK(wf_snapshots_open(where, cluster_id, &place->snapshots));
    (void)snprintf(place->files, sizeof(place->files),
                   "%s/6120636c7573746572206f6620757300", place->dir);
    test_file_write(test_file_in(place->store, "000004.sst"), "a table");
    test_file_write(test_file_in(place->store, "CURRENT"), "current");
    test_file_write(test_file_in(place->store, "empty"), "");
    test_file_write(test_file_in(place->store, "LOCK"), "");
    CHECK_OK(wf_snapshots_scan(place->store, NULL, &place->manifest));
    CHECK_EQ(place->manifest.files_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct wf_snapshots_file *file = &place->manifest.files[i];

        CHECK_OK(place->snapshots.ops->put(
            place->snapshots.self, file, test_file_in(place->store, file->name),
            &is_new));
        CHECK(is_new);
    }
}

static void
free_place(struct place *place)
{
    wf_snapshots_manifest_fini(&place->manifest);
    place->snapshots.ops->close(place->snapshots.self);
}

// Where a file of the manifest is kept.
static const char *
kept(const struct place *place, uint32_t i)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];

    wf_snapshots_hex(place->manifest.files[i].hash, hex);
    return test_file_in(place->files, hex);
}

static void
check_store(const struct place *place)
{
    test_file_check(test_file_in(place->store, "000004.sst"), "a table");
    test_file_check(test_file_in(place->store, "CURRENT"), "current");
    test_file_check(test_file_in(place->store, "empty"), "");
    CHECK(!test_file_exists(test_file_in(place->store, "LOCK")));
    CHECK(!test_file_exists(test_file_in(place->store, "../store.old")));
    CHECK(!test_file_exists(test_file_in(place->store, "../store.restore")));
}

// What a table is known by, and that of `before`, changed in one way; its bytes
// are others each time.
enum change { ITS_INODE, ITS_TIME, ITS_SIZE };

static void
change_table(const struct place *place, enum change change)
{
    const char *path = test_file_in(place->store, "000004.sst");
    const char *other = test_file_in(place->dir, "other");
    struct timespec times[2];
    struct stat before;

    CHECK_EQ(stat(path, &before), 0);
    times[0] = before.st_mtim;
    times[1] = before.st_mtim;
    if (change == ITS_INODE) {
        test_file_write(other, "A TABLE");
        CHECK_EQ(rename(other, path), 0);
    } else {
        test_file_write(path, change == ITS_SIZE ? "a table more" : "a tablE");
        times[1].tv_nsec += change == ITS_TIME ? 1 : 0;
    }
    CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
}

// A table that was hashed before is not read again: but if it is another one,
// whatever it has in common with that.
TEST(snapshots, a_table_is_known_by_its_inode_its_time_and_its_size)
{
    static const enum change changes[] = {ITS_INODE, ITS_TIME, ITS_SIZE};
    struct place place;

    make_place(t, &place);
    for (int i = 0; i < 3; i++) {
        struct wf_snapshots_manifest found = {0};

        change_table(&place, changes[i]);
        CHECK_OK(wf_snapshots_scan(place.store, &place.manifest, &found));
        CHECK_OK(wf_snapshots_check(&found.files[0],
                                    test_file_in(place.store, "000004.sst")));
        wf_snapshots_manifest_fini(&place.manifest);
        place.manifest = found;
    }
    free_place(&place);
}

// Files that are no tables are written in place, perhaps twice in a moment.
TEST(snapshots, only_tables_are_known)
{
    struct wf_snapshots_manifest found = {0};
    struct timespec times[2];
    struct place place;
    struct stat before;

    make_place(t, &place);
    CHECK_EQ(stat(test_file_in(place.store, "CURRENT"), &before), 0);
    times[0] = before.st_mtim;
    times[1] = before.st_mtim;
    test_file_write(test_file_in(place.store, "CURRENT"), "CURRENT");
    CHECK_EQ(
        utimensat(AT_FDCWD, test_file_in(place.store, "CURRENT"), times, 0), 0);
    CHECK_OK(wf_snapshots_scan(place.store, &place.manifest, &found));
    CHECK_OK(wf_snapshots_check(&found.files[1],
                                test_file_in(place.store, "CURRENT")));
    wf_snapshots_manifest_fini(&found);
    free_place(&place);
}

// Nor is it linked, or left, for its length alone.
TEST(snapshots, what_is_there_is_used_for_its_bytes)
{
    struct place place;
    const char *made;

    make_place(t, &place);
    made = test_file_in(test_dir(t), "store.restore");
    CHECK_EQ(mkdir(made, 0755), 0);
    test_file_write(test_file_in(place.store, "000004.sst"), "A TABLE");
    test_file_write(test_file_in(made, "CURRENT"), "CURRENT");
    CHECK_OK(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store));
    check_store(&place);
    free_place(&place);
}

// A restore that was ended has linked it; the snapshot is another one now.
TEST(snapshots, what_was_linked_is_not_written_to)
{
    struct place place;
    const char *table;
    const char *made;

    make_place(t, &place);
    table = test_file_in(place.store, "000004.sst");
    made = test_file_in(test_dir(t), "store.restore");
    CHECK_EQ(mkdir(made, 0755), 0);
    test_file_write(table, "another");
    CHECK_EQ(link(table, test_file_in(made, "000004.sst")), 0);
    test_file_write(kept(&place, 0), "a tablE");
    CHECK_ERR(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store),
        WEFT_ECORRUPT);
    test_file_check(table, "another");
    free_place(&place);
}

TEST(snapshots, files_are_kept_under_the_hash_of_their_bytes)
{
    struct place place;
    struct stat status;

    make_place(t, &place);
    // BLAKE2b-256 of nothing.
    CHECK_STR(strrchr(kept(&place, 2), '/') + 1,
              "0e5751c026e543b2e8ab2eb06099daa1"
              "d1e5df47778f7787faab45cdf12fe3a8");
    test_file_check(kept(&place, 0), "a table");
    CHECK_EQ(stat(kept(&place, 0), &status), 0);
    free_place(&place);
}

TEST(snapshots, a_file_that_is_there_is_not_put_again)
{
    struct place place;
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct stat before;
    struct stat after;
    bool is_new = true;

    make_place(t, &place);
    CHECK_EQ(utimensat(AT_FDCWD, kept(&place, 0), long_ago, 0), 0);
    CHECK_EQ(stat(kept(&place, 0), &before), 0);
    CHECK_OK(place.snapshots.ops->put(place.snapshots.self,
                                      &place.manifest.files[0],
                                      "/does/not/exist", &is_new));
    CHECK(!is_new);
    CHECK_EQ(stat(kept(&place, 0), &after), 0);
    CHECK_EQ(after.st_ino, before.st_ino);
    CHECK(after.st_mtim.tv_sec > 1000); // it is needed anew
    free_place(&place);
}

// Somebody else's process, or its disk, left it so.
TEST(snapshots, a_file_that_is_there_in_part_is_put_again)
{
    struct place place;
    bool is_new = false;
    bool has = true;

    make_place(t, &place);
    test_file_write(kept(&place, 0), "a tab");
    CHECK_OK(place.snapshots.ops->has(place.snapshots.self,
                                      &place.manifest.files[0], &has));
    CHECK(!has);
    CHECK_OK(place.snapshots.ops->put(
        place.snapshots.self, &place.manifest.files[0],
        test_file_in(place.store, "000004.sst"), &is_new));
    CHECK(is_new);
    test_file_check(kept(&place, 0), "a table");
    free_place(&place);
}

TEST(snapshots, a_file_that_changed_since_it_was_listed_is_not_put)
{
    struct place place;
    bool is_new;

    make_place(t, &place);
    CHECK_EQ(unlink(kept(&place, 0)), 0);
    test_file_write(test_file_in(place.store, "000004.sst"), "changed");
    CHECK_ERR(place.snapshots.ops->put(
                  place.snapshots.self, &place.manifest.files[0],
                  test_file_in(place.store, "000004.sst"), &is_new),
              WEFT_ECORRUPT);
    CHECK(!test_file_exists(kept(&place, 0)));
    free_place(&place);
}

TEST(snapshots, a_store_that_was_lost_is_restored)
{
    struct place place;

    make_place(t, &place);
    CHECK_OK(wf_snapshots_forget(place.store));
    CHECK(!test_file_exists(place.store));
    CHECK_OK(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store));
    check_store(&place);
    free_place(&place);
}

TEST(snapshots, what_the_old_store_has_is_not_fetched)
{
    struct place place;
    struct stat before;
    struct stat after;

    make_place(t, &place);
    CHECK_EQ(unlink(kept(&place, 0)), 0);
    CHECK_EQ(unlink(kept(&place, 1)), 0);
    test_file_write(test_file_in(place.store, "empty"), "no more");
    test_file_write(test_file_in(place.store, "000005.sst"), "of others");
    CHECK_EQ(stat(test_file_in(place.store, "000004.sst"), &before), 0);
    CHECK_OK(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store));
    check_store(&place);
    CHECK(!test_file_exists(test_file_in(place.store, "000005.sst")));
    CHECK_EQ(stat(test_file_in(place.store, "000004.sst"), &after), 0);
    CHECK_EQ(after.st_ino, before.st_ino); // tables are linked
    free_place(&place);
}

// Ended anywhere, it goes on from what is there.
TEST(snapshots, a_restore_that_was_ended_goes_on)
{
    struct place place;
    const char *made;

    make_place(t, &place);
    made = test_file_in(test_dir(t), "store.restore");
    CHECK_EQ(rename(place.store, made), 0); // between the two renames
    CHECK_EQ(mkdir(test_file_in(test_dir(t), "store.old"), 0755), 0);
    test_file_write(test_file_in(made, "CURRENT"), "curr"); // cut
    test_file_write(test_file_in(made, "000009.sst"), "of another snapshot");
    CHECK_EQ(unlink(kept(&place, 0)), 0);
    CHECK_OK(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store));
    check_store(&place);
    CHECK(!test_file_exists(test_file_in(place.store, "000009.sst")));
    free_place(&place);
}

TEST(snapshots, a_file_that_is_missing_or_damaged_is_named)
{
    struct place place;

    make_place(t, &place);
    CHECK_EQ(unlink(test_file_in(place.store, "000004.sst")), 0);
    test_file_write(test_file_in(place.store, "CURRENT"), "another");
    CHECK_EQ(unlink(kept(&place, 0)), 0);
    CHECK_ERR(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store),
        WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), kept(&place, 0)) != NULL);
    test_file_write(kept(&place, 0), "a tablE");
    CHECK_ERR(
        wf_snapshots_restore(&place.snapshots, &place.manifest, place.store),
        WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), kept(&place, 0)) != NULL);
    CHECK(strstr(weft_err_detail(), "000004.sst") != NULL);
    test_file_check(test_file_in(place.store, "CURRENT"),
                    "another"); // as it was
    free_place(&place);
}

// Garbage. --------------------------------------------------------------------

static void
count_hash(void *ctx, const uint8_t *hash)
{
    (void)hash;
    (*(uint32_t *)ctx)++;
}

TEST(snapshots, only_files_of_ours_that_are_old_are_listed_and_removed)
{
    struct place place;
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char half[600];
    uint32_t count = 0;

    make_place(t, &place);
    test_file_write(test_file_in(place.files, "somebody's file"), "x");
    (void)snprintf(half, sizeof(half), "%s.1f", kept(&place, 1));
    test_file_write(half, "half");
    CHECK_EQ(utimensat(AT_FDCWD, half, long_ago, 0), 0);
    CHECK_EQ(utimensat(AT_FDCWD, test_file_in(place.files, "somebody's file"),
                       long_ago, 0),
             0);
    CHECK_EQ(utimensat(AT_FDCWD, kept(&place, 0), long_ago, 0), 0);
    CHECK_OK(place.snapshots.ops->list(place.snapshots.self, 3600000,
                                       count_hash, &count));
    CHECK_EQ(count, 1);
    CHECK(!test_file_exists(half));
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_OK(place.snapshots.ops->remove(
            place.snapshots.self, place.manifest.files[i].hash, 3600000));
    }
    CHECK(!test_file_exists(kept(&place, 0)));
    CHECK(test_file_exists(kept(&place, 1)));
    CHECK(test_file_exists(test_file_in(place.files, "somebody's file")));
    // Another node was faster.
    CHECK_OK(place.snapshots.ops->remove(
        place.snapshots.self, place.manifest.files[0].hash, 3600000));
    free_place(&place);
}

// One is being written; of the other the clock was ahead.
TEST(snapshots, what_is_new_is_not_taken_for_old)
{
    struct place place;
    struct timespec later[2] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
    char half[600];
    uint32_t count = 0;

    make_place(t, &place);
    (void)snprintf(half, sizeof(half), "%s.1f", kept(&place, 1));
    test_file_write(half, "half");
    CHECK_EQ(utimensat(AT_FDCWD, kept(&place, 0), later, 0), 0);
    CHECK_OK(place.snapshots.ops->list(place.snapshots.self, 3600000,
                                       count_hash, &count));
    CHECK_EQ(count, 0);
    CHECK(test_file_exists(half));
    CHECK_OK(place.snapshots.ops->remove(
        place.snapshots.self, place.manifest.files[0].hash, 3600000));
    CHECK(test_file_exists(kept(&place, 0)));
    free_place(&place);
}

TEST(snapshots, clusters_that_share_a_directory_do_not_meet)
{
    struct place place;
    struct wf_snapshots other;
    uint32_t count = 0;
    bool has = true;

    make_place(t, &place);
    CHECK_OK(wf_snapshots_dir_open(place.dir, other_id, &other));
    CHECK_OK(other.ops->has(other.self, &place.manifest.files[0], &has));
    CHECK(!has);
    CHECK_OK(other.ops->list(other.self, 0, count_hash, &count));
    CHECK_EQ(count, 0);
    other.ops->close(other.self);
    free_place(&place);
}

TEST(snapshots, what_is_no_place_is_refused)
{
    struct wf_snapshots snapshots;

    CHECK_ERR(wf_snapshots_open("dir:here", cluster_id, &snapshots),
              WEFT_EINVAL);
    CHECK_ERR(wf_snapshots_open("ftp://x", cluster_id, &snapshots),
              WEFT_EINVAL);
    CHECK_ERR(wf_snapshots_open("dir:/does/not/exist", cluster_id, &snapshots),
              WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "/does/not/exist") != NULL);
}

TEST(snapshots, whoever_waits_gives_up_when_stopped)
{
    struct place place;
    bool has;

    make_place(t, &place);
    place.snapshots.ops->stop(place.snapshots.self);
    CHECK_ERR(place.snapshots.ops->has(place.snapshots.self,
                                       &place.manifest.files[0], &has),
              WEFT_EIO);
    free_place(&place);
}
