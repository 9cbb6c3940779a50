// SPDX-License-Identifier: Apache-2.0
//
// test_wal.c - a write-ahead log whose last record is torn, and one that is
// damaged.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/beacon.h"
#include "storage/store.h"
#include "storage/wal.h"
#include "support/test.h"

#define RECORD_BYTES 100000U // several blocks of the log
#define RECORDS 3

static void
put(struct wf_store store, unsigned number, size_t bytes)
{
    struct wf_batch batch = {0};
    char *value = malloc(bytes);
    char key[16];

    snprintf(key, sizeof(key), "%u", number);
    memset(value, (int)('a' + number), bytes);
    wf_batch_put(&batch, WF_CF_DATA, weft_text(key),
                 weft_bytes_of(value, bytes));
    if (store.ops->write(store.self, &batch, true) != WEFT_OK) {
        _exit(1);
    }
    wf_batch_fini(&batch);
    free(value);
}

static bool
has(struct wf_store store, unsigned number)
{
    struct wf_buf value = {0};
    char key[16];
    weft_err err;

    snprintf(key, sizeof(key), "%u", number);
    err = store.ops->get(store.self, WF_CF_DATA, weft_text(key), &value);
    wf_buf_fini(&value);
    return err == WEFT_OK;
}

// A store that was killed after its records, of so many bytes each, into an
// empty directory; *out_state: its files.
static void
make_store_in(const char *dir, size_t bytes, struct wf_beacon_state *out_state)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct wf_store store;

        if (wf_store_rocks_open(dir, false, &store) != WEFT_OK) {
            _exit(1);
        }
        for (unsigned i = 0; i < RECORDS; i++) {
            put(store, i, bytes);
        }
        (void)kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_OK(wf_beacon_list_files(dir, out_state));
    CHECK(out_state->files_count > 0);
    CHECK(out_state->files[0].bytes > RECORDS * bytes);
}

static const char *
make_store(struct test *t, struct wf_beacon_state *out_state)
{
    const char *dir = test_dir(t);

    make_store_in(dir, RECORD_BYTES, out_state);
    return dir;
}

static int
open_log(const char *dir, const struct wf_beacon_state *state)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%06u.log", dir,
             (unsigned)state->files[0].number);
    fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    return fd;
}

static void
spoil(const char *dir, const struct wf_beacon_state *state, uint64_t at)
{
    static const char zeros[4096];
    int fd = open_log(dir, state);

    CHECK_EQ(pwrite(fd, zeros, sizeof(zeros), (off_t)at),
             (ssize_t)sizeof(zeros));
    CHECK_EQ(close(fd), 0);
}

TEST(wal, a_hole_in_the_last_record_is_the_end)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);
    struct wf_wal_end end;
    struct wf_store store;

    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    spoil(dir, &state, 2 * RECORD_BYTES + 40000);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(end.is_torn);
    CHECK_EQ(end.number, state.files[0].number);
    CHECK(end.offset > 2 * RECORD_BYTES);
    CHECK(end.offset < 2 * RECORD_BYTES + 1000);

    CHECK_OK(wf_store_rocks_open(dir, true, &store)); // changes nothing
    CHECK(has(store, 1) && !has(store, 2));
    store.ops->close(store.self);
    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    CHECK(has(store, 0) && has(store, 1) && !has(store, 2));
    store.ops->close(store.self);
}

TEST(wal, a_record_before_a_whole_one_is_damaged)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);
    struct wf_wal_end end;
    struct wf_store store;

    spoil(dir, &state, RECORD_BYTES + 40000);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    CHECK_ERR(wf_store_rocks_open(dir, true, &store), WEFT_ECORRUPT);
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
}

// All pieces that are there are right; the last one of its record is not there.
TEST(wal, a_log_that_was_cut_between_two_blocks_is_torn)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);
    int fd = open_log(dir, &state);
    struct wf_wal_end end;
    struct wf_store store;

    CHECK_EQ(ftruncate(fd, (off_t)7 * 32768), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(end.is_torn);
    CHECK(end.offset > 2 * RECORD_BYTES);
    CHECK(end.offset < 2 * RECORD_BYTES + 1000);
    CHECK_OK(wf_store_rocks_open(dir, false, &store));
    CHECK(has(store, 0) && has(store, 1) && !has(store, 2));
    store.ops->close(store.self);
}

static void
check_first_is_damaged(const char *dir, const struct wf_beacon_state *state)
{
    int fd = open_log(dir, state);
    struct wf_wal_end end;
    struct wf_store store;
    uint8_t byte;

    CHECK_EQ(pread(fd, &byte, 1, 30), 1);
    byte ^= 1;
    CHECK_EQ(pwrite(fd, &byte, 1, 30), 1);
    CHECK_EQ(close(fd), 0);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    CHECK_ERR(wf_store_rocks_open(dir, false, &store), WEFT_ECORRUPT);
}

// Wherever in a block the whole one begins. All are made first: who has opened
// one has RocksDB's threads, and then the thread sanitizer forks no more.
TEST(wal, a_record_before_a_whole_one_of_its_block_is_damaged)
{
    struct wf_beacon_state states[7] = {0};

    for (unsigned i = 0; i < 7; i++) {
        char name[8];

        snprintf(name, sizeof(name), "%u", i);
        make_store_in(test_file_in(test_dir(t), name), 40 + i, &states[i]);
    }
    for (unsigned i = 0; i < 7; i++) {
        char name[8];

        snprintf(name, sizeof(name), "%u", i);
        check_first_is_damaged(test_file_in(test_dir(t), name), &states[i]);
    }
}

TEST(wal, a_torn_record_may_begin_where_a_beacon_ends)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);
    struct wf_wal_end end;

    spoil(dir, &state, 2 * RECORD_BYTES + 40000);
    CHECK_OK(wf_wal_find_end(dir, &end));
    state.files[0].bytes = end.offset;
    CHECK_OK(wf_beacon_check_end(dir, &state));
    state.files[0].bytes++;
    CHECK_ERR(wf_beacon_check_end(dir, &state), WEFT_ECORRUPT);
}

TEST(wal, what_a_beacon_knows_of_is_not_torn)
{
    struct wf_beacon_state state = {0};
    const char *dir = make_store(t, &state);

    CHECK_OK(wf_beacon_check_end(dir, &state));
    spoil(dir, &state, 2 * RECORD_BYTES + 40000);
    CHECK_ERR(wf_beacon_check_end(dir, &state), WEFT_ECORRUPT);
    CHECK(strstr(weft_err_detail(), "fails its check") != NULL);
    state.files[0].bytes = 2 * RECORD_BYTES;
    CHECK_OK(wf_beacon_check_end(dir, &state));
}

TEST(wal, no_file_and_an_empty_one_are_whole)
{
    struct wf_wal_end end;
    const char *dir = test_dir(t);
    char path[512];

    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    snprintf(path, sizeof(path), "%s/000004.log", dir);
    CHECK_EQ(close(open(path, O_WRONLY | O_CREAT, 0644)), 0);
    CHECK_OK(wf_wal_find_end(dir, &end));
    CHECK(!end.is_torn);
    CHECK_EQ(wf_wal_parse_name("000012.log"), 12);
    CHECK_EQ(wf_wal_parse_name("12.sst"), 0);
    CHECK_EQ(wf_wal_parse_name("LOG"), 0);
}
