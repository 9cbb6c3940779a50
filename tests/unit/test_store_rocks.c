// SPDX-License-Identifier: Apache-2.0
//
// test_store_rocks.c - what RocksDB's files can suffer, and what we say then.

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "storage/lockfile.h"
#include "storage/store.h"
#include "support/test.h"

static struct wf_store
open_store(const char *dir)
{
    struct wf_store store;

    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    return store;
}

static weft_err
try_open(const char *dir)
{
    struct wf_store store;
    weft_err err = wf_store_rocks_open(dir, false, &store);

    if (err == WEFT_OK) {
        store.ops->close(store.self);
    }
    return err;
}

static weft_err
put(struct wf_store store, unsigned number, bool sync)
{
    struct wf_batch batch = {0};
    struct wf_buf value = {0};
    char key[16];
    weft_err err;

    snprintf(key, sizeof(key), "%06u", number);
    for (int i = 0; i < 100; i++) {
        wf_buf_put_u8(&value, (uint8_t)(number + 31U * (unsigned)i * number));
    }
    wf_batch_put(&batch, WF_CF_DATA, weft_text(key), wf_buf_bytes(&value));
    err = store.ops->write(store.self, &batch, sync);
    wf_batch_fini(&batch);
    wf_buf_fini(&value);
    return err;
}

static weft_err
get(struct wf_store store, unsigned number)
{
    struct wf_buf value = {0};
    char key[16];
    weft_err err;

    snprintf(key, sizeof(key), "%06u", number);
    err = store.ops->get(store.self, WF_CF_DATA, weft_text(key), &value);
    wf_buf_fini(&value);
    return err;
}

static bool
count_row(void *ctx, weft_bytes key, weft_bytes value)
{
    unsigned *count = ctx;

    (void)key;
    (void)value;
    ++*count;
    return true;
}

static weft_err
count_from(struct wf_store store, const char *from, unsigned *out_count)
{
    *out_count = 0;
    return store.ops->scan(store.self, WF_CF_DATA, weft_text(from),
                           weft_nothing(), count_row, out_count);
}

static weft_err
count_rows(struct wf_store store, unsigned *out_count)
{
    return count_from(store, "", out_count);
}

// The other process is forked first of all: before RocksDB has threads.
TEST(store_rocks, held_by_another_process_is_busy_until_it_dies)
{
    const char *dir = test_dir(t);
    struct wf_store store;
    int pipe_fds[2];
    char byte;
    pid_t child;

    CHECK_EQ(pipe(pipe_fds), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (wf_store_rocks_open(dir, false, &store) != WEFT_OK ||
            put(store, 1, true) != WEFT_OK || put(store, 2, false) != WEFT_OK ||
            write(pipe_fds[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(pipe_fds[1]);
    CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
    close(pipe_fds[0]);

    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), dir) != NULL);
    CHECK(strstr(weft_err_detail(), "held by another process") != NULL);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), dir) != NULL);

    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    store = open_store(dir);
    CHECK_OK(get(store, 1));
    CHECK_OK(get(store, 2)); // not synced, but the system lives
    store.ops->close(store.self);
}

TEST(store_rocks, held_by_this_process_stays_held)
{
    const char *dir = test_dir(t);
    struct wf_store store = open_store(dir);
    struct wf_store other;

    CHECK_ERR(wf_store_rocks_open(dir, false, &other), WEFT_EBUSY);
    CHECK_ERR(wf_store_rocks_open(dir, true, &other), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), "held by this process") != NULL);
    store.ops->close(store.self);
    CHECK_OK(try_open(dir));
}

// The directory's file whose name ends so; the one with the highest number.
static const char *
find_file(const char *dir, const char *ending)
{
    static char path[4096];
    char best[256] = "";
    const struct dirent *entry;
    DIR *stream = opendir(dir);

    CHECK(stream != NULL);
    while ((entry = readdir(stream)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len >= strlen(ending) &&
            strcmp(entry->d_name + len - strlen(ending), ending) == 0 &&
            strcmp(entry->d_name, best) > 0) {
            snprintf(best, sizeof(best), "%s", entry->d_name);
        }
    }
    closedir(stream);
    CHECK(best[0] != '\0');
    snprintf(path, sizeof(path), "%s/%s", dir, best);
    return path;
}

// A store with 20 synced rows, in its write-ahead log only.
static void
make_logged(const char *dir)
{
    struct wf_store store = open_store(dir);

    for (unsigned i = 0; i < 20; i++) {
        CHECK_OK(put(store, i, true));
    }
    store.ops->close(store.self);
}

// A store with many rows, in a table.
static void
make_flushed(const char *dir, unsigned count)
{
    struct wf_store store = open_store(dir);

    for (unsigned i = 0; i < count; i++) {
        CHECK_OK(put(store, i, false));
    }
    CHECK_OK(store.ops->flush(store.self));
    store.ops->close(store.self);
}

TEST(store_rocks, a_torn_end_of_the_wal_loses_that_record_only)
{
    const char *dir = test_dir(t);
    struct wf_store store;
    const char *wal;
    unsigned count;

    make_logged(dir);
    wal = find_file(dir, ".log");
    CHECK_EQ(truncate(wal, test_file_size(wal) - 3), 0);
    store = open_store(dir);
    CHECK_OK(count_rows(store, &count));
    CHECK_EQ(count, 19);
    store.ops->close(store.self);
}

TEST(store_rocks, a_damaged_wal_is_refused_and_left_alone)
{
    const char *dir = test_dir(t);
    const char *wal;
    off_t size;

    make_logged(dir);
    wal = find_file(dir, ".log");
    size = test_file_size(wal);
    test_file_damage(wal, size / 2);
    CHECK_ERR(try_open(dir), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), dir) != NULL);
    CHECK_EQ(test_file_size(wal), size);

    test_file_damage(wal, size / 2); // the same bit again: whole
    CHECK_OK(try_open(dir));
}

TEST(store_rocks, a_missing_or_short_table_is_refused)
{
    const char *dir = test_dir(t);
    char table[4096];

    make_flushed(dir, 10);
    snprintf(table, sizeof(table), "%s", find_file(dir, ".sst"));
    CHECK_EQ(truncate(table, test_file_size(table) - 1), 0);
    CHECK_ERR(try_open(dir), WEFT_ECORRUPT);
    CHECK_EQ(unlink(table), 0);
    CHECK_ERR(try_open(dir), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), ".sst") != NULL);
}

TEST(store_rocks, a_missing_current_is_refused)
{
    const char *dir = test_dir(t);

    make_flushed(dir, 10);
    CHECK_EQ(unlink(find_file(dir, "CURRENT")), 0);
    CHECK_ERR(try_open(dir), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "CURRENT") != NULL);
    find_file(dir, ".sst"); // it was not taken for a new store
}

TEST(store_rocks, a_missing_manifest_is_refused)
{
    const char *dir = test_dir(t);
    struct dirent *entry;
    DIR *stream;

    make_flushed(dir, 10);
    stream = opendir(dir);
    while ((entry = readdir(stream)) != NULL) {
        if (strncmp(entry->d_name, "MANIFEST-", 9) == 0) {
            CHECK_EQ(unlinkat(dirfd(stream), entry->d_name, 0), 0);
        }
    }
    closedir(stream);
    CHECK_ERR(try_open(dir), WEFT_ECORRUPT);
    find_file(dir, ".sst");
}

// RocksDB names its first manifest in CURRENT and then syncs the directory: a
// power cut between the two may leave one name without the other.
TEST(store_rocks, one_that_was_cut_while_it_was_made_is_made_again)
{
    const char *current = test_file_in(test_dir(t), "CURRENT");
    struct wf_store store;

    test_file_write(current, "MANIFEST-000001\n");
    test_file_write(test_file_in(test_dir(t), "IDENTITY"), "one");
    CHECK_ERR(wf_store_rocks_open(test_dir(t), true, &store), WEFT_ENOTFOUND);
    test_file_check(current, "MANIFEST-000001\n");
    CHECK_OK(try_open(test_dir(t)));
    CHECK_OK(try_open(test_dir(t)));
}

TEST(store_rocks, one_that_holds_anything_is_not_made_again)
{
    static const char *const files[] = {"MANIFEST-000004", "000005.sst",
                                        "000004.log"};
    const char *current = test_file_in(test_dir(t), "CURRENT");

    for (size_t i = 0; i < 3; i++) {
        test_file_write(current, "MANIFEST-000001\n");
        test_file_write(test_file_in(test_dir(t), files[i]), "");
        CHECK_ERR(try_open(test_dir(t)), WEFT_ECORRUPT);
        test_file_check(current, "MANIFEST-000001\n");
        CHECK_EQ(unlink(test_file_in(test_dir(t), files[i])), 0);
    }
}

TEST(store_rocks, a_damaged_table_is_corrupt_where_it_is_read)
{
    const char *dir = test_dir(t);
    struct wf_store store;
    unsigned count;
    unsigned corrupt = 0;
    const char *table;

    make_flushed(dir, 5000);
    table = find_file(dir, ".sst");
    test_file_damage(table, test_file_size(table) / 2);
    store = open_store(dir);
    CHECK_ERR(count_rows(store, &count), WEFT_ECORRUPT);
    CHECK(count < 5000);
    CHECK_ERR(count_from(store, "000001", &count), WEFT_ECORRUPT);
    CHECK_OK(count_from(store, "004999", &count));
    CHECK_EQ(count, 1);
    CHECK_ERR(store.ops->verify(store.self), WEFT_ECORRUPT);
    for (unsigned i = 0; i < 5000; i++) {
        weft_err err = get(store, i);
        CHECK(err == WEFT_OK || err == WEFT_ECORRUPT);
        corrupt += err == WEFT_ECORRUPT;
    }
    CHECK(corrupt > 0 && corrupt < 1000);
    store.ops->close(store.self);
}

TEST(store_rocks, what_is_no_directory_is_refused)
{
    const char *dir = test_dir(t);
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/file", dir);
    file = fopen(path, "w");
    fclose(file);
    CHECK_ERR(try_open(path), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), path) != NULL);
    snprintf(path, sizeof(path), "%s/no/such/parent", dir);
    CHECK_ERR(try_open(path), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), path) != NULL);
}

// Names, sizes and times of all there is.
static void
describe(const char *dir, char *out, size_t size)
{
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);
    size_t len = 0;

    CHECK(count > 0);
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat status;

        if (strcmp(entries[i]->d_name, "..") == 0) {
            free(entries[i]);
            continue; // somebody else's
        }
        snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
        CHECK_EQ(stat(path, &status), 0);
        len += (size_t)snprintf(out + len, size - len, "%s %lld %lld.%09ld\n",
                                entries[i]->d_name, (long long)status.st_size,
                                (long long)status.st_mtim.tv_sec,
                                status.st_mtim.tv_nsec);
        CHECK(len < size);
        free(entries[i]);
    }
    free(entries);
}

TEST(store_rocks, reading_only_changes_nothing)
{
    const char *dir = test_dir(t);
    static char before[8192];
    static char after[8192];
    struct wf_store store;
    unsigned count;
    char none[4096];

    make_flushed(dir, 10);
    make_logged(dir);
    describe(dir, before, sizeof(before));
    CHECK_OK(wf_store_rocks_open(dir, true, &store));
    CHECK_OK(count_rows(store, &count));
    CHECK_EQ(count, 20);
    CHECK_OK(store.ops->verify(store.self));
    CHECK_ERR(put(store, 1, true), WEFT_EINVAL);
    CHECK_ERR(store.ops->flush(store.self), WEFT_EINVAL);
    CHECK_OK(get(store, 1));
    store.ops->close(store.self);
    describe(dir, after, sizeof(after));
    CHECK_STR(after, before);

    snprintf(none, sizeof(none), "%s/none", dir);
    CHECK_ERR(wf_store_rocks_open(none, true, &store), WEFT_ENOTFOUND);
    CHECK(access(none, F_OK) != 0);
    CHECK_EQ(mkdir(none, 0755), 0);
    CHECK_ERR(wf_store_rocks_open(none, true, &store), WEFT_ENOTFOUND);
}

TEST(store_rocks, an_injected_stall_writes_nothing)
{
    struct wf_store store = open_store(test_dir(t));

    wf_fault_arm(WF_FAULT_COMMIT_STALL, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_OK(put(store, 1, false)); // only synced writes are commits
    CHECK_ERR(put(store, 2, true), WEFT_EBUSY);
    CHECK_ERR(get(store, 2), WEFT_ENOTFOUND);
    CHECK_OK(put(store, 2, true));
    wf_fault_disarm_all();
    store.ops->close(store.self);
}

TEST(store_rocks, after_a_failed_write_all_calls_fail_until_reopened)
{
    const char *dir = test_dir(t);
    char copy[4096];
    struct wf_store store = open_store(dir);
    unsigned count;

    snprintf(copy, sizeof(copy), "%s/copy", dir);
    wf_fault_arm(WF_FAULT_COMMIT_EIO, WF_FAULT_ACTION_FAIL, 0, 1);
    CHECK_ERR(put(store, 1, true), WEFT_EIO);
    wf_fault_disarm_all();
    CHECK_ERR(put(store, 2, true), WEFT_ECLOSED);
    CHECK_ERR(put(store, 2, false), WEFT_ECLOSED);
    CHECK_ERR(get(store, 1), WEFT_ECLOSED);
    CHECK_ERR(count_rows(store, &count), WEFT_ECLOSED);
    CHECK_ERR(store.ops->flush(store.self), WEFT_ECLOSED);
    CHECK_ERR(store.ops->verify(store.self), WEFT_ECLOSED);
    CHECK_ERR(store.ops->checkpoint(store.self, copy), WEFT_ECLOSED);
    store.ops->close(store.self);
    store = open_store(dir);
    CHECK_OK(get(store, 1)); // failed, and there: that is why it is unknown
    CHECK_OK(put(store, 2, true));
    store.ops->close(store.self);
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// Not one that was put in: the system does not let the file grow.
TEST(store_rocks, after_a_write_that_the_system_failed_they_do_too)
{
    const char *dir = test_dir(t);
    struct wf_store store = open_store(dir);
    unsigned written = 0;
    weft_err err = WEFT_OK;

    CHECK_OK(put(store, 0, true));
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files((rlim_t)test_file_size(find_file(dir, ".log")) + 2000);
    while (err == WEFT_OK && written < 1000) {
        err = put(store, ++written, true);
    }
    limit_files(RLIM_INFINITY);
    CHECK_ERR(err, WEFT_EIO);
    CHECK_ERR(put(store, written, true), WEFT_ECLOSED);
    CHECK_ERR(get(store, 0), WEFT_ECLOSED);
    store.ops->close(store.self);
    store = open_store(dir);
    for (unsigned i = 0; i < written; i++) {
        CHECK_OK(get(store, i));
    }
    CHECK_OK(put(store, written, true));
    store.ops->close(store.self);
}

static unsigned
count_files(const char *dir, const char *ending)
{
    const struct dirent *entry;
    DIR *stream = opendir(dir);
    unsigned count = 0;

    CHECK(stream != NULL);
    while ((entry = readdir(stream)) != NULL) {
        const char *end = strstr(entry->d_name, ending);

        count += end != NULL && strcmp(end, ending) == 0;
    }
    closedir(stream);
    return count;
}

// The log is trimmed for all of them.
TEST(store_rocks, a_flush_puts_rows_of_every_family_into_tables)
{
    const char *dir = test_dir(t);
    struct wf_store store = open_store(dir);
    struct wf_batch batch = {0};

    wf_batch_put(&batch, WF_CF_META, weft_text("key"), weft_text("value"));
    CHECK_OK(store.ops->write(store.self, &batch, false));
    CHECK_OK(put(store, 1, false));
    CHECK_EQ(count_files(dir, ".sst"), 0);
    CHECK_OK(store.ops->flush(store.self));
    CHECK_EQ(count_files(dir, ".sst"), 2);
    wf_batch_fini(&batch);
    store.ops->close(store.self);
}

TEST(store_rocks, a_checkpoint_opens_as_the_store_was)
{
    const char *dir = test_dir(t);
    char from[4096];
    char to[4096];
    struct wf_store store;
    struct wf_store copy;

    snprintf(from, sizeof(from), "%s/from", dir);
    snprintf(to, sizeof(to), "%s/to", dir);
    store = open_store(from);
    CHECK_OK(put(store, 1, false));
    CHECK_OK(store.ops->checkpoint(store.self, to));
    CHECK_ERR(store.ops->checkpoint(store.self, to), WEFT_EEXISTS);
    CHECK_OK(put(store, 2, true));
    copy = open_store(to);
    CHECK_OK(get(copy, 1));
    CHECK_ERR(get(copy, 2), WEFT_ENOTFOUND);
    CHECK_OK(put(copy, 3, true));
    CHECK_ERR(get(store, 3), WEFT_ENOTFOUND);
    copy.ops->close(copy.self);
    store.ops->close(store.self);
}

// A path that the system takes, and that is too long for the files below it.
TEST(store_rocks, a_path_without_room_for_its_files_is_refused)
{
    struct wf_store store;
    char path[5000];
    size_t len = (size_t)snprintf(path, sizeof(path), "%s", test_dir(t));

    while (len + 4 < 4096) {
        memcpy(path + len, "/.", 3);
        len += 2;
    }
    CHECK_EQ(access(path, F_OK), 0);
    CHECK_ERR(wf_lockfile_check(path), WEFT_EINVAL);
    CHECK_ERR(wf_store_rocks_open(path, false, &store), WEFT_EINVAL);
}

TEST(store_rocks,
     files_of_a_store_without_current_are_not_taken_for_an_empty_one)
{
    const char *dir = test_dir(t);
    struct wf_store store;
    char path[700];
    FILE *file;

    snprintf(path, sizeof(path), "%s/000004.log", dir);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "no CURRENT") != NULL);
    CHECK_EQ(unlink(path), 0);

    snprintf(path, sizeof(path), "%s/1.txt", dir); // is none of a store
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_ENOTFOUND);
    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    store.ops->close(store.self);
}
